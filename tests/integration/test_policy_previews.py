"""Previews of policy versions: asked for at the gateway, played by a process of its own, and read when done."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from deploy.local.backends import Backends
from services.dispatch import preview_views
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.lab.kpis import KPIS
from services.dispatch.lab.previewing import Player
from services.dispatch.lab.synthetic import TownSize
from services.dispatch.preview_views import Preview
from shared.eventstore.postgres import PostgresStore
from shared.kernel.clock import VirtualClock
from tests.integration.test_policy_gateway import Office
from tests.support.database import Database
from tests.support.dispatch_town import Town, dispatch_town
from tests.support.waiting import wait_until
from tests.unit.dispatch import scenes as s

QUICK = {"dispatch": {"engine_turn_seconds": 300, "futures": 1}}
TINY = TownSize(orders=12, riders=3, shops=4)
EVERY_TWO_MINUTES = replace(DispatchPolicy(), engine_turn_seconds=120)
_numbers = count(1)


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with dispatch_town(backends, session_folder / "previews", QUICK) as town:
        yield town


@pytest.fixture
def office(town: Town) -> Office:
    return Office(town)


def test_a_version_is_played_beside_the_one_in_force_by_a_process_of_its_own(office: Office) -> None:
    number = office.draft(orders_per_bundle=1, future_weight=0)
    assert office.ok("GET", f"/versions/{number}/previews") == []
    asked = office.ok("POST", f"/versions/{number}/previews", {})
    assert (asked["number"], asked["against"], asked["effects"]) == (number, 0, [])
    again = office.ok("POST", f"/versions/{number}/previews", {})
    assert again["preview_id"] == asked["preview_id"], "it is under way already"
    seen: list[float] = []

    def done() -> Any:
        (preview,) = office.ok("GET", f"/versions/{number}/previews", role="analyst")
        seen.append(preview["share"])
        return preview if preview["state"] not in {"waiting", "playing"} else None

    preview = wait_until(done, 200, "the preview is played")
    assert preview["state"] == "done", preview["error"]
    assert seen == sorted(seen)
    assert (preview["source"], len(preview["days"])) == ("made_up", 4)
    assert [effect["kpi"] for effect in preview["effects"]] == [kpi.name for kpi in KPIS]
    bundles = next(effect for effect in preview["effects"] if effect["kpi"] == "orders_per_bundle")
    assert bundles["after"]["mean"] == 1.0
    assert preview["times_real_time"] > 100


def test_a_preview_of_nothing_is_refused(office: Office) -> None:
    number = office.draft(offer_seconds=31)
    same = office.ask("POST", f"/versions/{number}/previews", {"against": number})
    assert (same.status_code, same.json()["code"]) == (409, "policy.nothing_to_preview")
    unknown = office.ask("POST", "/versions/9999/previews", {})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "policy.version_not_found")
    assert office.ask("GET", "/versions/9999/previews").status_code == 404
    assert office.ask("POST", f"/versions/{number}/previews", {}, role="analyst").status_code == 403
    assert office.ask("POST", f"/versions/{number}/previews", {"against": -1}).status_code in {400, 422}


@pytest.fixture
def store(database: Database) -> Iterator[PostgresStore]:
    clock = VirtualClock(speed=1e-9, started_unix=time.time(), epoch=s.NOW)
    made = PostgresStore(database.url("dispatch"), bytes(32), clock)
    try:
        yield made
    finally:
        with made.transaction() as tx:
            tx.connection.execute("DELETE FROM policy_previews")
        made.close()


def ask(store: PostgresStore, **more: Any) -> Preview | None:
    number = next(_numbers)
    preview = Preview(
        preview_id=f"ppv_{number}",
        number=more.pop("number", number),
        against=0,
        document=more.pop("document", {"defaults": {"orders_per_bundle": 1}}),
        beside={},
        state="waiting",
        asked_by="operations:ops_1",
        asked_at=more.pop("asked_at", s.NOW),
    )
    with store.transaction() as tx:
        return preview_views.ask(tx.connection, preview)


def player(store: PostgresStore) -> Player:
    return Player(store, EVERY_TWO_MINUTES, made_up=TINY, seeds=(1, 2))


def latest(store: PostgresStore, number: int) -> Preview:
    with store.reading() as reading:
        return preview_views.of_version(reading.connection, number, 1)[0]


def silence(store: PostgresStore) -> None:
    """Nobody has been heard of for longer than anybody may be silent."""
    with store.transaction() as tx:
        tx.connection.execute(
            "UPDATE policy_previews SET alive_at = alive_at - make_interval(secs => %s)",
            (preview_views.SILENT_SECONDS + 1,),
        )


def take(store: PostgresStore) -> Preview | None:
    with store.transaction() as tx:
        return preview_views.take(tx.connection)


def test_two_players_never_take_the_same_preview(store: PostgresStore) -> None:
    asked = {preview.preview_id for preview in (ask(store) for _ in range(4)) if preview}
    with ThreadPoolExecutor(8) as pool:
        taken = [preview.preview_id for preview in pool.map(lambda _: take(store), range(8)) if preview]
    assert sorted(taken) == sorted(asked)


def test_a_preview_whose_player_was_lost_is_taken_up_again_and_given_up_in_the_end(store: PostgresStore) -> None:
    asked = ask(store)
    assert asked is not None
    first = take(store)
    assert first is not None
    assert take(store) is None, "its player was heard of a moment ago"
    silence(store)
    assert player(store).play_next(s.NOW)
    done = latest(store, asked.number)
    assert (done.state, done.tries) == ("done", 2)
    with store.transaction() as tx:
        assert not preview_views.tell(tx.connection, first, 0.5), "it is no longer the first player's"
        preview_views.fail(tx.connection, first, "too late", s.NOW)
    assert latest(store, asked.number).state == "done"

    other = ask(store)
    assert other is not None
    for _ in range(preview_views.TRIES_MAX):
        assert take(store) is not None
        silence(store)
    assert player(store).play_next(s.NOW)
    assert latest(store, other.number).state == "failed"
    assert "lost 3 times" in (latest(store, other.number).error or "")


def test_a_version_that_could_not_hold_any_more_says_why(store: PostgresStore) -> None:
    asked = ask(store, document={"defaults": {"orders_per_bundle": 99}})
    assert asked is not None
    assert player(store).play_next(s.NOW)
    failed = latest(store, asked.number)
    assert failed.state == "failed"
    assert "defaults.orders_per_bundle" in (failed.error or "")
    assert not player(store).play_next(s.NOW), "nothing waits"


def test_only_so_many_previews_wait_and_old_ones_are_dropped(store: PostgresStore) -> None:
    asked = ask(store)
    assert asked is not None
    assert player(store).play_next(s.NOW)
    assert all(ask(store) for _ in range(preview_views.OPEN_MAX))
    assert ask(store) is None
    assert latest(store, asked.number).state == "done"
    ask(store, asked_at=s.NOW + preview_views.KEPT + timedelta(seconds=1))
    with store.reading() as reading:
        assert preview_views.of_version(reading.connection, asked.number) == []
