"""Waits that a decision opens or closes, as plain values, so that pure domain code can say them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SetDeadline:
    """Wake the stream with `name` at `due_at`; a second one of the same name replaces the first."""

    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ClearDeadline:
    """The wait called `name` is over."""

    name: str


DeadlineChange = SetDeadline | ClearDeadline
