"""Nothing is stale after a rebuild: every table of every service is rebuilt from the log, or said not to be."""

import re
from importlib import import_module
from pathlib import Path

import psycopg
import pytest

from shared.contracts.message import SERVICES
from tests.support.database import Database

PAGE = Path("docs/operations/replay.md")
PARTITION = re.compile(r"_(\d{4}|other)$")


def said_not_to_be(service: str) -> set[str]:
    section = PAGE.read_text(encoding="utf-8").partition("### What no rebuild touches")[2].partition("\nMeasured")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("|")]
    return {
        name for whose, tables in rows if whose.strip() in ("all", service) for name in re.findall(r"`(\w+)`", tables)
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_is_rebuilt_from_the_log_or_said_not_to_be(database: Database, service: str) -> None:
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (service,)).fetchall()
    there = {PARTITION.sub("", name) for (name,) in rows}
    projections = import_module(f"services.{service}.wiring").PROJECTIONS
    rebuilt = {table for projection in projections for table in projection.tables}
    kept = said_not_to_be(service)
    assert rebuilt <= there
    assert not rebuilt & kept
    assert there - rebuilt == kept
