"""A rider whose device has fallen silent is asked if he is well, before anything is taken off him."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.dispatch.domain.policy import DispatchPolicy
from shared.kernel.ids import sibling_id

PREFIX = "wel"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderAsked:
    """Nothing was heard of him since `heard_at`, with this delivery in his hands; he has until `answer_by`."""

    rider_id: str
    delivery_id: str
    heard_at: datetime
    asked_at: datetime
    answer_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wellbeing:
    """When he was asked last; None: never."""

    asked_at: datetime | None = None
    answer_by: datetime | None = None


NEVER_ASKED = Wellbeing()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRider:
    rider_id: str
    delivery_id: str
    heard_at: datetime
    now: datetime


def stream_of(rider_id: str) -> str:
    return sibling_id(PREFIX, rider_id)


def evolve(_state: Wellbeing, event: RiderAsked) -> Wellbeing:
    """The state after one more event."""
    return Wellbeing(asked_at=event.asked_at, answer_by=event.answer_by)


def ask(command: AskRider, wellbeing: Wellbeing, policy: DispatchPolicy) -> list[RiderAsked]:
    """Once for each silence: not before it has lasted for the policy's span, and not again until he was heard of."""
    if not to_be_asked(command.heard_at, wellbeing.asked_at, command.now, policy):
        return []
    return [
        RiderAsked(
            rider_id=command.rider_id,
            delivery_id=command.delivery_id,
            heard_at=command.heard_at,
            asked_at=command.now,
            answer_by=command.now + timedelta(seconds=policy.silent_grace_seconds),
        )
    ]


def to_be_asked(heard_at: datetime, asked_at: datetime | None, now: datetime, policy: DispatchPolicy) -> bool:
    """Whether a rider who carries something should be asked if he is well."""
    if asked_at is not None and asked_at >= heard_at:
        return False
    return now - heard_at >= timedelta(seconds=policy.silent_after_seconds)


def gone_silent(heard_at: datetime, asked_at: datetime | None, now: datetime, policy: DispatchPolicy) -> bool:
    """Whether he counts as silent: he was asked, and nothing was heard of him in the grace either."""
    if asked_at is None or heard_at > asked_at:
        return False
    return now - asked_at >= timedelta(seconds=policy.silent_grace_seconds)


def last_heard(*moments: datetime | None) -> datetime | None:
    """The latest sign of life; None when there was none."""
    return max(_known(moments), default=None)


def _known(moments: Iterable[datetime | None]) -> list[datetime]:
    return [moment for moment in moments if moment is not None]
