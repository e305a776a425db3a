"""A checkpoint that was kept elsewhere convicts a log that was cut, changed or written anew, without its database."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from shared.eventstore.chain import GENESIS, LogFields, extend
from shared.eventstore.checkpoint import (
    Checkpoint,
    check,
    check_against,
    check_export,
    exported_rows,
    new_signing_key,
    public_keys,
    read_checkpoints,
    sign,
)
from shared.eventstore.export import Format, export_log
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.eventstore.verify import verify_log
from tests.support.database import Database
from tests.unit.eventstore.tabs import MASTER_KEY, NOON, TABS, context, opened, tab_id, tea

SECRET, PUBLIC = new_signing_key()
KEYS = public_keys([PUBLIC])
FORMS = [Format.JSON_LINES, Format.PARQUET]


@pytest.fixture(scope="module")
def url(database: Database) -> str:
    """A log of some thirty positions."""
    url = database.url("order")
    with closing(PostgresStore(url, MASTER_KEY)) as store, closing(Sequencer(url)) as sequencer:
        for stream in [tab_id() for _ in range(10)]:
            for version in range(3):
                store.append(TABS, stream, version, [tea() if version else opened()], context())
        sequencer.tick()
    return url


def checkpoint(url: str, at: int | None = None) -> Checkpoint:
    verdict = verify_log(url, marks=[at or 0])
    if at is None:
        return sign(SECRET, "order", verdict.events, verdict.head, NOON)
    return sign(SECRET, "order", at, verdict.marks[at], NOON)


def exported(url: str, folder: Path, form: Format) -> Path:
    path = folder / f"log.{form.value}"
    export_log(url, path, form)
    return path


def test_a_checkpoint_is_read_back_as_it_was_signed(url: str) -> None:
    note = checkpoint(url)
    assert read_checkpoints(note.line()) == [note]
    assert check([note], KEYS) == []


@pytest.mark.parametrize(
    "change", [{"service": "support"}, {"position": 29}, {"hash": "00" * 32}, {"time": "2020-01-01T00:00:00+00:00"}]
)
def test_a_changed_checkpoint_no_longer_fits_its_signature(url: str, change: dict[str, Any]) -> None:
    [fault] = check([replace(checkpoint(url), **change)], KEYS)
    assert fault.reason == "the signature does not fit"


def test_a_checkpoint_of_a_strangers_key_is_not_believed(url: str) -> None:
    stranger, _ = new_signing_key()
    [fault] = check([sign(stranger, "order", 30, "00" * 32, NOON)], KEYS)
    assert "was not given" in fault.reason


def test_two_checkpoints_that_contradict_each_other_are_told() -> None:
    one, other = sign(SECRET, "order", 30, "00" * 32, NOON), sign(SECRET, "order", 30, "11" * 32, NOON)
    assert [fault.reason for fault in check([one, other], KEYS)] == [
        "another checkpoint tells another hash of this position"
    ]


@pytest.mark.parametrize("form", FORMS)
def test_an_exported_log_agrees_with_its_checkpoints(url: str, tmp_path: Path, form: Format) -> None:
    notes = [checkpoint(url, at=7), checkpoint(url)]
    assert check_export(exported(url, tmp_path, form), notes, "order") == []


def test_an_export_with_one_changed_field_is_found_at_its_position(url: str, tmp_path: Path) -> None:
    path = exported(url, tmp_path, Format.JSON_LINES)
    lines = path.read_text().splitlines(keepends=True)
    changed = json.loads(lines[11])
    changed["data"]["cents"] = 1
    lines[11] = json.dumps(changed) + "\n"
    path.write_text("".join(lines))
    assert [fault.where for fault in check_export(path, [checkpoint(url)], "order")] == ["position 12"]


def test_an_export_that_was_cut_off_is_found(url: str, tmp_path: Path) -> None:
    path, note = exported(url, tmp_path, Format.JSON_LINES), checkpoint(url)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))
    [fault] = check_export(path, [note], "order")
    assert fault.reason == f"the log ends at {note.position - 3}: it was cut off"


def test_a_chain_that_was_written_anew_is_whole_and_still_found(url: str, tmp_path: Path) -> None:
    rows = list(exported_rows(exported(url, tmp_path, Format.JSON_LINES)))
    events = [row.fields for row in rows if row.fields is not None]
    forged: list[LogFields] = [events[0]._replace(type="Forged"), *events[1:]]
    hashes = {position: digest.hex() for position, digest, _ in extend(GENESIS, 0, forged)}
    [fault] = check_against([checkpoint(url)], "order", hashes, len(rows))
    assert fault.reason == "the log has another hash here: it was written anew"


def test_the_commands_make_keys_sign_and_check(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_ORDER_POSTGRES_URL", url)
    private, public, notes = tmp_path / "private.pem", tmp_path / "public.pem", tmp_path / "notes.jsonl"
    run = CliRunner().invoke

    def evidence(*words: str | Path) -> int:
        return run(app, ["evidence", *map(str, words)]).exit_code

    assert evidence("key", private, public) == 0
    assert private.stat().st_mode & 0o077 == 0
    assert evidence("checkpoint", "order", "--key", private, "--out", notes) == 0
    export = exported(url, tmp_path, Format.PARQUET)
    assert evidence("check", notes, "--public-key", public, "--export", export, "--service", "order") == 0
    assert evidence("compare", "order", notes, "--public-key", public) == 0
    notes.write_text(notes.read_text().replace('"position":30', '"position":29'))
    assert evidence("check", notes, "--public-key", public) == 1
