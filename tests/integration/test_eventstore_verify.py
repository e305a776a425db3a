"""A log that somebody changed behind the store's back is found out, with the place."""

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import pytest

from deploy.local.backends import Backends
from shared.eventstore.chain import EPOCH, MICROSECOND, LogFields, link
from shared.eventstore.connecting import connect
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.eventstore.verify import Problem, verify_log
from tests.support.database import Database, fresh_database
from tests.unit.eventstore.tabs import MASTER_KEY, NOON, TABS, context, opened, tea

JSON_COLUMNS = ("data", "metadata")
ROWS = """
SELECT position, hash, stream_id, version, event_id, type, schema_version, data::text, metadata::text, recorded_at
FROM log JOIN events USING (stream_id, version)
"""
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
    found = tuple(Problem(f"position {position}", WRONG_HASH) for position in (3, 4, 7, 8))
    assert problems(database) == found


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
    assert problems(database) == (
        Problem("position 9", WRONG_HASH),
        Problem("position 9", "the log does not end with the hash that the sequencer wrote"),
    )


def test_an_event_slipped_in_behind_the_store_is_found_by_its_stream(database: Database) -> None:
    tamper(
        database,
        "INSERT INTO events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)"
        " SELECT stream_id, 4, 'evt_x', type, schema_version, data, metadata, recorded_at"
        " FROM events WHERE stream_id = 'tab_a' AND version = 3",
    )
    assert problems(database) == (Problem("tab_a", "the stream says version 3, its 4 events end at version 4"),)


def test_every_changed_event_is_told_not_only_the_first(database: Database) -> None:
    tamper(database, "UPDATE events SET type = 'Other' WHERE version = 2")
    assert [problem.where for problem in problems(database)] == ["position 4", "position 5", "position 6"]


def test_an_event_moved_to_another_stream_is_found(database: Database) -> None:
    tamper(database, "UPDATE events SET stream_id = 'tab_x' WHERE stream_id = 'tab_b' AND version = 2")
    assert [problem.where for problem in problems(database)] == ["position 5", "tab_x version 2", "tab_b", "tab_x"]


def test_two_events_that_changed_places_are_found(database: Database) -> None:
    tamper(
        database,
        "UPDATE log SET version = 9 WHERE position = 1",
        "UPDATE log SET version = 1 WHERE position = 4",
        "UPDATE log SET version = 2 WHERE position = 1",
    )
    where = [problem.where for problem in problems(database)]
    assert where == ["position 1", "position 4", "position 1", "position 4", "position 7"]


def test_an_event_put_at_the_end_with_a_right_hash_is_found(database: Database) -> None:
    forge_the_end(database)
    assert Problem("position 10", "the sequencer wrote up to 9, the log ends at 10") in problems(database)


def test_a_superuser_who_rewrites_even_the_sequencers_notes_is_found_by_a_checkpoint_only(database: Database) -> None:
    before = verify_log(database.url("order"), marks=[9])
    forge_the_end(database, replacing=True)
    after = verify_log(database.url("order"), marks=[9])
    assert after.is_whole
    assert after.marks[9] != before.marks[9]


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC"])
def test_a_time_that_is_none_is_found_like_any_other_change(database: Database, moment: str) -> None:
    tamper(database, f"UPDATE events SET recorded_at = '{moment}' WHERE stream_id = 'tab_b' AND version = 2")
    assert problems(database) == (Problem("position 5", WRONG_HASH),)


def test_a_row_inserted_in_the_middle_with_a_hash_that_fits_is_found_behind_it(database: Database) -> None:
    with connect(database.url("order")) as connection:
        row = connection.execute("SELECT hash FROM log WHERE position = 4").fetchone()
    assert row is not None
    forged = LogFields("tab_d", 1, "evt_forged", "DrinkAdded", 1, '{"cents":1}', "{}", NOON)
    tamper(
        database,
        "UPDATE log SET position = position + 1000 WHERE position > 4",
        "UPDATE log SET position = position - 999 WHERE position > 1000",
        "INSERT INTO streams VALUES ('tab_d', 'tab', 1)",
        "INSERT INTO events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at) VALUES"
        f" ('tab_d', 1, 'evt_forged', 'DrinkAdded', 1, '{forged.data}', '{{}}', '{NOON.isoformat()}')",
        f"INSERT INTO log VALUES (5, 'tab_d', 1, '\\x{link(row['hash'], 5, forged).hex()}')",
    )
    where = [problem.where for problem in problems(database)]
    assert where[:5] == [f"position {position}" for position in range(6, 11)]


