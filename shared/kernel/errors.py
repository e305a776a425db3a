"""The tree of errors, so that every room tells a refusal from a bug and a bug from an outage in the same way.

DoorstepError
├── DomainError            the business says no; stable `code`; never retried
│   ├── InvalidInput       one or more fields are wrong; carries every fault
│   ├── NotFound           no such thing, or not visible to the caller
│   └── NotAllowed         the caller may not do this to that thing
└── StaleVersion           somebody else wrote first; retried, bounded
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class DoorstepError(Exception):
    """Root of the errors that Doorstep raises on purpose."""


class DomainError(DoorstepError):
    """A refusal by the business: a stable `code`, one plain sentence, and the facts behind it."""

    code: ClassVar[str] = "refused"

    def __init__(self, sentence: str, **facts: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field: dotted `field` path, stable `code`, plain `sentence`."""

    field: str
    code: str
    sentence: str


class InvalidInput(DomainError):
    """Input that cannot be accepted; tells all faults at once."""

    code = "invalid_input"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.sentence for fault in faults))
        self.faults = tuple(faults)


class NotFound(DomainError):
    """No such thing, or the caller may not know that it exists."""

    code = "not_found"


class NotAllowed(DomainError):
    """The caller is known, and may not do this."""

    code = "not_allowed"


class StaleVersion(DoorstepError):
    """The stream moved on between load and append."""

    def __init__(self, stream_id: str, expected_version: int) -> None:
        super().__init__(f"stream {stream_id} is not at version {expected_version} any more")
        self.stream_id = stream_id
        self.expected_version = expected_version
