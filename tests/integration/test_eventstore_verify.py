"""A log that somebody changed behind the store's back is found out, with the place."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.local.backends import Backends
from shared.eventstore.connecting import connect
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.eventstore.verify import Problem, verify_log
from tests.support.database import Database, fresh_database
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, context, opened, tea

WRONG_HASH = "the hash does not match the event and the hash before it"


@pytest.fixture
def database(backends: Backends) -> Iterator[Database]:
    """A log of nine positions: tab_a 1, tab_b 1, tab_c 1, tab_a 2, …"""
    with fresh_database(backends.postgres_url, ("order",)) as made:
        url = made.url("order")
        with closing(PostgresStore(url, MASTER_KEY)) as store, closing(Sequencer(url)) as sequencer:
            for version in range(3):
                for stream in ("tab_a", "tab_b", "tab_c"):
                    store.append(TABS, stream, version, [tea() if version else opened()], context())
            sequencer.tick()
        yield made


def tamper(database: Database, *statements: str) -> None:
    """Does what only the owner of the database can do, and only on purpose."""
    with connect(database.admin_url) as connection, connection.transaction():
        connection.execute('SET LOCAL search_path = "order"')
        for statement in (
            "ALTER TABLE events DISABLE TRIGGER append_only",
            "ALTER TABLE log DISABLE TRIGGER append_only",
            *statements,
            "ALTER TABLE events ENABLE ALWAYS TRIGGER append_only",
            "ALTER TABLE log ENABLE ALWAYS TRIGGER append_only",
        ):
            connection.execute(statement.encode())


def problems(database: Database) -> tuple[Problem, ...]:
    verdict = verify_log(database.url("order"))
    assert verdict.is_whole == (not verdict.problems)
    return verdict.problems


def test_an_untouched_log_is_whole_and_its_head_is_told(database: Database) -> None:
    verdict = verify_log(database.url("order"))
    assert verdict.is_whole
    assert (verdict.events, verdict.pending, len(verdict.head)) == (9, 0, 64)
    assert verify_log(database.admin_url, schema="order") == verdict


def test_an_event_that_waits_for_the_sequencer_is_pending_and_not_missing(database: Database) -> None:
    with closing(PostgresStore(database.url("order"), MASTER_KEY)) as store:
        store.append(TABS, "tab_d", 0, [opened()], context())
    verdict = verify_log(database.url("order"))
    assert (verdict.is_whole, verdict.events, verdict.pending) == (True, 9, 1)


@pytest.mark.parametrize(
    "change",
    [
        """data = replace(data::text, '300', '301')::json""",
        """data = replace(data::text, ':', ': ')::json""",
        """metadata = replace(metadata::text, 'emp_1', 'emp_2')::json""",
        """recorded_at = recorded_at + interval '1 microsecond'""",
        """type = 'TabClosed'""",
        """event_id = 'evt_x'""",
    ],
)
def test_a_changed_event_is_found_at_its_position(database: Database, change: str) -> None:
    tamper(database, f"UPDATE events SET {change} WHERE stream_id = 'tab_b' AND version = 2")
    assert problems(database) == (Problem("position 5", WRONG_HASH),)


def test_swapped_hashes_are_found(database: Database) -> None:
    tamper(
        database,
        "UPDATE log SET hash = other.hash FROM log other WHERE (log.position, other.position) IN ((3, 7), (7, 3))",
    )
    assert problems(database) == (Problem("position 3", WRONG_HASH),)


def test_a_deleted_event_is_found_in_the_log_and_in_its_stream(database: Database) -> None:
    tamper(database, "DELETE FROM events WHERE stream_id = 'tab_b' AND version = 2")
    assert problems(database) == (
        Problem("position 5", "the log has a row without an event"),
        Problem("tab_b", "the stream says version 3, its 2 events end at version 3"),
    )


def test_a_deleted_position_is_found_and_so_is_the_event_it_placed(database: Database) -> None:
    tamper(database, "DELETE FROM log WHERE position = 5")
    assert problems(database) == (
        Problem("position 5", "position 5 is missing: the next in the log is 6"),
        Problem("tab_b version 2", "the event is missing from the log"),
        Problem("position 8", "tab_b version 3 does not follow the version before it"),
    )


def test_a_log_cut_off_at_its_end_is_found(database: Database) -> None:
    tamper(
        database,
        "DELETE FROM log WHERE position > 7",
        "DELETE FROM events WHERE stream_id IN ('tab_b', 'tab_c') AND version = 3",
        "UPDATE streams SET version = 2 WHERE stream_id IN ('tab_b', 'tab_c')",
    )
    assert problems(database) == (Problem("position 8", "the sequencer wrote up to 9, the log ends at 7"),)


def test_a_changed_end_of_the_log_is_found(database: Database) -> None:
    tamper(database, "UPDATE log SET hash = sha256('x') WHERE position = 9")
    assert problems(database) == (Problem("position 9", WRONG_HASH),)


def test_an_event_slipped_in_behind_the_store_is_found_by_its_stream(database: Database) -> None:
    tamper(
        database,
        "INSERT INTO events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)"
        " SELECT stream_id, 4, 'evt_x', type, schema_version, data, metadata, recorded_at"
        " FROM events WHERE stream_id = 'tab_a' AND version = 3",
    )
    assert problems(database) == (Problem("tab_a", "the stream says version 3, its 4 events end at version 4"),)
