"""Events become rows in one spelling, and their deadline changes are summed up."""

import json
from datetime import timedelta

import pytest

from shared.eventstore.deadlines import LONGEST_RETRY, retry_delay
from shared.eventstore.model import ClearDeadline, DeadlineChange, SetDeadline
from shared.eventstore.writing import canonical_json, metadata_text, net_changes
from tests.unit.eventstore.tabs import NOON, context


def test_equal_values_have_one_spelling() -> None:
    assert canonical_json({"b": 1, "a": "茶"}) == canonical_json({"a": "茶", "b": 1}) == '{"a":"茶","b":1}'


def test_metadata_has_the_same_spelling_as_everything_else() -> None:
    given = context(actor='r\u00f4le:"\\\n\x01\x7f茶', causation_id="evt_1", traceparent="00-a-b-01")
    text = metadata_text(given, given.occurred_at)
    assert text == canonical_json(json.loads(text))
    assert json.loads(text)["actor"] == given.actor


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_the_last_word_on_each_deadline_counts() -> None:
    later = NOON + timedelta(hours=1)
    changes: list[DeadlineChange] = [
        SetDeadline("a", NOON),
        ClearDeadline("a"),
        ClearDeadline("b"),
        SetDeadline("b", NOON),
    ]
    assert net_changes([*changes, SetDeadline("b", later)]) == ({"b": later}, ["a"])


def test_tries_of_a_failing_deadline_move_apart_up_to_a_bound() -> None:
    delays = [retry_delay(attempts).total_seconds() for attempts in (1, 2, 3)]
    assert delays == [1, 2, 4]
    assert retry_delay(10_000) == LONGEST_RETRY
