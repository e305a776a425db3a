"""A projection is rebuilt beside the live one and takes its place at once, with nothing done twice or elsewhere."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from deploy.local.backends import Backends
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.rebuild import (
    RETIRED,
    Progress,
    RebuildFailed,
    RebuildRunning,
    Rebuilt,
    abandon,
    rebuild,
)
from shared.eventstore.shadow import NotRebuildable
from tests.integration.tally import SERVICE, Bar, apply, apply_many, open_bar, projection
from tests.support.database import fresh_database
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, context, tea

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bar(backends: Backends) -> Iterator[Bar]:
    with fresh_database(backends.postgres_url, (SERVICE,)) as database, open_bar(database) as made:
        yield made


def rebuilt(bar: Bar, **changes: object) -> Rebuilt:
    return rebuild(bar.database.admin_url, SERVICE, projection(**changes), MASTER_KEY)  # type: ignore[arg-type]


def test_a_rebuild_of_a_true_read_model_changes_no_row_and_leaves_nothing_behind(bar: Bar) -> None:
    end = bar.serve(tabs=30, drinks=4)
    bar.project()
    before = bar.rows()
    done = rebuilt(bar)
    assert (done.position, done.events, done.differed) == (end, end, {"tally": 0})
    assert bar.rows() == before
    assert bar.leftovers() == 0


def test_a_rebuild_mends_what_is_wrong_missing_or_invented_and_counts_it(bar: Bar) -> None:
    bar.serve(tabs=10, drinks=2)
    bar.project()
    before = bar.rows()
    bar.do("UPDATE tally SET cents = 0 WHERE tab_id = (SELECT min(tab_id) FROM tally)")
    bar.do("DELETE FROM tally WHERE tab_id = (SELECT max(tab_id) FROM tally)")
    bar.do("INSERT INTO tally (tab_id, owner_id) VALUES ('tab_nobody', 'cus_nobody')")
    assert rebuilt(bar).differed == {"tally": 2}
    assert bar.rows() == before


def test_the_live_projection_goes_on_from_where_the_rebuild_ended(bar: Bar) -> None:
    bar.serve(tabs=3, drinks=2)
    bar.project()
    rebuilt(bar)
    bar.serve(tabs=2, drinks=1)
    bar.project()
    assert sorted(row["drinks"] for row in bar.rows()) == [1, 1, 2, 2, 2]


def test_a_new_version_is_built_beside_the_old_which_then_stands_still(bar: Bar) -> None:
    bar.serve(tabs=2, drinks=3)
    bar.project()
    bar.do("ALTER TABLE tally ADD COLUMN doubled bigint")

    def double(tx: Transaction, stored: StoredEvent) -> None:
        apply(tx, stored)
        tx.connection.execute("UPDATE tally SET doubled = 2 * cents WHERE tab_id = %s", (stored.stream_id,))

    rebuilt(bar, version=2, apply=double)
    assert [row["doubled"] for row in bar.rows()] == [1800, 1800]
    assert bar.store.follower_position("tally.v1") == RETIRED
    bar.serve(tabs=1, drinks=1)
    bar.project(projection(1))
    assert len(bar.rows()) == 2
    bar.project(projection(2, apply=double))
    assert sorted(row["doubled"] for row in bar.rows()) == [600, 1800, 1800]


def test_the_old_serves_and_goes_on_while_the_new_is_built(bar: Bar) -> None:
    bar.serve(tabs=40, drinks=4)
    bar.project()
    seen: list[int] = []

    def work_on(progress: Progress) -> None:
        if len(seen) < 3:
            bar.serve(tabs=1, drinks=1)
            bar.project()
        seen.append(len(bar.rows()))

    done = rebuild(bar.database.admin_url, SERVICE, projection(), MASTER_KEY, work_on, batch=50)
    assert seen[:3] == [41, 42, 43]
    assert (done.position, done.differed) == (bar.store.log_position(), {"tally": 0})


def test_readers_and_writers_are_not_held_up_and_never_see_half_a_switch(bar: Bar) -> None:
    bar.serve(tabs=200, drinks=2)
    bar.project()
    bar.do("UPDATE tally SET cents = 0")
    stop, seen, failures = threading.Event(), set[tuple[int, int]](), list[Exception]()

    def look() -> None:
        try:
            with psycopg.connect(bar.database.url(SERVICE), autocommit=True) as connection:
                while not stop.is_set():
                    row = connection.execute("SELECT count(*), sum(cents)::bigint FROM tally").fetchone()
                    assert row is not None
                    seen.add((row[0], row[1]))
        except Exception as error:
            failures.append(error)
            raise

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    rebuilt(bar)
    stop.set()
    for reader in readers:
        reader.join(10)
    assert not failures
    assert seen <= {(200, 0), (200, 200 * 600)}


def test_rights_indexes_and_the_refusal_to_change_history_are_what_they_were(bar: Bar) -> None:
    bar.serve(tabs=5, drinks=1)
    about = (
        "SELECT jsonb_agg(jsonb_build_array(relname, relkind, oid::text, relacl::text) ORDER BY relname)"
        f" FROM pg_class WHERE relnamespace = '\"{SERVICE}\"'::regnamespace"
    )
    before = bar.do(about)
    rebuilt(bar)
    assert bar.do(about) == before
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        bar.do("DELETE FROM events")


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_rebuild_that_was_killed_goes_on_where_it_was(bar: Bar, rounds: int) -> None:
    end = bar.serve(tabs=40, drinks=4)
    bar.project()
    before = bar.rows()
    for stop_at in [40 * (number + 1) for number in range(rounds)]:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.integration.tally", bar.database.admin_url, str(stop_at)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
            process.kill()
    assert bar.rows() == before
    told: list[int] = []
    done = rebuild(
        bar.database.admin_url, SERVICE, projection(), MASTER_KEY, lambda progress: told.append(progress.position)
    )
    assert done.resumed_from == 40 * rounds
    assert min(told) > done.resumed_from
    assert (done.position, done.differed) == (end, {"tally": 0})
    assert bar.leftovers() == 0


def test_a_killed_rebuild_of_another_version_or_an_abandoned_one_starts_anew(bar: Bar) -> None:
    bar.serve(tabs=4, drinks=1)

    def fall(progress: Progress) -> None:
        raise KeyboardInterrupt

    for again in range(2):
        with pytest.raises(KeyboardInterrupt):
            rebuild(bar.database.admin_url, SERVICE, projection(), MASTER_KEY, fall)
        assert bar.leftovers() == 2
        if again:
            abandon(bar.database.admin_url, SERVICE, projection())
            assert bar.leftovers() == 0
        assert rebuilt(bar, version=2 + again).resumed_from == 0


def test_what_has_effects_elsewhere_is_refused_by_the_database(bar: Bar) -> None:
    bar.serve(tabs=1, drinks=1)
    bar.project()
    before = bar.rows()

    def meddle(tx: Transaction, stored: StoredEvent) -> None:
        tx.append(TABS, stored.stream_id, 2, [tea()], context())

    def peek(tx: Transaction, stored: StoredEvent) -> None:
        tx.connection.execute("SELECT * FROM deadlines").fetchall()

    for effect in (meddle, peek):
        with pytest.raises(RebuildFailed, match="position 1 cannot be applied: permission denied"):
            rebuilt(bar, apply=effect)
    assert (bar.rows(), bar.store.log_position()) == (before, 2)


def test_an_event_that_cannot_be_applied_is_named_and_the_old_serves_on(bar: Bar) -> None:
    bar.serve(tabs=3, drinks=2)
    bar.project()
    before = bar.rows()

    def stumble(tx: Transaction, stored: StoredEvent) -> None:
        if stored.position == 5:
            raise ValueError("no such drink")
        apply(tx, stored)

    with pytest.raises(RebuildFailed, match="position 5 cannot be applied: no such drink"):
        rebuilt(bar, apply=stumble)
    assert bar.rows() == before
    assert rebuilt(bar).resumed_from == 4


def test_two_rebuilds_of_one_projection_do_not_run_at_once(bar: Bar) -> None:
    bar.serve(tabs=1, drinks=1)
    refused: list[type[BaseException]] = []

    def second(progress: Progress) -> None:
        with pytest.raises(RebuildRunning) as caught:
            rebuilt(bar)
        refused.append(caught.type)

    rebuild(bar.database.admin_url, SERVICE, projection(), MASTER_KEY, second)
    assert refused


def test_a_table_that_others_fill_too_is_left_alone(bar: Bar) -> None:
    bar.serve(tabs=2, drinks=1)
    bar.do("CREATE TABLE last_owner (only_row boolean PRIMARY KEY DEFAULT true, owner_id text)")
    bar.do("INSERT INTO last_owner (owner_id) VALUES ('cus_of_somebody_else')")

    def note(tx: Transaction, stored: StoredEvent) -> None:
        apply(tx, stored)
        tx.connection.execute(
            "INSERT INTO last_owner (owner_id) VALUES ('cus_old') ON CONFLICT (only_row) DO UPDATE"
            " SET owner_id = EXCLUDED.owner_id"
        )

    rebuilt(bar, apply=note, also_writes=("last_owner",))
    assert bar.do("SELECT owner_id FROM last_owner") == "cus_of_somebody_else"
    assert len(bar.rows()) == 2


@pytest.mark.parametrize(
    ("tables", "reason"), [((), "names no table"), (("no_such_table",), "no table no_such_table")]
)
def test_a_projection_that_does_not_know_its_tables_is_refused(
    bar: Bar, tables: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(NotRebuildable, match=reason):
        rebuilt(bar, tables=tables)


def test_only_the_types_that_concern_it_are_read(bar: Bar) -> None:
    bar.serve(tabs=3, drinks=5)
    seen: list[str] = []

    def note(tx: Transaction, stored: StoredEvent) -> None:
        seen.append(stored.type)
        apply(tx, stored)

    done = rebuilt(bar, apply=note, types=frozenset({"TabOpened"}))
    assert set(seen) == {"TabOpened"}
    assert done.events == 18


def test_a_projection_that_can_take_many_events_at_once_is_rebuilt_so(bar: Bar) -> None:
    bar.serve(tabs=20, drinks=5)
    bar.project()
    sizes: list[int] = []

    def apply_all(tx: Transaction, events: Sequence[StoredEvent]) -> None:
        sizes.append(len(events))
        apply_many(tx, events)

    assert rebuilt(bar, apply_many=apply_all).differed == {"tally": 0}
    assert sizes[0] == 120
