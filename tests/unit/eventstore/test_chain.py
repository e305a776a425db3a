"""The hash chain covers every bit of every event, and its place."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from shared.eventstore.chain import (
    GENESIS,
    Break,
    ChainRow,
    LogFields,
    Spelled,
    Verifier,
    breaks,
    canonical,
    extend,
    spelled,
    verify,
)
from tests.unit.eventstore.tabs import NOON


def fields(number: int) -> LogFields:
    return LogFields(f"tab_{number}", 1, f"evt_{number}", "DrinkAdded", 1, '{"cents":1}', '{"actor":"a"}', NOON)


def chain(length: int) -> list[ChainRow]:
    placed = extend(GENESIS, 0, [fields(number) for number in range(length)])
    return [ChainRow(position, digest, event) for position, digest, event in placed]


def test_a_whole_chain_holds() -> None:
    assert verify(chain(5)) is None
    assert verify([]) is None


@dataclass(frozen=True)
class Change:
    field: str
    value: Any


@pytest.mark.parametrize(
    "change",
    [
        Change("stream_id", "tab_x"),
        Change("version", 2),
        Change("event_id", "evt_x"),
        Change("type", "TabClosed"),
        Change("schema_version", 2),
        Change("data", '{"cents": 1}'),
        Change("metadata", '{"actor":"b"}'),
        Change("recorded_at", NOON + timedelta(microseconds=1)),
    ],
    ids=lambda change: change.field,
)
def test_a_changed_field_breaks_the_chain_at_its_position(change: Change) -> None:
    rows = chain(5)
    changed = fields(2)._replace(**{change.field: change.value})
    rows[2] = rows[2]._replace(fields=changed)
    assert verify(rows) == Break(3, "the hash does not match the event and the hash before it")


def test_swapped_hashes_break_the_chain_at_both_and_behind_each() -> None:
    rows = chain(5)
    rows[1], rows[3] = rows[1]._replace(hash=rows[3].hash), rows[3]._replace(hash=rows[1].hash)
    assert [broken.position for broken in breaks(rows)] == [2, 3, 4, 5]


def test_a_missing_position_and_a_missing_event_are_told() -> None:
    rows = chain(4)
    assert verify(rows[:1] + rows[2:]) == Break(2, "position 2 is missing: the next in the log is 3")
    rows[2] = rows[2]._replace(fields=None)
    assert verify(rows) == Break(3, "the log has a row without an event")


def test_no_two_events_share_one_spelling() -> None:
    one = fields(1)._replace(event_id="evt_1D", type="rinkAdded")
    other = fields(1)._replace(event_id="evt_1", type="DrinkAdded")
    assert canonical(1, one) != canonical(1, other)


def test_the_hash_of_a_known_event_never_changes() -> None:
    """A golden value: if it moves, every log that exists becomes unprovable."""
    [(_, digest, _)] = extend(GENESIS, 0, [fields(1)])
    assert digest.hex() == "51ea2c090c99c1fb41a931141a0408b062db377feec1fcc6dbc64be9ac88046a"


def test_every_single_bit_of_an_event_and_of_its_hash_counts() -> None:
    rows = [spelled(row) for row in chain(3)]
    whole = rows[1]
    assert whole.spelling is not None
    for bit in range(len(whole.spelling) * 8):
        assert first_break([rows[0], whole._replace(spelling=flip(whole.spelling, bit)), rows[2]]) == 2
    for bit in range(256):
        assert first_break([rows[0], whole._replace(hash=flip(whole.hash, bit)), rows[2]]) == 2


def flip(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def first_break(rows: list[Spelled]) -> int | None:
    verifier = Verifier()
    return next((broken.position for row in rows if (broken := verifier.check(row)) is not None), None)
