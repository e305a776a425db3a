"""What can happen to an order: past-tense facts, each carrying the deadlines and prices it was decided with."""

from dataclasses import dataclass
from datetime import datetime

from services.order.domain.fact import OrderFact
from services.order.domain.review_events import OrderReviewed, ReviewClosed, ReviewHidden, ReviewPublished
from services.order.domain.values import (
    By,
    Errand,
    ErrandTerms,
    Goods,
    Line,
    OrderKind,
    OrderState,
    Pickup,
    Priority,
    Proof,
    Recipient,
    Totals,
)
from shared.kernel.place import Place

# The promise: from the basket to the counter.

__all__ = ["OrderFact", "OrderReviewed", "ReviewClosed", "ReviewHidden", "ReviewPublished"]
"""What is told of orders elsewhere in this room, and belongs to this page all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(OrderFact):
    """A valid wish with its price. Of an errand `pickup` says only roughly where, and `errand` says it exactly;
    `further_pickups` are the middles of the cells of its further places.

    `ask_at` is when the merchant of a scheduled order is asked; None: as soon as the payment is authorised.
    """

    order_id: str
    kind: OrderKind
    lines: tuple[Line, ...]
    totals: Totals
    payment_method: str
    pickup: Pickup
    recipient: Recipient | None
    dropoff_cell: str
    required_skills: tuple[str, ...]
    priority: Priority
    weight_g: int
    volume_ml: int
    promised_at: datetime
    scheduled_for: datetime | None
    pay_by: datetime
    ask_at: datetime | None = None
    errand: Errand | None = None
    terms: ErrandTerms | None = None
    coupon: str | None = None
    quote_id: str | None = None
    further_pickups: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderScheduled(OrderFact):
    """Paid for, and due later: nobody is asked before `ask_at`."""

    ask_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAwaitingMerchant(OrderFact):
    answer_by: datetime
    remind_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantReminded(OrderFact):
    answer_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted(OrderFact):
    ready_at: datetime
    late_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected(OrderFact):
    reason: str
    archive_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparationStarted(OrderFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparationExtended(OrderFact):
    ready_at: datetime
    late_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparationLate(OrderFact):
    ready_at: datetime
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReady(OrderFact):
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryContactShared(OrderFact):
    """Told in private to those who deliver and those who notify; sealed like every copy of it."""

    recipient: Recipient | None
    pickup: Pickup
    errand: Errand | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryContactWithdrawn(OrderFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAddressChanged(OrderFact):
    """Another door or another person. `change` counts the changes of an order, `totals` is the whole new price."""

    recipient: Recipient | None
    dropoff_cell: str
    totals: Totals
    difference_cents: int
    promised_at: datetime
    rider_id: str | None
    change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItemsChanged(OrderFact):
    lines: tuple[Line, ...]
    totals: Totals
    difference_cents: int
    required_skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    promised_at: datetime
    change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRiderAssigned(OrderFact):
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRiderUnassigned(OrderFact):
    rider_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRiderAtPickup(OrderFact):
    """The rider is where the errand or the food is; a queue is paid for from now on."""

    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStopCollected(OrderFact):
    """The rider is done at one of an errand's places; the next step is due as if it had just become ready."""

    rider_id: str
    stop: int
    empty_handed: bool
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandSettled(OrderFact):
    """What an errand really cost: by the receipt and the clock, never more than was agreed."""

    receipt_cents: int | None
    waited_minutes: int
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutForDelivery(OrderFact):
    rider_id: str
    stalled_at: datetime | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDelivered(OrderFact):
    rider_id: str
    promised_at: datetime
    confirm_by: datetime
    remind_at: datetime | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDeliveryFailed(OrderFact):
    rider_id: str | None
    reason: str
    goods: Goods
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUndeliverable(OrderFact):
    """No rider was found in time; support and the customer decide how it goes on."""

    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRedispatched(OrderFact):
    back_to: OrderState
    reason: str
    by: str
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReinstated(OrderFact):
    """A mistaken `delivered` or failure is corrected by somebody who may; `was` is what the record said."""

    by: By
    reason: str
    was: OrderState
    back_to: OrderState
    rider_id: str | None
    goods: Goods
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnStarted(OrderFact):
    rider_id: str | None
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsBroughtBack(OrderFact):
    """The goods of an order that may still be delivered are back at the merchant's."""

    rider_id: str
    stalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReturned(OrderFact):
    """The goods of a cancelled order are back at the merchant's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsTakenAfterCancellation(OrderFact):
    rider_id: str
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredAfterCancellation(OrderFact):
    rider_id: str
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStalled(OrderFact):
    """Nothing has moved for too long, for the `times`-th time in this state: its owner is called, and again later."""

    state: OrderState
    owner: str
    rider_id: str | None
    times: int
    again_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRequested(OrderFact):
    by: By
    reason: str
    answer_by: datetime
    asks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRefused(OrderFact):
    back_to: OrderState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalUnanswered(OrderFact):
    """Dispatch was asked as often as policy allows and stayed silent: the order goes on as before."""

    back_to: OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(OrderFact):
    by: By
    reason: str
    fee_cents: int
    archive_at: datetime | None = None
    fee_merchant_cents: int = 0
    fee_carrier_cents: int = 0
    carrier_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationReminded(OrderFact):
    """The customer has not said yet that it has arrived."""

    confirm_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderConfirmed(OrderFact):
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCompleted(OrderFact):
    review_by: datetime
    archive_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundGranted(OrderFact):
    """Support gives the money of a delivered order back; the order itself stays as it is."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderArchived(OrderFact):
    pass


PromiseEvent = (
    OrderScheduled
    | OrderAwaitingMerchant
    | MerchantReminded
    | OrderAccepted
    | OrderRejected
    | PreparationStarted
    | PreparationExtended
    | PreparationLate
    | OrderReady
    | DeliveryContactShared
    | DeliveryContactWithdrawn
)
Amendment = OrderAddressChanged | OrderItemsChanged
CarryingEvent = (
    OrderRiderAssigned
    | OrderRiderUnassigned
    | OrderRiderAtPickup
    | OrderStopCollected
    | OrderOutForDelivery
    | ErrandSettled
    | OrderDelivered
    | OrderDeliveryFailed
    | OrderUndeliverable
    | OrderRedispatched
    | OrderReinstated
    | ReturnStarted
    | GoodsBroughtBack
    | OrderReturned
    | GoodsTakenAfterCancellation
    | DeliveredAfterCancellation
    | OrderStalled
)
EndEvent = (
    WithdrawalRequested
    | CancellationRefused
    | WithdrawalUnanswered
    | OrderCancelled
    | ConfirmationReminded
    | OrderConfirmed
    | OrderCompleted
    | OrderReviewed
    | ReviewPublished
    | ReviewHidden
    | ReviewClosed
    | RefundGranted
    | OrderArchived
)
OrderEvent = OrderPlaced | PromiseEvent | Amendment | CarryingEvent | EndEvent
