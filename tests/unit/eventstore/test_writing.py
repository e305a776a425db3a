"""Events become rows in one spelling, and their deadline changes are summed up."""

from datetime import timedelta

import pytest

from shared.eventstore.deadlines import LONGEST_RETRY, retry_delay
from shared.eventstore.model import ClearDeadline, DeadlineChange, SetDeadline
from shared.eventstore.writing import canonical_json, net_changes
from tests.unit.eventstore.tabs import NOON


def test_equal_values_have_one_spelling() -> None:
    assert canonical_json({"b": 1, "a": "茶"}) == canonical_json({"a": "茶", "b": 1}) == '{"a":"茶","b":1}'


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