# What the hash does not cover: `xid` and `seq`, which the sequencer reads once, and the category of a stream.

CATEGORIES = {entry.name: TABS.category for entry in TABS.codec.types} | {"OrderPlaced": "order"}


def test_a_stream_filed_under_another_category_is_found_when_the_types_are_known(database: Database) -> None:
    tamper(database, "UPDATE streams SET category = 'order' WHERE stream_id = 'tab_b'")
    verdict = verify_log(database.url("order"), categories=CATEGORIES)
    reason = "the stream says that it is of the category order, its events are of tab"
    assert verdict.problems == (Problem("tab_b", reason),)


def test_the_transaction_of_a_placed_event_moved_to_the_future_is_found(database: Database) -> None:
    tamper(database, "UPDATE events SET xid = '999999999999' WHERE stream_id = 'tab_b' AND version = 2")
    reason = "its transaction is not one that the sequencer had seen"
    assert problems(database) == (Problem("position 5", reason),)


def test_an_event_hidden_from_the_sequencer_by_an_old_transaction_is_found_as_missing(database: Database) -> None:
    with closing(PostgresStore(database.url("order"), MASTER_KEY)) as store:
        store.append(TABS, "tab_d", 0, [opened()], context())
    tamper(database, "UPDATE events SET xid = '3' WHERE stream_id = 'tab_d'")
    with closing(Sequencer(database.url("order"))) as sequencer:
        assert sequencer.tick() == 0
    assert problems(database) == (Problem("tab_d version 1", "the event is missing from the log"),)


RENUMBER = "ALTER TABLE events ALTER COLUMN seq SET GENERATED BY DEFAULT"


def test_the_number_of_a_placed_event_says_nothing_any_more(database: Database) -> None:
    with (
        closing(PostgresStore(database.url("order"), MASTER_KEY)) as store,
        closing(Sequencer(database.url("order"))) as sequencer,
    ):
        before, verdict = store.log_after(0), verify_log(database.url("order"))
        tamper(database, RENUMBER, "UPDATE events SET seq = 1000000 - seq")
        assert (store.log_after(0), verify_log(database.url("order"))) == (before, verdict)
        store.append(TABS, "tab_a", 3, [tea()], context())
        assert sequencer.tick() == 1
        assert store.log_after(0)[:9] == before
        assert [event.version for event in store.stream("tab_a")] == [1, 2, 3, 4]


def test_events_renumbered_before_they_were_placed_are_found_as_out_of_order(database: Database) -> None:
    with closing(PostgresStore(database.url("order"), MASTER_KEY)) as store:
        store.append(TABS, "tab_a", 3, [tea(), tea()], context())
    tamper(database, RENUMBER, "UPDATE events SET seq = 100000 - seq WHERE stream_id = 'tab_a' AND version > 3")
    with closing(Sequencer(database.url("order"))) as sequencer:
        sequencer.tick()
    reason = "tab_a version {} does not follow the version before it"
    assert problems(database) == (Problem("position 10", reason.format(5)), Problem("position 11", reason.format(4)))


