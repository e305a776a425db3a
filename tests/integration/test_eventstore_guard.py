"""The database itself keeps the log append-only and the services apart, whatever the code above it does."""

import shutil
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo

from shared.eventstore.connecting import connect
from shared.eventstore.migrate import ROOT, MigrationEdited, migrate, role_of
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from tests.support.database import Database
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, context, opened, tab_id

CHANGES = [
    "UPDATE order.events SET type = 'x'",
    "DELETE FROM order.events",
    "TRUNCATE order.events",
    "UPDATE order.log SET version = 9",
    "DELETE FROM order.log",
    "TRUNCATE order.log",
]


@pytest.fixture(scope="module")
def filled(database: Database) -> Database:
    store, sequencer = PostgresStore(database.url("order"), MASTER_KEY), Sequencer(database.url("order"))
    store.append(TABS, tab_id(), 0, [opened()], context())
    sequencer.tick()
    store.close()
    sequencer.close()
    return database


@pytest.mark.parametrize("change", CHANGES)
def test_the_services_own_role_cannot_change_its_history(filled: Database, change: str) -> None:
    with connect(filled.url("order")) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(change.replace("order.", '"order".').encode())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("mode", ["origin", "replica"])
def test_the_superuser_is_refused_too_even_with_triggers_switched_off(
    filled: Database, change: str, mode: str
) -> None:
    with connect(filled.admin_url) as connection:
        connection.execute(f"SET session_replication_role = {mode}".encode())
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            connection.execute(change.replace("order.", '"order".').encode())


def test_a_services_role_cannot_read_anothers_schema(filled: Database) -> None:
    with connect(filled.url("dispatch")) as connection:
        assert connection.execute("SELECT count(*) AS n FROM events").fetchone() == {"n": 0}
        for table in ("events", "log", "subjects", "schema_migrations"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f'SELECT * FROM "order".{table}'.encode())


def test_a_services_role_cannot_make_tables_or_edit_its_migrations(filled: Database) -> None:
    with connect(filled.url("order")) as connection:
        for statement in (
            "CREATE TABLE own (id int)",
            "CREATE TABLE public.own (id int)",
            "CREATE SCHEMA own",
            "UPDATE schema_migrations SET digest = ''",
            "ALTER TABLE events DISABLE TRIGGER append_only",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_migrating_again_runs_nothing_and_can_change_the_password(filled: Database) -> None:
    assert migrate(filled.admin_url, "order", "another-password") == []
    login = make_conninfo(filled.admin_url, user=role_of(filled.name, "order"), password="another-password")
    with psycopg.connect(login) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
    migrate(filled.admin_url, "order", filled.passwords["order"])


def test_a_migration_that_ran_may_not_be_edited(filled: Database, tmp_path: Path) -> None:
    for room in ("shared/eventstore", "shared/messaging"):
        shutil.copytree(ROOT / room / "migrations", tmp_path / room / "migrations")
    own = tmp_path / "services/tabs/migrations"
    own.mkdir(parents=True)
    (own / "0001_tabs.sql").write_text("CREATE TABLE tabs (tab_id text PRIMARY KEY);")
    assert migrate(filled.admin_url, "tabs", "pw", root=tmp_path)[-1] == "tabs/0001_tabs.sql"
    (own / "0002_more.sql").write_text("CREATE TABLE more (id int); SELECT no_such_function();")
    with pytest.raises(errors.UndefinedFunction):
        migrate(filled.admin_url, "tabs", "pw", root=tmp_path)
    (own / "0002_more.sql").write_text("CREATE TABLE more (id int);")
    assert migrate(filled.admin_url, "tabs", "pw", root=tmp_path) == ["tabs/0002_more.sql"]
    (own / "0001_tabs.sql").write_text("CREATE TABLE tabs (id text);")
    with pytest.raises(MigrationEdited):
        migrate(filled.admin_url, "tabs", "pw", root=tmp_path)
    with connect(filled.admin_url) as connection:
        connection.execute(f'DROP OWNED BY "{role_of(filled.name, "tabs")}"'.encode())
        connection.execute(f'DROP ROLE "{role_of(filled.name, "tabs")}"'.encode())
