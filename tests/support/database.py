"""A fresh, migrated database for a test module, with the same roles as a real one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from shared.contracts.message import SERVICES


@dataclass(frozen=True)
class Database:
    """One database with a schema and a role for every service."""

    admin_url: str
    name: str
    passwords: dict[str, str]

    def url(self, service: str) -> str:
        """The DSN of the service's own role."""
        parts = urlsplit(self.admin_url)
        user = f"{quote(f'{self.name}_{service}')}:{quote(self.passwords[service])}"
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port or 5432}"))


@contextmanager
def fresh_database(superuser_url: str, services: tuple[str, ...] = SERVICES) -> Iterator[Database]:
    """Creates and migrates a database; it and its roles are gone afterwards, whoever is still connected."""
    from shared.eventstore.migrate import migrate

    name = f"test_{secrets.token_hex(4)}"
    _run(superuser_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database = Database(
        urlunsplit(urlsplit(superuser_url)._replace(path=f"/{name}")),
        name,
        {service: secrets.token_urlsafe(12) for service in services},
    )
    try:
        for service, password in database.passwords.items():
            migrate(database.admin_url, service, password)
        yield database
    finally:
        _run(superuser_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for service in services:
            _run(superuser_url, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(f"{name}_{service}")))


def _run(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
