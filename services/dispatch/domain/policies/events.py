"""What can happen to a scope's policy. Who did it is in every event's metadata; why is here."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.policies.document import PolicyDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDrafted:
    """A new version is written down; it changes nothing yet. Versions count from 1 and stay as they are."""

    version: int
    document: PolicyDocument
    reason: str
    drafted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyScheduled:
    """The version takes over at a time."""

    version: int
    activate_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyUnscheduled:
    version: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyActivated:
    """From now on decisions are made by this version."""

    version: int
    previous: int
    reason: str
    activated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRolledBack:
    """Back to a version that was active before; 0 is the settings alone."""

    version: int
    previous: int
    reason: str
    activated_at: datetime


PolicyEvent = PolicyDrafted | PolicyScheduled | PolicyUnscheduled | PolicyActivated | PolicyRolledBack
