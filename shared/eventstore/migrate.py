"""Brings a service's schema and role up to date, the same way for tests, the demo and production."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from shared.eventstore.connecting import Connection, connect

ROOT = Path(__file__).resolve().parents[2]
APPEND_ONLY = ("events", "log")


class MigrationEdited(Exception):
    """A migration that has already run was changed; write a new one instead."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file, named `<room>/<file>`."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def role_of(database: str, service: str) -> str:
    """The login role of a service in a database."""
    return f"{database}_{service}"


def migrations_of(service: str, root: Path = ROOT) -> Iterator[Migration]:
    """What a service's schema is made of, in order: the store's, the messaging's, its own."""
    rooms = {"eventstore": "shared/eventstore", "messaging": "shared/messaging", service: f"services/{service}"}
    for name, folder in rooms.items():
        for path in sorted((root / folder / "migrations").glob("*.sql")):
            yield Migration(f"{name}/{path.name}", path.read_text(encoding="utf-8"))


def migrate(admin_dsn: str, service: str, role_password: str, root: Path = ROOT) -> list[str]:
    """Creates or updates the role and schema of a service; returns the names of the migrations that ran now.

    One transaction under an advisory lock: two at once wait for each other, and a failure leaves nothing behind.
    """
    with connect(admin_dsn) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('doorstep.migrate', 0))")
        connection.execute("SET LOCAL lock_timeout = '60s'")
        role = role_of(connection.info.dbname, service)
        _ensure_role(connection, role, role_password)
        _ensure_schema(connection, service, role)
        done = [entry.name for entry in migrations_of(service, root) if _apply(connection, entry)]
        _grant(connection, service, role)
    return done


def _ensure_role(connection: Connection, role: str, password: str) -> None:
    # The server is told a SCRAM verifier, so that the password is in no server log.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN NOINHERIT PASSWORD {}").format(
            sql.SQL("ALTER" if exists else "CREATE"), sql.Identifier(role), sql.Literal(verifier)
        )
    )


def _ensure_schema(connection: Connection, service: str, role: str) -> None:
    database, schema, login = (sql.Identifier(name) for name in (connection.info.dbname, service, role))
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS {schema}",
        "REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {login}",
        "GRANT USAGE ON SCHEMA {schema} TO {login}",
        "ALTER ROLE {login} IN DATABASE {database} SET search_path = {schema}",
        "SET LOCAL search_path = {schema}",
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
    ):
        connection.execute(sql.SQL(statement).format(database=database, schema=schema, login=login))


def _apply(connection: Connection, migration: Migration) -> bool:
    row = connection.execute("SELECT digest FROM schema_migrations WHERE name = %s", (migration.name,)).fetchone()
    if row is not None:
        if row["digest"] != migration.digest:
            raise MigrationEdited(f"{migration.name} was changed after it ran")
        return False
    try:
        connection.execute(migration.text.encode())
    except psycopg.Error as error:
        error.add_note(f"in migration {migration.name}")
        raise
    connection.execute(
        "INSERT INTO schema_migrations (name, digest) VALUES (%s, %s)", (migration.name, migration.digest)
    )
    return True


def _grant(connection: Connection, service: str, role: str) -> None:
    schema, login = sql.Identifier(service), sql.Identifier(role)
    statements = [
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {login}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {login}",
        "REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM {login}",
        *(f"REVOKE UPDATE, DELETE ON {table} FROM {{login}}" for table in APPEND_ONLY),
    ]
    for statement in statements:
        connection.execute(sql.SQL(statement).format(schema=schema, login=login))
