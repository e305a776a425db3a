"""`python -m tests.bench.scale`: fills a store with past orders, checks it, and reads; JSON lines come last."""

import argparse
import os
import time
from pathlib import Path

import psycopg

from deploy.local.backends import Backends, open_backends
from shared.eventstore.verify import verify_log
from tests.bench.figures import Report, say
from tests.bench.scale.gateway import Home, home, served
from tests.bench.scale.reading import measure
from tests.bench.scale.seeding import Seeding
from tests.bench.scale.stories import told_stories
from tests.support.backends import session_folder
from tests.support.database import fresh_database


def main() -> None:
    asked = _arguments()
    report = Report()
    say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    with session_folder() as folder:
        # Commits reach the disk here, other than in the tests: that is part of the price.
        backends = open_backends(folder / "backends", say=say, durable=True)
        try:
            _measured(asked, report, backends, folder)
        finally:
            backends.close()
    say(f"load {os.getloadavg()[0]:.1f} at the end, its own included")
    for line in report.lines():
        say(line)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="past orders")
    parser.add_argument("--reads", type=int, default=300, help="of each kind")
    parser.add_argument("--no-verify", action="store_true", help="take the hash chain's word for it")
    return parser.parse_args()


def _measured(asked: argparse.Namespace, report: Report, backends: Backends, folder: Path) -> None:
    with fresh_database(backends.postgres_url, ("order",)) as scratch:
        told = told_stories(scratch)
    with home(backends, folder) as place:
        seeding = Seeding(place.dsn, place.master_key, told, place.merchant_ids, asked.count)
        began = time.monotonic()
        seeding.run(say)
        _vacuum(place)
        took = time.monotonic() - began
        size = _size_of(place)
        say(f"{asked.count:,} orders, {seeding.events:,} events, {size / 1e9:.1f} GB in {took:.0f} s")
        report.add("scale", "generating", "s", [took])
        report.add("scale", "events", "events", [seeding.events])
        report.add("scale", "database", "GB", [size / 1e9])
        if not asked.no_verify:
            _verified(report, place)
        with served(place) as gateway:
            measure(report, gateway, place, asked.reads)


def _vacuum(place: Home) -> None:
    """What autovacuum does in the course of a year: statistics, and pages known to be visible to everybody."""
    with psycopg.connect(place.admin_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _size_of(place: Home) -> int:
    with psycopg.connect(place.admin_url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None, "a function always answers"
        return int(row[0])


def _verified(report: Report, place: Home) -> None:
    began = time.monotonic()
    verdict = verify_log(place.dsn)
    took = time.monotonic() - began
    if verdict.problems or verdict.pending:
        raise RuntimeError(f"the store is not true: {verdict.problems[:5]}, {verdict.pending} pending")
    say(f"the chain holds over {verdict.events:,} events ({took:.0f} s)")
    report.add("scale", "verify", "events/s", [verdict.events / took])


if __name__ == "__main__":
    main()
