"""The master key changes while people order and are forgotten, and no event is touched."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from cryptography.exceptions import InvalidTag

from shared.eventstore import rotation
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.rotation import Rotated, rotate
from tests.support.database import Database
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, context, opened

NEW_KEY = bytes(range(100, 132))
BOTH = NEW_KEY + MASTER_KEY
PEOPLE = 7
ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(database: Database) -> str:
    """Seven people under the old master key; the first has been forgotten."""
    with psycopg.connect(database.admin_url, autocommit=True) as owner:
        owner.execute('DELETE FROM "order".subjects')
    url = database.url("order")
    with closing(PostgresStore(url, MASTER_KEY)) as store:
        seal(store, range(PEOPLE))
        store.forget("cus_0")
    return url


def seal(store: PostgresStore, people: range) -> None:
    with store.transaction() as tx:
        for number in people:
            tx.vault.seal(f"cus_{number}", "x")


def opens(url: str, master_key: bytes, person: str) -> bool:
    """Whether the person's key can be had with a master key; the store is new, so nothing is remembered."""
    with closing(PostgresStore(url, master_key)) as store, store.transaction() as tx:
        try:
            tx.vault.open(person, tx.vault.seal(person, "x"))
        except InvalidTag:
            return False
    return True


def test_every_key_is_wrapped_anew_and_the_forgotten_stay_forgotten(url: str) -> None:
    assert not opens(url, NEW_KEY, "cus_3")
    assert rotate(url, BOTH) == Rotated(rewrapped=6, current=0, lost=())
    assert opens(url, NEW_KEY, "cus_3")
    assert not opens(url, MASTER_KEY, "cus_3")
    with closing(PostgresStore(url, NEW_KEY)) as store, store.transaction() as tx:
        assert tx.vault.open("cus_0", "whatever was sealed") is None


def test_until_it_is_done_services_with_both_keys_read_and_write(url: str) -> None:
    with closing(PostgresStore(url, BOTH)) as store:
        seal(store, range(PEOPLE, PEOPLE + 2))
    assert opens(url, BOTH, "cus_3")
    assert rotate(url, BOTH) == Rotated(rewrapped=6, current=2, lost=())


def test_a_rotation_that_was_stopped_goes_on_where_it_was(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done >= 4:
            raise Stopped

    monkeypatch.setattr(rotation, "BATCH", 2)
    with pytest.raises(Stopped):
        rotate(url, BOTH, stop)
    assert rotate(url, BOTH) == Rotated(rewrapped=2, current=4, lost=())
    assert rotate(url, BOTH) == Rotated(rewrapped=0, current=6, lost=())


def test_a_rotation_that_was_killed_leaves_every_key_whole_and_goes_on(url: str) -> None:
    command = [sys.executable, "-m", "tests.integration.rotating", url, BOTH.hex()]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "2\n"
        process.stdin.write("x")
        process.stdin.flush()
        assert process.stdout.readline() == "4\n"
        process.kill()
    for person in range(1, PEOPLE):
        assert opens(url, BOTH, f"cus_{person}")
    assert rotate(url, BOTH) == Rotated(rewrapped=2, current=4, lost=())
    assert opens(url, NEW_KEY, "cus_6")


def test_whoever_is_forgotten_while_keys_are_rotated_stays_forgotten(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(done: int, _total: int) -> None:
        if done == 2:
            with closing(PostgresStore(url, BOTH)) as store:
                store.forget("cus_1")
                store.forget("cus_6")

    monkeypatch.setattr(rotation, "BATCH", 2)
    assert rotate(url, BOTH, forget) == Rotated(rewrapped=5, current=0, lost=())
    with closing(PostgresStore(url, NEW_KEY)) as store, store.transaction() as tx:
        assert tx.vault.open("cus_1", "sealed before") is None
        assert tx.vault.open("cus_6", "sealed before") is None


def test_a_key_that_fits_neither_is_told_and_left_alone(url: str, database: Database) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as owner:
        owner.execute(
            """UPDATE "order".subjects SET wrapped_key = '\\\\x0102' || wrapped_key WHERE subject_id = 'cus_5'"""
        )
    assert rotate(url, BOTH) == Rotated(rewrapped=5, current=0, lost=("cus_5",))


def test_no_event_changes(url: str) -> None:
    with closing(PostgresStore(url, MASTER_KEY)) as store:
        store.append(TABS, "tab_rotated", 0, [opened()], context())
        before = store.stream("tab_rotated")
    rotate(url, BOTH)
    with closing(PostgresStore(url, NEW_KEY)) as store:
        assert store.stream("tab_rotated") == before
        assert store.load(TABS, "tab_rotated").state.phone == opened().phone
