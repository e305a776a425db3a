"""One order as its facts tell it, folded so that neither order of arrival nor repetition can change the result.

Facts of several services meet here, and each service's facts arrive in their own time. So every part of a timeline is
a join: the earliest time of a milestone, the words of a stream by their place in it, sets of message ids. Joins are
commutative, associative and idempotent; what the order means now is read from them, never stored beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from services.analytics.domain.events import FactRecorded


class OrderState(StrEnum):
    """The states of an order, as the order service's facts and dispatch's corrections tell them."""

    PENDING_ACCEPTANCE = "pending_acceptance"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    DELIVERY_EXCEPTION = "delivery_exception"
    RETURNING = "returning"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    ARCHIVED = "archived"


class Milestone(StrEnum):
    """Moments that a KPI or the board asks for."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    READY = "ready"
    PICKED_UP = "picked_up"
    AT_DOOR = "at_door"
    DELIVERED = "delivered"
    FAILED = "failed"
    ENDED = "ended"


FOOD = "food"
"""The kind of an order whose facts do not say: there was no other once."""

DELIVERED_STATES = frozenset({OrderState.DELIVERED, OrderState.COMPLETED, OrderState.ARCHIVED})
ENDED_STATES = DELIVERED_STATES | {OrderState.CANCELLED, OrderState.REJECTED}

ORDER_WORDS: Mapping[str, OrderState] = MappingProxyType(
    {
        "OrderPlaced": OrderState.PENDING_ACCEPTANCE,
        "OrderAwaitingMerchant": OrderState.PENDING_ACCEPTANCE,
        "OrderAccepted": OrderState.ACCEPTED,
        "PreparationStarted": OrderState.PREPARING,
        "OrderReady": OrderState.READY,
        "OrderOutForDelivery": OrderState.DELIVERING,
        "OrderDelivered": OrderState.DELIVERED,
        "OrderDeliveryFailed": OrderState.DELIVERY_EXCEPTION,
        "WithdrawalRequested": OrderState.CANCELLING,
        "OrderCancelled": OrderState.CANCELLED,
        "OrderRejected": OrderState.REJECTED,
        "OrderCompleted": OrderState.COMPLETED,
        "OrderArchived": OrderState.ARCHIVED,
    }
)
"""What each fact of the order's own stream says about its state."""

MILESTONES: Mapping[tuple[str, str], Milestone] = MappingProxyType(
    {
        ("order", "OrderPlaced"): Milestone.PLACED,
        ("order", "OrderAccepted"): Milestone.ACCEPTED,
        ("order", "OrderReady"): Milestone.READY,
        ("order", "OrderDelivered"): Milestone.DELIVERED,
        ("order", "OrderCancelled"): Milestone.ENDED,
        ("order", "OrderRejected"): Milestone.ENDED,
        ("dispatch", "PickedUp"): Milestone.PICKED_UP,
        ("dispatch", "Delivered"): Milestone.AT_DOOR,
        ("dispatch", "DeliveryFailed"): Milestone.FAILED,
        ("dispatch", "DeliveryUndeliverable"): Milestone.FAILED,
    }
)

TAKES_OVER = frozenset({"RiderAssigned"})
LETS_GO = frozenset(
    {"RiderUnassigned", "Delivered", "DeliveryFailed", "DeliveryCorrected", "DeliveryWithdrawn", "GoodsReturned"}
)
GOODS_KEPT = "with_rider"

TOUCHING: frozenset[str] = (
    frozenset(ORDER_WORDS)
    | {name for _, name in MILESTONES}
    | TAKES_OVER
    | LETS_GO
    | {
        "OrderReinstated",
        "DeliveryCorrected",
        "RedispatchRequested",
        "WithdrawalRefused",
        "ReturnOpened",
        "GoodsReturned",
        "OrderReviewed",
    }
)
"""The types that can change a timeline; all others may be passed over."""


@dataclass(frozen=True, slots=True)
class Review:
    """What the customer thought, 1 to 5."""

    merchant: int
    rider: int
    platform: int