def forge_the_end(database: Database, *, replacing: bool = False) -> None:
    """An event with a hash that fits: in place of the last one and noted by the sequencer, or behind it."""
    with connect(database.url("order")) as connection:
        at, number = ("tab_c", 3) if replacing else ("tab_d", 1)
        row = connection.execute("SELECT hash FROM log WHERE position = %s", (8 if replacing else 9,)).fetchone()
    assert row is not None
    position = 9 if replacing else 10
    forged = LogFields(at, number, "evt_forged", "DrinkAdded", 1, '{"cents":1,"name":"gin"}', "{}", NOON)
    digest = link(row["hash"], position, forged).hex()
    values = f"'{at}', {number}, 'evt_forged', 'DrinkAdded', 1, '{forged.data}', '{{}}', '{NOON.isoformat()}'"
    tamper(
        database,
        f"DELETE FROM events WHERE stream_id = '{at}' AND version = {number}",
        f"DELETE FROM log WHERE position = {position}",
        "INSERT INTO streams VALUES ('tab_d', 'tab', 1)" if not replacing else "SELECT 1",
        "INSERT INTO events (xid, stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)"
        f" VALUES ('3', {values})",
        f"INSERT INTO log VALUES ({position}, '{at}', {number}, '\\x{digest}')",
        f"UPDATE sequencer_state SET hash = '\\x{digest}'" if replacing else "SELECT 1",
    )


def flipped(text: str, bit: int, is_json: bool) -> str | None:
    """The text with one bit changed; None where PostgreSQL itself would not keep it."""
    raw = bytearray(text.encode())
    raw[bit // 8] ^= 1 << bit % 8
    try:
        changed = raw.decode()
        if is_json:
            json.loads(changed)
    except ValueError:
        return None
    return None if "\0" in changed else changed


def changes_of(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every single-bit change of a row of the log and its event, as the column and its new value."""
    for column in ("event_id", "type", "data", "metadata"):
        for bit in range(len(row[column].encode()) * 8):
            changed = flipped(row[column], bit, column in JSON_COLUMNS)
            if changed is not None:
                yield column, changed
    for bit in range(256):
        yield (
            "hash",
            bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(row["hash"])),
        )
    for bit in range(31):
        yield "schema_version", row["schema_version"] ^ 1 << bit
    micros = (row["recorded_at"] - EPOCH) // MICROSECOND
    for bit in range(52):
        yield "recorded_at", EPOCH + (micros ^ 1 << bit) * MICROSECOND


def test_every_single_bit_that_changes_is_found_at_its_position(database: Database) -> None:
    """Each change hits a row of its own, so that one walk has to find them all."""
    with connect(database.url("order")) as connection:
        sample = connection.execute(f"{ROWS} WHERE position = 5").fetchone()
    assert sample is not None
    number = sum(1 for _ in changes_of(sample))
    with (
        closing(PostgresStore(database.url("order"), MASTER_KEY)) as store,
        closing(Sequencer(database.url("order"))) as sequencer,
    ):
        store.append(TABS, "tab_z", 0, [tea() for _ in range(2 * number + 100)], context())
        sequencer.tick()
    hit = list(change_each_once(database))
    assert len(hit) > 1000
    verdict = verify_log(database.url("order"), most_told=len(hit) * 2)
    found = {problem.where for problem in verdict.problems}
    assert found >= {f"position {position}" for position in hit}


def change_each_once(database: Database) -> Iterator[int]:
    """Changes the first bit of one row, the second of the next but one, and so on; a changed hash spoils two rows."""
    with connect(database.admin_url) as owner, owner.transaction():
        owner.execute('SET LOCAL search_path = "order"')
        owner.execute("ALTER TABLE events DISABLE TRIGGER append_only")
        owner.execute("ALTER TABLE log DISABLE TRIGGER append_only")
        rows = owner.execute(f"{ROWS} WHERE position > 9 ORDER BY position").fetchall()
        plans = [changes_of(row) for row in rows[::2]]
        for turn, (row, plan) in enumerate(zip(rows[::2], plans, strict=True)):
            change = next(islice(plan, turn, None), None)
            if change is None:
                return
            column, value = change
            table, cast = ("log" if column == "hash" else "events"), ("::json" if column in JSON_COLUMNS else "")
            owner.execute(
                f"UPDATE {table} SET {column} = %s{cast} WHERE stream_id = %s AND version = %s".encode(),
                (value, row["stream_id"], row["version"]),
            )
            yield row["position"]
