"""What a policy answers to each command: the events that follow, none, or a refusal."""

from datetime import datetime, timedelta
from typing import assert_never

from services.dispatch.domain import errors
from services.dispatch.domain.policies import commands as c
from services.dispatch.domain.policies import events as e
from services.dispatch.domain.policies.state import Policy
from shared.kernel.errors import Fault, InvalidInput

AHEAD_MAX = timedelta(days=366)
"""Further ahead nobody knows what a policy meets; it is mostly a wrong year."""


def decide(command: c.PolicyCommand, policy: Policy) -> list[e.PolicyEvent]:
    """One function per command."""
    match command:
        case c.DraftPolicy():
            return draft(command, policy)
        case c.ActivatePolicy():
            return activate(command, policy)
        case c.ActivateScheduled():
            return activate_scheduled(command, policy)
        case c.Unschedule():
            return unschedule(command, policy)
        case c.RollBack():
            return roll_back(command, policy)
        case _:
            assert_never(command)


def draft(command: c.DraftPolicy, policy: Policy) -> list[e.PolicyEvent]:
    """Writes a new version down; what the latest version says already is not written again."""
    if policy.versions and policy.versions[-1].document == command.document:
        return []
    return [
        e.PolicyDrafted(
            version=len(policy.versions) + 1,
            document=command.document,
            reason=command.reason,
            drafted_at=command.now,
        )
    ]


def activate(command: c.ActivatePolicy, policy: Policy) -> list[e.PolicyEvent]:
    """Now or at a time; whatever was scheduled before is replaced."""
    _require_version(command.version, policy)
    if command.at is not None:
        return _schedule(command, command.at, policy)
    if policy.active == command.version:
        return [] if policy.scheduled is None else unschedule(c.Unschedule(reason=command.reason), policy)
    return [_activated(command.version, policy, command.reason, command.now)]


def activate_scheduled(command: c.ActivateScheduled, policy: Policy) -> list[e.PolicyEvent]:
    """Nothing before the time, and nothing when somebody thought better of it."""
    scheduled = policy.scheduled
    if scheduled is None or command.now < scheduled.activate_at:
        return []
    if scheduled.version == policy.active:
        return [e.PolicyUnscheduled(version=scheduled.version, reason=scheduled.reason)]
    return [_activated(scheduled.version, policy, scheduled.reason, command.now)]


def unschedule(command: c.Unschedule, policy: Policy) -> list[e.PolicyEvent]:
    """The active version stays."""
    if policy.scheduled is None:
        return []
    return [e.PolicyUnscheduled(version=policy.scheduled.version, reason=command.reason)]


def roll_back(command: c.RollBack, policy: Policy) -> list[e.PolicyEvent]:
    """To a version that has been active, so that it is known what it does; the settings alone (0) always have."""
    version = command.version
    if version is None:
        if not policy.before:
            raise errors.NothingToRollBack("no version was active before this one", active=policy.active)
        version = policy.before[-1]
    _require_version(version, policy)
    if version not in policy.been_active:
        raise errors.PolicyNeverActive("this version was never active: activate it instead", version=version)
    if version == policy.active:
        return []
    return [
        e.PolicyRolledBack(
            version=version,
            previous=policy.active,
            reason=command.reason,
            activated_at=command.now,
        )
    ]


def _schedule(command: c.ActivatePolicy, at: datetime, policy: Policy) -> list[e.PolicyEvent]:
    if at <= command.now:
        raise InvalidInput([Fault("at", "in_the_past", "this time has passed; leave it out to activate now")])
    if at > command.now + AHEAD_MAX:
        raise InvalidInput([Fault("at", "too_far_ahead", f"at most {AHEAD_MAX.days} days ahead")])
    scheduled = policy.scheduled
    if scheduled is not None and (scheduled.version, scheduled.activate_at) == (command.version, at):
        return []
    return [e.PolicyScheduled(version=command.version, activate_at=at, reason=command.reason)]


def _activated(version: int, policy: Policy, reason: str, now: datetime) -> e.PolicyActivated:
    return e.PolicyActivated(version=version, previous=policy.active, reason=reason, activated_at=now)


def _require_version(version: int, policy: Policy) -> None:
    if policy.version(version) is None:
        raise errors.PolicyVersionNotFound("there is no such version", version=version)
