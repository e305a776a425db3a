"""Appending: ours beside the `eventsourcing` library and beside pgbench doing the same insert."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from deploy.local.postgres import find_binaries
from shared.eventstore.rows import APPEND
from shared.eventstore.writing import prepare
from tests.bench import workload
from tests.bench.figures import Report, in_turn
from tests.bench.workload import TRANSACTIONS_PER_STREAM
from tests.bench.writers import Steps, rate
from tests.support.database import Database, fresh_database

WRITERS = (1, 8, 16)
SIZES = (1, 10)


def run(report: Report, postgres_url: str, rounds: int, seconds: float) -> None:
    with fresh_database(postgres_url, ("order",)) as database:
        library_recorder(database.admin_url).create_table()
        for size in SIZES:
            for writers in WRITERS:
                ours, library, pgbench = in_turn(
                    rounds,
                    partial(events_rate, writers, size, seconds, ours_steps, database.url("order")),
                    partial(events_rate, writers, size, seconds, library_steps, database.admin_url),
                    partial(pgbench_rate, database, writers, size, seconds),
                )
                case = f"{writers} writers, {size} an append"
                report.add("append", case, "events/s", ours, "eventsourcing", library)
                report.add("append", f"{case} (insert)", "events/s", ours, "pgbench", pgbench)


def events_rate(writers: int, size: int, seconds: float, steps: Steps, dsn: str) -> float:
    return rate(writers, seconds, steps, dsn, size) * size


def ours_steps(dsn: str, size: int) -> Iterator[None]:
    """Encoding, ids, JSON and one round trip: what a command pays."""
    return workload.appends(workload.open_store(dsn), size)


def library_steps(dsn: str, size: int) -> Iterator[None]:
    """The library's default recorder, given bytes that are encoded already: less than what a command pays."""
    from eventsourcing.persistence import StoredEvent

    recorder = library_recorder(dsn)
    data = _row(1).data[0].encode()
    for number in count():
        if number % TRANSACTIONS_PER_STREAM == 0:
            stream_id, version = uuid4(), 0
        recorder.insert_events(
            [StoredEvent(stream_id, version + each, "tests.bench.workload:Noted", data) for each in range(size)]
        )
        version += size
        yield


def library_recorder(dsn: str) -> Any:
    from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

    parts = urlsplit(dsn)
    datastore = PostgresDatastore(
        dbname=parts.path[1:],
        host=parts.hostname or "",
        port=parts.port or 5432,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
    return PostgresApplicationRecorder(datastore, events_table_name="library_events")


def _row(size: int) -> Any:
    return prepare(
        workload.STEPS,
        "ord_0",
        0,
        [workload.noted("ord_0123456789abcdefghijkl")] * size,
        workload.context(),
        _NoVault(),
    )


class _NoVault:
    """Nothing of the workload is personal."""

    def seal(self, subject_id: str, plain: Any) -> str:
        raise AssertionError(f"{subject_id} was not to be sealed")

    def open(self, subject_id: str, sealed: str) -> Any | None:
        raise AssertionError(f"{subject_id} was not sealed")


def pgbench_rate(database: Database, writers: int, size: int, seconds: float) -> float:
    """Our own statement, prepared, with its values at hand, from a client in C: what the database can take."""
    binaries = find_binaries()
    assert binaries is not None, "the server's binaries were found before"
    script, variables = _script(size)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        ended = subprocess.run(
            [
                *(str(Path(binaries, "pgbench")), "--no-vacuum", "--protocol=prepared", "--file", file.name),
                *("--client", str(writers), "--jobs", str(min(writers, os.cpu_count() or 1))),
                *("--time", str(max(2, round(seconds)))),
                *(part for name, value in variables.items() for part in ("--define", f"{name}={value}")),
                database.url("order"),
            ],
            capture_output=True,
            text=True,
            timeout=seconds * 3 + 60,
            check=True,
        )
    found = re.search(r"^tps = ([\d.]+)", ended.stdout, re.MULTILINE)
    # On a machine that is busy with other things a script may not end once.
    return float(found[1]) * size * TRANSACTIONS_PER_STREAM if found else 0.0


def _script(size: int) -> tuple[str, dict[str, str]]:
    """One stream's appends as a pgbench script, and the values that it does not make itself."""
    row = _row(size)
    event = row.events[0]
    many = size > 1
    variables = {
        "category": row.category,
        "metadata": row.metadata,
        "recorded_at": event.recorded_at.isoformat(),
        "event_id": _array([each.event_id for each in row.events]) if many else event.event_id,
        "type": _array([event.type] * size) if many else event.type,
        "schema_version": _array(["1"] * size) if many else "1",
        "data": _array(row.data) if many else row.data[0],
    }
    lines = [r"\set n random(1, 9000000000000000)"]
    for number in range(TRANSACTIONS_PER_STREAM):
        first = number * size + 1
        versions = [str(version) for version in range(first, first + size)]
        variables[f"version{number}"] = _array(versions) if many else versions[0]
        statement = APPEND[number == 0, not many, False].statement
        own = {"version": f":version{number}", "new_version": str(first + size - 1), "expected": str(first - 1)}
        own |= {"stream_id": "('ord_0123456789_' || :n::bigint)"}
        lines.append(re.sub(r"%\((\w+)\)s", lambda match, own=own: own.get(match[1], f":{match[1]}"), statement))  # type: ignore[misc]
        lines[-1] = " ".join(lines[-1].split()) + ";"
    return "\n".join(lines) + "\n", variables


def _array(values: list[str]) -> str:
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"
