"""Facts that reach the inbox become the board, the KPIs and the archive, on a real database and over real HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.analytics.domain.kpis import kpis
from services.analytics.views import summaries
from shared.contracts.common import OrderKind
from shared.messaging.batch import batch_of
from tests.browser.warroom import WarRoom, open_warroom
from tests.support.database import Database
from tests.unit.analytics.telling import (
    NOON,
    OneOrder,
    OneRider,
    merchant_paused,
    merchant_registered,
    minutes,
)

NOW = NOON + minutes(50)


@pytest.fixture(scope="module")
def room(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarRoom]:
    with open_warroom(tmp_path_factory.mktemp("analytics"), database, NOW) as opened:
        merchant_registered(opened.story, "mer_1", "Lotus Noodles")
        OneRider(opened.story, "rid_1").start(NOON)
        OneRider(opened.story, "rid_2").start(NOON)
        OneOrder(opened.story, "ord_done").to_the_door(after=30)
        OneOrder(opened.story, "ord_done").review(NOON + minutes(40), 5, 4, 3)
        late = OneOrder(opened.story, "ord_late", promised_after=minutes(20))
        late.to_the_road()
        OneOrder(opened.story, "ord_failed", rider_id="rid_2").to_the_road()
        OneOrder(opened.story, "ord_failed", rider_id="rid_2").fail(NOON + minutes(33))
        opened.tell_and_fold()
        yield opened


@pytest.fixture
def operations(room: WarRoom) -> Iterator[httpx.Client]:
    with room.client() as client:
        yield client


class Reader:
    """Reads the events of the live board one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()

    def next(self, *kinds: str) -> tuple[int, dict[str, Any]]:
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line and name and name != "retry":
                fields[name] = value
                continue
            if fields.get("event") in kinds:
                return int(fields.get("id", 0)), json.loads(fields["data"])
            fields = {}
        raise AssertionError("the stream ended")


def board(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/board").json()
    return found


def lasting(found: dict[str, Any]) -> dict[str, Any]:
    """A board without what time alone changes."""
    return {key: value for key, value in found.items() if key not in {"server_time", "red_flags"}}


def test_the_board_shows_what_the_facts_say(operations: httpx.Client) -> None:
    shown = board(operations)
    assert shown["states"] == {"delivered": 1, "delivering": 1, "delivery_exception": 1}
    assert [(red["order_id"], red["flag"]) for red in shown["red_flags"]] == [
        ("ord_failed", "failed"),
        ("ord_late", "late"),
    ]
    assert shown["red_flags"][1]["late_minutes"] >= 30
    assert shown["riders"] == {"on_shift": 2, "free": 1, "busy": 1, "silent": 0}
    assert {order["merchant_name"] for order in shown["orders"]} == {"Lotus Noodles"}
    assert shown["feed"][0]["position"] > shown["feed"][-1]["position"]


def test_the_kpis_come_from_the_events_own_times(operations: httpx.Client) -> None:
    told = operations.get("/v1/kpis").json()
    assert told["order_processing_minutes"] == {"mean": 30, "p50": 30, "p90": 30, "count": 1}
    assert told["ready_to_pickup_minutes"]["count"] == 3
    assert told["on_time_rate"] == {"value": 1, "part": 1, "whole": 1}
    assert told["satisfaction"]["mean"] == 4
    assert told["orders"] == 3


def test_kpis_of_a_span_count_the_orders_placed_in_it(operations: httpx.Client) -> None:
    query = {"placed_from": (NOON + minutes(1)).isoformat()}
    assert operations.get("/v1/kpis", params=query).json()["orders"] == 0
    query = {"placed_until": (NOON + minutes(1)).isoformat()}
    assert operations.get("/v1/kpis", params=query).json()["orders"] == 3


def test_kpis_are_split_by_kind_and_asked_for_by_kind(operations: httpx.Client) -> None:
    whole = operations.get("/v1/kpis").json()
    assert {kind: figures["orders"] for kind, figures in whole["kinds"].items()} == {"food": 3}
    assert operations.get("/v1/kpis", params={"kind": "errand_buy"}).json()["orders"] == 0
    food = operations.get("/v1/kpis", params={"kind": "food"}).json()
    assert (food["kind"], food["on_time_rate"]) == ("food", whole["on_time_rate"])


def test_hearing_everything_twice_changes_nothing(room: WarRoom, operations: httpx.Client) -> None:
    before, end = lasting(board(operations)), room.parts.store.log_position()
    room.parts.inbox.consume(batch_of(*room.story.bodies()))
    room.sequencer.tick()
    assert room.parts.store.log_position() == end
    assert lasting(board(operations)) == before


def test_folding_the_whole_log_again_changes_nothing(room: WarRoom, operations: httpx.Client) -> None:
    before = lasting(board(operations))
    handle = room.parts.board.apply
    with room.parts.store.transaction() as tx:
        for stored in room.parts.store.log_after(0, 10_000):
            handle(tx, stored)
    after = lasting(board(operations))
    assert {**after, "position": 0} == {**before, "position": 0}


def test_postgresql_agrees_on_the_quantiles(room: WarRoom) -> None:
    with room.parts.store.transaction() as tx:
        row = tx.connection.execute(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ready_to_pickup_minutes) AS p50,"
            " percentile_cont(0.9) WITHIN GROUP (ORDER BY ready_to_pickup_minutes) AS p90 FROM order_board"
        ).fetchone()
    with room.parts.store.transaction() as tx:
        _, orders = summaries(tx.connection, None, None)
    told = kpis(orders).ready_to_pickup_minutes
    assert row == {"p50": told.p50, "p90": told.p90}


