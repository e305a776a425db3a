"""An exported log says what the store says, can be checked without the database, and gives no person away."""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from deploy.local.backends import Backends
from shared.eventstore import export
from shared.eventstore.chain import GENESIS, LogFields, link
from shared.eventstore.export import Format, export_log
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from tests.support.database import fresh_database
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, TabEvent, context, opened, tea

PHONE = "+86 138 0000 0000"
TAB_COUNT = 400
END = TAB_COUNT * 30


@dataclass(frozen=True)
class Exported:
    """A service with some thousand events, and a folder to write to."""

    store: PostgresStore
    dsn: str
    folder: Path

    def lines(self, **limits: Any) -> list[dict[str, Any]]:
        path = self.folder / "log.jsonl"
        export_log(self.dsn, path, Format.JSON_LINES, **limits)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def table(self, **limits: Any) -> list[dict[str, Any]]:
        path = self.folder / "log.parquet"
        export_log(self.dsn, path, Format.PARQUET, **limits)
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        return rows


@pytest.fixture(scope="module")
def log(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    with fresh_database(backends.postgres_url, ("order",)) as database:
        url = database.url("order")
        with closing(PostgresStore(url, MASTER_KEY)) as store, closing(Sequencer(url)) as sequencer:
            for number in range(TAB_COUNT):
                events: list[TabEvent] = [opened(phone=PHONE), *[tea()] * 29]
                store.append(TABS, f"tab_{number}", 0, events, context())
            sequencer.tick()
            yield Exported(store, url, tmp_path_factory.mktemp("exports"))


def test_json_lines_hold_every_event_of_the_log_in_order(log: Exported) -> None:
    lines = log.lines()
    assert [line["position"] for line in lines] == list(range(1, END + 1))
    for line, stored in zip(lines, log.store.log_after(0, END), strict=True):
        assert (line["stream_id"], line["version"], line["event_id"]) == (
            stored.stream_id,
            stored.version,
            stored.event_id,
        )
        assert (line["type"], line["data"]) == (stored.type, stored.data)
        assert line["recorded_at"] == stored.recorded_at.isoformat()


def test_parquet_holds_the_same_as_json_lines(log: Exported) -> None:
    for row, line in zip(log.table(), log.lines(), strict=True):
        assert row["recorded_at"].astimezone(UTC).isoformat() == line["recorded_at"]
        for name in ("position", "hash", "stream_id", "version", "event_id", "type", "schema_version"):
            assert row[name] == line[name]
        for name in ("data", "metadata"):
            assert json.loads(row[name]) == line[name]


def test_the_hash_chain_can_be_checked_from_the_parquet_file_alone(log: Exported) -> None:
    digest = GENESIS
    for row in log.table():
        fields = LogFields(
            row["stream_id"],
            row["version"],
            row["event_id"],
            row["type"],
            row["schema_version"],
            row["data"],
            row["metadata"],
            row["recorded_at"],
        )
        digest = link(digest, row["position"], fields)
        assert digest.hex() == row["hash"]


@pytest.mark.parametrize(
    ("limits", "first", "last"),
    [({"after": 10, "until": 20}, 11, 20), ({"after": END - 3}, END - 2, END), ({"until": END * 2}, 1, END)],
)
def test_a_range_is_what_was_asked_for(log: Exported, limits: dict[str, int], first: int, last: int) -> None:
    for rows in (log.lines(**limits), log.table(**limits)):
        assert [row["position"] for row in rows] == list(range(first, last + 1))


def test_an_empty_range_is_an_empty_file(log: Exported) -> None:
    assert log.lines(after=END) == []
    assert log.table(after=END) == []


@pytest.mark.parametrize("form", list(Format))
def test_personal_data_stays_sealed(log: Exported, form: Format) -> None:
    path = log.folder / "sealed"
    assert export_log(log.dsn, path, form) == END
    text = str(log.table()) if form is Format.PARQUET else path.read_text(encoding="utf-8")
    assert PHONE not in text
    assert "sealed" in text


@pytest.mark.parametrize("form", list(Format))
def test_memory_does_not_grow_with_the_log(log: Exported, form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "CHUNK", 500)
    peaks = []
    for until in (2_000, END):
        tracemalloc.start()
        export_log(log.dsn, log.folder / "bounded", form, until=until)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_a_file_that_is_not_whole_never_has_its_name(log: Exported) -> None:
    path = log.folder / "interrupted.jsonl"

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_log(log.dsn, path, Format.JSON_LINES, tell=interrupt)
    assert not path.exists()
    assert not list(log.folder.glob("*.part"))
