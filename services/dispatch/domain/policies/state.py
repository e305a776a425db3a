"""A scope's policy by now: its versions, which of them is active, and which one is to be."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.policies import events as e
from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.domain.policy import BASE

SCOPE = "dispatch"
"""Whose figures they are; one stream for each."""
NOTHING = PolicyDocument()
"""Version 0 adds nothing to the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version as it was written down."""

    number: int
    document: PolicyDocument = NOTHING
    reason: str = ""
    drafted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    version: int
    activate_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`before` are the versions to go back to, the last one first to be taken; `been_active` all that ever were."""

    versions: tuple[Version, ...] = ()
    active: int = 0
    active_since: datetime | None = None
    before: tuple[int, ...] = ()
    been_active: frozenset[int] = field(default_factory=lambda: frozenset({0}))
    scheduled: Scheduled | None = None

    def version(self, number: int) -> Version | None:
        """Version 0 is always there."""
        if number == 0:
            return Version(number=0)
        return self.versions[number - 1] if 1 <= number <= len(self.versions) else None

    @property
    def document(self) -> PolicyDocument:
        """What the active version says."""
        version = self.version(self.active)
        return NOTHING if version is None else version.document


UNWRITTEN = Policy()


PREFIX = "pol"


def stream_of(scope: str) -> str:
    """The one stream of a scope's policy."""
    return f"{PREFIX}_{scope}"


def scope_of(stream_id: str) -> str:
    return stream_id.removeprefix(f"{PREFIX}_")


def label_of(scope: str, version: int) -> str:
    """What decisions record of the version they were made by."""
    return BASE if version == 0 else f"{scope}-{version}"


def evolve(state: Policy, event: e.PolicyEvent) -> Policy:
    """The policy after one more event."""
    match event:
        case e.PolicyDrafted():
            drafted = Version(
                number=event.version, document=event.document, reason=event.reason, drafted_at=event.drafted_at
            )
            return replace(state, versions=(*state.versions, drafted))
        case e.PolicyScheduled():
            scheduled = Scheduled(version=event.version, activate_at=event.activate_at, reason=event.reason)
            return replace(state, scheduled=scheduled)
        case e.PolicyUnscheduled():
            return replace(state, scheduled=None)
        case e.PolicyActivated():
            return _active(state, event, (*state.before, state.active))
        case e.PolicyRolledBack():
            return _active(state, event, _earlier_than(event.version, state.before))
        case _:
            assert_never(event)


def _active(state: Policy, event: e.PolicyActivated | e.PolicyRolledBack, before: tuple[int, ...]) -> Policy:
    return replace(
        state,
        active=event.version,
        active_since=event.activated_at,
        before=before,
        been_active=state.been_active | {event.version},
        scheduled=None,
    )


def _earlier_than(version: int, before: tuple[int, ...]) -> tuple[int, ...]:
    """What is left to go back to after going back to a version."""
    places = [place for place, number in enumerate(before) if number == version]
    return before[: places[-1]] if places else before
