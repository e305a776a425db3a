"""What operators, and a time that has come, may ask of a scope's policy."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.policies.document import PolicyDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPolicy:
    """The document has been examined before: see `checking.examine`."""

    document: PolicyDocument
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivatePolicy:
    """`at` None: now."""

    version: int
    reason: str
    at: datetime | None = None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateScheduled:
    """The time of a scheduled version has come."""

    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unschedule:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollBack:
    """`version` None: to the one that was active before."""

    version: int | None
    reason: str
    now: datetime


PolicyCommand = DraftPolicy | ActivatePolicy | ActivateScheduled | Unschedule | RollBack