@dataclass(frozen=True, slots=True)
class OrderTimeline:
    """Everything analytics must remember of one order.

    `deliveries` and `doors` are the deliveries as the order and as dispatch told them, by their place in the stream;
    `undelivered` and `not_at_door` are the places of corrections that say that what came before them was none;
    `no_failures` are the corrections of failures that were none.
    """

    order_id: str
    merchant_id: str | None = None
    promised_at: datetime | None = None
    times: Mapping[Milestone, datetime] = field(default_factory=dict)
    words: Mapping[int, OrderState] = field(default_factory=dict)
    carriers: Mapping[int, str | None] = field(default_factory=dict)
    exceptions: frozenset[str] = frozenset()
    redispatches: frozenset[str] = frozenset()
    returns_opened: frozenset[str] = frozenset()
    returns_ended: frozenset[str] = frozenset()
    withdrawal_asked_at: datetime | None = None
    withdrawal_refused_at: datetime | None = None
    review: Review | None = None
    deliveries: Mapping[int, datetime] = field(default_factory=dict)
    undelivered: frozenset[int] = frozenset()
    doors: Mapping[int, datetime] = field(default_factory=dict)
    not_at_door: frozenset[int] = frozenset()
    no_failures: frozenset[str] = frozenset()
    kind: str = FOOD


def evolve(timeline: OrderTimeline, fact: FactRecorded) -> OrderTimeline:
    """Joins one fact into the timeline of its order."""
    timeline = _milestone(timeline, fact)
    match fact.service:
        case "order":
            return _order_says(timeline, fact)
        case "dispatch":
            return _dispatch_says(timeline, fact)
        case "support" if fact.type == "RedispatchRequested":
            return replace(timeline, redispatches=timeline.redispatches | {fact.message_id})
        case _:
            return timeline


def _milestone(timeline: OrderTimeline, fact: FactRecorded) -> OrderTimeline:
    milestone = MILESTONES.get((fact.service, fact.type))
    if milestone is None:
        return timeline
    # The order service tells when the goods changed hands; its own fact may be written a moment later.
    at = (fact.moment("delivered_at") or fact.time) if milestone is Milestone.DELIVERED else fact.time
    known = timeline.times.get(milestone)
    if known is not None and known <= at:
        return timeline
    return replace(timeline, times={**timeline.times, milestone: at})


def _order_says(timeline: OrderTimeline, fact: FactRecorded) -> OrderTimeline:
    word = ORDER_WORDS.get(fact.type)
    if word is not None:
        timeline = replace(timeline, words={**timeline.words, fact.sequence: word})
    match fact.type:
        case "OrderDelivered":
            at = fact.moment("delivered_at") or fact.time
            return replace(timeline, deliveries={**timeline.deliveries, fact.sequence: at})
        case "OrderReinstated":
            return _corrected(timeline, fact)
        case "OrderPlaced":
            return replace(
                timeline,
                merchant_id=fact.text("merchant_id"),
                promised_at=fact.moment("promised_at"),
                kind=fact.text("kind") or FOOD,
            )
        case "WithdrawalRequested":
            return replace(timeline, withdrawal_asked_at=later(timeline.withdrawal_asked_at, fact.time))
        case "OrderReviewed":
            scores = [fact.number(f"{whom}_score") or 0 for whom in ("merchant", "rider", "platform")]
            return replace(timeline, review=Review(*scores))
        case _:
            return timeline


def _corrected(timeline: OrderTimeline, fact: FactRecorded) -> OrderTimeline:
    """A delivery that was none is an exception from then on; a failure that was none never was one."""
    now = OrderState(fact.text("to_state") or OrderState.DELIVERY_EXCEPTION)
    timeline = replace(timeline, words={**timeline.words, fact.sequence: now})
    if now is OrderState.DELIVERED:
        return replace(timeline, no_failures=timeline.no_failures | {fact.message_id})
    return replace(
        timeline,
        undelivered=timeline.undelivered | {fact.sequence},
        exceptions=timeline.exceptions | {fact.message_id},
    )


