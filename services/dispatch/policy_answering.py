"""What a policy's stream is answered as: views of its state, and of who did what to it."""

from collections.abc import Mapping, Sequence

from services.dispatch.codec import POLICY_CODEC
from services.dispatch.domain import errors
from services.dispatch.domain.policies import events as e
from services.dispatch.domain.policies.catalogue import PARAMETERS
from services.dispatch.domain.policies.document import as_json
from services.dispatch.domain.policies.state import Policy, Version, label_of
from services.dispatch.policy_desk import PolicyDesk
from services.dispatch.policy_schemas import (
    AuditEntry,
    FigureView,
    PolicyView,
    ScheduledView,
    VersionState,
    VersionView,
)
from shared.eventstore.codec import Vault
from shared.eventstore.model import StoredEvent
from shared.kernel.clock import Clock

WHAT: Mapping[str, str] = {
    "PolicyDrafted": "drafted",
    "PolicyScheduled": "scheduled",
    "PolicyUnscheduled": "unscheduled",
    "PolicyActivated": "activated",
    "PolicyRolledBack": "rolled_back",
}


def policy_view(policy: Policy, version: int, desk: PolicyDesk, clock: Clock) -> PolicyView:
    return PolicyView(
        scope=desk.scope,
        version=version,
        active=policy.active,
        policy_version=label_of(desk.scope, policy.active),
        active_since=policy.active_since,
        scheduled=_scheduled(policy, desk.scope),
        back_to=policy.before[-1] if policy.before else None,
        latest=len(policy.versions),
        document=as_json(policy.document),
        figures=[FigureView.of(each, float(getattr(desk.base, each.name))) for each in PARAMETERS],
        server_time=clock.now(),
    )


def _scheduled(policy: Policy, scope: str) -> ScheduledView | None:
    scheduled = policy.scheduled
    if scheduled is None:
        return None
    return ScheduledView(
        number=scheduled.version,
        policy_version=label_of(scope, scheduled.version),
        activate_at=scheduled.activate_at,
        reason=scheduled.reason,
    )


def version_view(
    number: int, policy: Policy, stream_version: int, scope: str, drafted_by: Mapping[int, str]
) -> VersionView:
    version = version_of(number, policy)
    return VersionView(
        version=stream_version,
        number=number,
        policy_version=label_of(scope, number),
        state=_state_of(number, policy),
        drafted_at=version.drafted_at,
        drafted_by=drafted_by.get(number),
        reason=version.reason,
        document=as_json(version.document),
    )


def version_of(number: int, policy: Policy) -> Version:
    """Raises PolicyVersionNotFound."""
    version = policy.version(number)
    if version is None:
        raise errors.PolicyVersionNotFound("there is no such version", number=number)
    return version


def _state_of(number: int, policy: Policy) -> VersionState:
    if number == policy.active:
        return "active"
    if policy.scheduled is not None and policy.scheduled.version == number:
        return "scheduled"
    return "was_active" if number in policy.been_active else "draft"


def drafters(events: Sequence[StoredEvent]) -> dict[int, str]:
    """Who wrote each version down."""
    return {event.data["version"]: event.actor for event in events if event.type == "PolicyDrafted"}


def audit_entry(stored: StoredEvent, vault: Vault) -> AuditEntry:
    event = POLICY_CODEC.decode(stored.type, stored.schema_version, stored.data, vault)
    return AuditEntry.model_validate(
        {
            "position": stored.version,
            "what": WHAT[stored.type],
            "number": event.version,
            "previous": event.previous if isinstance(event, e.PolicyActivated | e.PolicyRolledBack) else None,
            "actor": stored.actor,
            "at": stored.occurred_at,
            "activate_at": event.activate_at if isinstance(event, e.PolicyScheduled) else None,
            "reason": event.reason,
        }
    )
