"""Any past state of a stream can be looked at, by version or time, and what changed between two."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import typer

from deploy.commands.stream_show import aggregate_of, changed, look, moment
from services.order.codec import MERCHANT
from services.order.domain.merchant import MerchantEvent, MerchantFlagged
from shared.eventstore.postgres import PostgresStore
from tests.support.database import Database
from tests.unit.eventstore.tabs import MASTER_KEY, NOON, context
from tests.unit.order.facts import registered

HOUR = timedelta(hours=1)
STREAM = registered.merchant_id


@pytest.fixture(scope="module")
def store(database: Database) -> Iterator[PostgresStore]:
    """A merchant who was registered at noon and missed an answer at one and at two."""
    with closing(PostgresStore(database.url("order"), MASTER_KEY)) as opened:
        for hour in range(3):
            missed = MerchantFlagged(order_id=f"ord_{hour}", at=NOON + hour * HOUR)
            events: list[MerchantEvent] = [missed if hour else registered]
            opened.append(MERCHANT, STREAM, hour, events, context(NOON + hour * HOUR))
        yield opened


def seen(store: PostgresStore, at: Any = None, diff: Any = None) -> dict[str, Any]:
    told = look(store, "order", STREAM, at, diff, personal=False)
    assert told is not None
    return told


def test_without_a_moment_the_newest_state_is_shown(store: PostgresStore) -> None:
    told = seen(store)
    assert (told["version"], told["last_version"], told["is"]) == (3, 3, "Merchant")
    assert told["state"]["missed_answers"] == 2
    assert [event["type"] for event in told["events"]] == ["MerchantRegistered", "MerchantFlagged", "MerchantFlagged"]


@pytest.mark.parametrize(
    ("at", "version", "missed"),
    [
        (1, 1, 0),
        (2, 2, 1),
        (9, 3, 2),
        (NOON, 1, 0),
        (NOON + HOUR - timedelta(seconds=1), 1, 0),
        (NOON + HOUR, 2, 1),
        (NOON + 9 * HOUR, 3, 2),
    ],
)
def test_a_past_state_is_shown_as_of_a_version_or_a_time(
    store: PostgresStore, at: Any, version: int, missed: int
) -> None:
    told = seen(store, at)
    assert (told["version"], told["state"]["missed_answers"], len(told["events"])) == (version, missed, version)


@pytest.mark.parametrize("at", [0, NOON - HOUR])
def test_before_its_first_event_a_stream_was_nothing(store: PostgresStore, at: Any) -> None:
    told = seen(store, at)
    assert (told["version"], told["is"], told["state"], told["events"]) == (0, None, None, [])


@pytest.mark.parametrize(("at", "diff"), [(1, 3), (3, 1), (NOON, NOON + 2 * HOUR), (None, 1)])
def test_the_difference_is_told_from_the_earlier_to_the_later(store: PostgresStore, at: Any, diff: Any) -> None:
    difference = seen(store, at, diff)["diff"]
    assert (difference["from_version"], difference["to_version"]) == (1, 3)
    assert difference["changes"] == [
        {"path": "state.missed_answers", "before": 0, "after": 2},
        {"path": "state.flagged_orders", "before": [], "after": ["ord_1", "ord_2"]},
    ]
    assert [event["version"] for event in difference["events"]] == [2, 3]


def test_between_a_moment_and_itself_nothing_changed(store: PostgresStore) -> None:
    difference = seen(store, 2, 2)["diff"]
    assert (difference["changes"], difference["events"]) == ([], [])


def test_a_stream_that_is_not_there_is_none(store: PostgresStore) -> None:
    assert look(store, "order", "ord_nobody", None, None, personal=False) is None


def test_a_change_of_the_kind_of_state_is_told_first() -> None:
    assert changed(("Open", {"a": 1, "gone": 2}), ("Closed", {"a": 1, "new": 3})) == [
        {"path": "is", "before": "Open", "after": "Closed"},
        {"path": "state.gone", "before": 2, "after": None},
        {"path": "state.new", "before": None, "after": 3},
    ]


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01T12:00:00", "-1"])
def test_a_moment_that_is_none_ends_the_command(text: str) -> None:
    with pytest.raises(typer.Exit):
        moment(text)


def test_a_moment_is_a_version_or_a_time_with_its_offset() -> None:
    assert moment("12") == 12
    assert moment("2026-03-01T20:00:00.123456+08:00") == NOON


@pytest.mark.parametrize(
    ("service", "categories"),
    [
        ("order", ("order", "payment", "merchant")),
        ("dispatch", ("delivery", "rider")),
        ("notify", ("audience", "notification", "alert", "preference")),
        ("support", ("case", "dossier")),
        ("analytics", ("fact",)),
    ],
)
def test_every_category_of_every_service_can_be_shown(service: str, categories: tuple[str, ...]) -> None:
    assert [aggregate_of(service, category).category for category in categories] == list(categories)
