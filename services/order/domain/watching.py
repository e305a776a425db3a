"""Who owns each wait of an order, and what happens when it runs out: no state that is not the end goes unwatched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from services.order.domain.lifecycle import Who
from services.order.domain.policy import OrderPolicy
from services.order.domain.values import OrderState, Wait

_S = OrderState
_STALLED_DOUBLINGS_MAX = 16


@dataclass(frozen=True, slots=True)
class Watch:
    """A wait, who must end it, the policy that says how long (`<span>_seconds`), and what follows otherwise."""

    wait: Wait
    owner: Who
    span: str
    then: str


_CALLED = "its owner is called, support has a case; again after twice as long"
_PAY = Watch(Wait.PAYMENT, Who.PAYMENT, "payment", "cancelled: payment not authorised")
_LATER = Watch(Wait.ASKING, Who.TIME, "schedule_ahead", "the merchant of a scheduled order is asked")
_REMIND = Watch(Wait.MERCHANT_REMINDER, Who.MERCHANT, "merchant_reminder", "the merchant is reminded")
_ANSWER = Watch(
    Wait.MERCHANT_ANSWER, Who.MERCHANT, "merchant_answer", "cancelled, money back, the merchant is flagged"
)
_LATE = Watch(
    Wait.PREPARATION, Who.MERCHANT, "preparation_grace", "customer, merchant and rider are told; then the next step"
)
_KITCHEN = Watch(Wait.NEXT_STEP, Who.MERCHANT, "kitchen", _CALLED)
_WITHDRAWAL = Watch(
    Wait.WITHDRAWAL_ANSWER, Who.DISPATCH, "withdrawal_answer", "dispatch is asked again; then the order goes on"
)

WATCHES: Mapping[OrderState, tuple[Watch, ...]] = MappingProxyType(
    {
        _S.PENDING_ACCEPTANCE: (_PAY, _LATER, _REMIND, _ANSWER),
        _S.ACCEPTED: (_LATE, _KITCHEN),
        _S.PREPARING: (_LATE, _KITCHEN),
        _S.READY: (Watch(Wait.NEXT_STEP, Who.DISPATCH, "pickup", f"no rider came: {_CALLED}"),),
        _S.DELIVERING: (Watch(Wait.NEXT_STEP, Who.DISPATCH, "transit", f"not delivered: {_CALLED}"),),
        _S.DELIVERY_EXCEPTION: (Watch(Wait.NEXT_STEP, Who.SUPPORT, "exception", f"unsolved: {_CALLED}"),),
        _S.RETURNING: (Watch(Wait.NEXT_STEP, Who.DISPATCH, "return", f"goods not back: {_CALLED}"),),
        _S.CANCELLING: (_WITHDRAWAL,),
        _S.DELIVERED: (
            Watch(Wait.CONFIRMATION_REMINDER, Who.CUSTOMER, "confirmation_reminder", "the customer is reminded"),
            Watch(Wait.CONFIRMATION, Who.CUSTOMER, "confirmation", "confirmed by time: complete"),
        ),
        _S.COMPLETED: (
            Watch(Wait.REVIEW, Who.CUSTOMER, "review", "reviews are closed"),
            Watch(Wait.MODERATION, Who.SUPPORT, "moderation", "words and pictures stay hidden"),
            Watch(Wait.ARCHIVE, Who.TIME, "archive", "archived"),
        ),
        _S.CANCELLED: (Watch(Wait.ARCHIVE, Who.TIME, "archive", "archived"),),
        _S.REJECTED: (Watch(Wait.ARCHIVE, Who.TIME, "archive", "archived"),),
        _S.ARCHIVED: (),
    }
)


def owner_of(state: OrderState) -> Who | None:
    """Who must take the next step in a state; None where nothing more is expected of anybody."""
    return WATCHES[state][-1].owner if WATCHES[state] else None


def next_step_at(state: OrderState, now: datetime, policy: OrderPolicy, times: int = 0) -> datetime | None:
    """When the owner of a state is called, for the `times + 1`-th time; None where another wait watches."""
    for watch in WATCHES[state]:
        if watch.wait is Wait.NEXT_STEP:
            span = policy.span(watch.span) * (1 << min(times, _STALLED_DOUBLINGS_MAX))
            return now + min(span, policy.span("stalled_max"))
    return None