def _dispatch_says(timeline: OrderTimeline, fact: FactRecorded) -> OrderTimeline:
    if fact.type in TAKES_OVER:
        timeline = replace(timeline, carriers={**timeline.carriers, fact.sequence: fact.rider_id})
    if fact.type in LETS_GO and fact.text("goods") != GOODS_KEPT:
        timeline = replace(timeline, carriers={**timeline.carriers, fact.sequence: None})
    known = {fact.message_id}
    match fact.type:
        case "Delivered":
            return replace(timeline, doors={**timeline.doors, fact.sequence: fact.time})
        case "DeliveryCorrected" if fact.data.get("delivered") is False:
            return replace(timeline, not_at_door=timeline.not_at_door | {fact.sequence})
        case "DeliveryFailed" | "DeliveryUndeliverable":
            return replace(timeline, exceptions=timeline.exceptions | known)
        case "ReturnOpened":
            return replace(timeline, returns_opened=timeline.returns_opened | known)
        case "GoodsReturned":
            return replace(timeline, returns_ended=timeline.returns_ended | known)
        case "WithdrawalRefused":
            return replace(timeline, withdrawal_refused_at=later(timeline.withdrawal_refused_at, fact.time))
        case _:
            return timeline


def later(known: datetime | None, at: datetime) -> datetime:
    """The join of two moments of which the last one counts."""
    return at if known is None else max(known, at)


def state_of(timeline: OrderTimeline) -> OrderState | None:
    """The order's state now; None while only other services have spoken of it.

    The order service does not publish that a failed delivery is tried again, that goods come back or that a
    withdrawal was refused: those facts are told by support and dispatch, so they are read from there.
    """
    if not timeline.words:
        return None
    last_mistake = max(timeline.undelivered, default=0)
    told = [timeline.words[n] for n in sorted(timeline.words) if not _mistaken(timeline.words[n], n, last_mistake)]
    if OrderState.ARCHIVED in told and OrderState.COMPLETED not in told:
        # Put away, and still what it was: a cancelled order is never counted among the delivered ones.
        told = [word for word in told if word is not OrderState.ARCHIVED] or told
    if told[-1] in ENDED_STATES:
        return told[-1]
    if len(timeline.exceptions) > len(timeline.redispatches):
        back = len(timeline.returns_opened) > len(timeline.returns_ended)
        return OrderState.RETURNING if back else OrderState.DELIVERY_EXCEPTION
    if _withdrawal_pending(timeline, told):
        return OrderState.CANCELLING
    if OrderState.DELIVERY_EXCEPTION in told and told[-1] is not OrderState.DELIVERING:
        told = [word for word in told if word is not OrderState.DELIVERING]
    plain = [word for word in told if word not in (OrderState.CANCELLING, OrderState.DELIVERY_EXCEPTION)]
    return plain[-1] if plain else OrderState.PENDING_ACCEPTANCE


def _mistaken(word: OrderState, sequence: int, last_mistake: int) -> bool:
    return word is OrderState.DELIVERED and sequence < last_mistake


def delivered_at(timeline: OrderTimeline) -> datetime | None:
    """When it was delivered, as far as that still stands."""
    return _standing(timeline.times.get(Milestone.DELIVERED), timeline.deliveries, timeline.undelivered)


def at_door_at(timeline: OrderTimeline) -> datetime | None:
    """When the rider handed it over, as far as that still stands."""
    return _standing(timeline.times.get(Milestone.AT_DOOR), timeline.doors, timeline.not_at_door)


def _standing(first: datetime | None, told: Mapping[int, datetime], void: frozenset[int]) -> datetime | None:
    if not void:
        return first
    return min((at for sequence, at in told.items() if sequence > max(void)), default=None)


def excepted(timeline: OrderTimeline) -> bool:
    """Whether anything went wrong that was not itself a mistake in the record."""
    return len(timeline.exceptions) > len(timeline.no_failures)


def _withdrawal_pending(timeline: OrderTimeline, told: Sequence[OrderState]) -> bool:
    """Asked for and neither refused nor overtaken: the kitchen may go on meanwhile, the road may not."""
    asked, refused = timeline.withdrawal_asked_at, timeline.withdrawal_refused_at
    if asked is None or (refused is not None and refused >= asked) or OrderState.CANCELLING not in told:
        return False
    since = told[len(told) - 1 - told[::-1].index(OrderState.CANCELLING) :]
    return OrderState.DELIVERING not in since


def carrier_of(timeline: OrderTimeline) -> str | None:
    """The rider who has the delivery in hand, if any."""
    return timeline.carriers[max(timeline.carriers)] if timeline.carriers else None