def test_the_archive_gives_every_fact_once_and_in_order(room: WarRoom) -> None:
    after, heard = 0, []
    with room.client("analyst") as client:
        while after is not None:
            page = client.get("/v1/facts", params={"after": after, "limit": 7}).json()
            heard += page["items"]
            after = page["next"]
    assert [item["position"] for item in heard] == list(range(1, room.parts.store.log_position() + 1))
    assert {item["fact"]["message_id"] for item in heard} == {envelope.id for _, envelope in room.story.told}


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("customer", "/v1/board", 403),
        ("rider", "/v1/kpis", 403),
        ("merchant", "/v1/board/live", 403),
        ("dispatcher", "/v1/facts", 403),
        ("dispatcher", "/v1/board", 200),
        ("support", "/v1/kpis", 200),
    ],
)
def test_who_may_see_what(room: WarRoom, role: str, path: str, status: int) -> None:
    with room.client(role) as client:
        assert client.get(path).status_code == status


@pytest.mark.parametrize("query", ["?after=-1", "?limit=0", "?limit=100000", "?after=soon", "?unknown=1"])
def test_a_bad_question_to_the_archive_gets_its_problem_document(room: WarRoom, query: str) -> None:
    with room.client("analyst") as client:
        answer = client.get(f"/v1/facts{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_page_gets_the_board_and_then_only_what_changed(room: WarRoom, operations: httpx.Client) -> None:
    with operations.stream("GET", "/v1/board/live") as answer:
        reader = Reader(answer)
        position, snapshot = reader.next("snapshot")
        assert snapshot["states"]["delivering"] == 1
        assert position == snapshot["position"]
        life = OneOrder(room.story, "ord_late", promised_after=minutes(20))
        life.at_door(NOON + minutes(48))
        life.delivered(NOON + minutes(48))
        end = room.tell()
        seen: dict[str, Any] = {}
        while position < end:
            position, change = reader.next("change")
            seen = {**seen, **{key: value for key, value in change.items() if value not in (None, [])}}
    assert seen["gone"] == ["ord_late"]
    assert seen["states"] == {"delivered": 2, "delivery_exception": 1}
    assert seen["kpis"]["on_time_rate"] == {"value": 0.5, "part": 1, "whole": 2}


def test_a_page_that_comes_back_gets_what_it_missed_and_no_more(room: WarRoom, operations: httpx.Client) -> None:
    with operations.stream("GET", "/v1/board/live") as answer:
        known, _ = Reader(answer).next("snapshot")
    OneOrder(room.story, "ord_meanwhile", placed_at=NOON + minutes(49)).place()
    end = room.tell()
    with operations.stream("GET", "/v1/board/live", headers={"Last-Event-ID": str(known)}) as answer:
        position, change = Reader(answer).next("change", "snapshot")
    assert (change["kind"], change["after"], position) == ("change", known, end)
    assert [order["order_id"] for order in change["orders"]] == ["ord_meanwhile"]


def test_a_page_whose_place_is_not_known_any_more_gets_the_whole_board(operations: httpx.Client) -> None:
    with operations.stream("GET", "/v1/board/live", headers={"Last-Event-ID": "3"}) as answer:
        _, whole = Reader(answer).next("change", "snapshot")
    assert whole["kind"] == "snapshot"


def test_a_quiet_board_still_gives_signs_of_life_with_the_platforms_time(operations: httpx.Client) -> None:
    with operations.stream("GET", "/v1/board/live") as answer:
        reader = Reader(answer)
        position, snapshot = reader.next("snapshot")
        _, tick = reader.next("tick")
    assert tick["position"] == position
    assert tick["server_time"] > snapshot["server_time"]


def test_orders_leave_the_board_a_day_after_they_were_placed(room: WarRoom, operations: httpx.Client) -> None:
    old = OneOrder(room.story, "ord_yesterday", placed_at=NOW - timedelta(hours=25))
    old.to_the_door(after=20)
    room.tell_and_fold()
    assert operations.get("/v1/kpis").json()["orders"] == 5
    assert sum(board(operations)["states"].values()) == 4


def test_boards_made_before_orders_had_kinds_are_split_by_what_the_log_says(room: WarRoom) -> None:
    OneOrder(room.story, "ord_errand", merchant_id="", kind=OrderKind.BUY).place()
    room.tell_and_fold()
    migration = Path("services/analytics/migrations/0002_kinds.sql").read_text(encoding="utf-8")
    with room.parts.store.transaction() as tx:
        tx.connection.execute("UPDATE order_board SET kind = 'food', timeline = timeline - 'kind'")
        tx.connection.execute(migration.partition(";")[2])
        found = tx.connection.execute(
            "SELECT kind, timeline ->> 'kind' AS kept, count(*) AS rows FROM order_board GROUP BY 1, 2 ORDER BY 1"
        ).fetchall()
    assert [(row["kind"], row["kept"]) for row in found] == [("errand_buy", "errand_buy"), ("food", None)]


def test_the_feed_names_a_merchant_that_pauses(room: WarRoom) -> None:
    merchant_paused(room.story, "mer_1", NOON + minutes(42), NOON + minutes(72))
    newest = room.tell_and_fold()["feed"][0]
    assert (newest["type"], newest["merchant_name"], newest["detail"]) == (
        "MerchantPaused",
        "Lotus Noodles",
        "too_busy",
    )
    assert newest["until"].startswith("2025-03-14T13:12:00")
