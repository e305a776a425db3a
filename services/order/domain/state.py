"""What the facts so far make of an order: the fold that every decision starts from."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict, assert_never

from services.order.domain.events import (
    Amendment,
    CancellationRefused,
    CarryingEvent,
    ConfirmationReminded,
    DeliveredAfterCancellation,
    DeliveryContactShared,
    DeliveryContactWithdrawn,
    EndEvent,
    ErrandSettled,
    GoodsBroughtBack,
    GoodsTakenAfterCancellation,
    MerchantReminded,
    OrderAccepted,
    OrderAddressChanged,
    OrderArchived,
    OrderAwaitingMerchant,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderDelivered,
    OrderDeliveryFailed,
    OrderEvent,
    OrderItemsChanged,
    OrderOutForDelivery,
    OrderPlaced,
    OrderReady,
    OrderRedispatched,
    OrderReinstated,
    OrderRejected,
    OrderReturned,
    OrderReviewed,
    OrderRiderAssigned,
    OrderRiderAtPickup,
    OrderRiderUnassigned,
    OrderScheduled,
    OrderStalled,
    OrderStopCollected,
    OrderUndeliverable,
    PreparationExtended,
    PreparationLate,
    PreparationStarted,
    PromiseEvent,
    RefundGranted,
    ReturnStarted,
    ReviewClosed,
    ReviewHidden,
    ReviewPublished,
    WithdrawalRequested,
    WithdrawalUnanswered,
)
from services.order.domain.review_events import review_of
from services.order.domain.values import (
    Collected,
    Goods,
    OrderState,
    Proof,
    Review,
    Standing,
    Step,
    Totals,
    Withdrawal,
)


class Whose(TypedDict):
    """The fields that every fact about an order shares."""

    customer_id: str
    merchant_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. `placed` is the wish, with the changes made since; the rest is what became of it.

    `resumes` is the state that a `cancelling` order goes back to when it cannot be cancelled; `answer_by` is None
    until the payment is authorised and the merchant is asked; `scheduled` means paid for and due later; `stalled`
    counts how often the owner of the next step was called since the last one.
    """

    placed: OrderPlaced
    state: OrderState
    steps: tuple[Step, ...]
    goods: Goods = Goods.NOT_COLLECTED
    resumes: OrderState | None = None
    withdrawal: Withdrawal | None = None
    answer_by: datetime | None = None
    scheduled: bool = False
    reminded: bool = False
    ready_at: datetime | None = None
    food_ready: bool = False
    told_late: bool = False
    contact_shared: bool = False
    rider_id: str | None = None
    last_rider_id: str | None = None
    picked_up: bool = False
    confirm_by: datetime | None = None
    review_by: datetime | None = None
    review: Review | None = None
    ending: OrderCancelled | OrderRejected | None = None
    failure: str | None = None
    delivered_anyway: bool = False
    settled: Totals | None = None
    at_pickup: str | None = None
    collected: tuple[Collected, ...] = ()
    refund_granted: bool = False
    changes: int = 0
    stalled_at: datetime | None = None
    stalled: int = 0
    asked_to_confirm: bool = False
    pickup_proof: Proof | None = None
    delivery_proof: Proof | None = None

    @property
    def order_id(self) -> str:
        return self.placed.order_id

    def whose(self, at: datetime) -> Whose:
        return Whose(customer_id=self.placed.customer_id, merchant_id=self.placed.merchant_id, at=at)

    @property
    def totals(self) -> Totals:
        """What the order costs: as placed, or as an errand was settled."""
        return self.settled or self.placed.totals

    def step(self, name: str) -> datetime | None:
        """When a step was last taken."""
        return next((step.at for step in reversed(self.steps) if step.name == name), None)

    def took(self, name: str, at: datetime) -> tuple[Step, ...]:
        return (*self.steps, Step(name, at))


def evolve(order: Order | None, event: OrderEvent) -> Order | None:
    """The order after one more fact."""
    if isinstance(event, OrderPlaced):
        return Order(placed=event, state=OrderState.PENDING_ACCEPTANCE, steps=(Step("placed", event.at),))
    if order is None:
        raise ValueError(f"an order cannot begin with {type(event).__name__}")
    after = _after(order, event)
    if isinstance(event, OrderStalled):
        return replace(after, stalled_at=event.again_at, stalled=event.times)
    stalled_at: datetime | None = getattr(event, "stalled_at", None)
    if stalled_at is not None:
        return replace(after, stalled_at=stalled_at, stalled=0)
    return after


def _after(order: Order, event: PromiseEvent | Amendment | CarryingEvent | EndEvent) -> Order:
    if isinstance(event, Amendment):
        return _amended(order, event)
    if isinstance(event, PromiseEvent):
        return _after_promise(order, event)
    if isinstance(event, CarryingEvent):
        return _after_carrying(order, event)
    return _after_end(order, event)


def _amended(order: Order, event: Amendment) -> Order:
    placed = replace(order.placed, totals=event.totals, promised_at=event.promised_at)
    match event:
        case OrderAddressChanged():
            placed = replace(placed, recipient=event.recipient, dropoff_cell=event.dropoff_cell)
            if order.settled is not None:
                order = replace(order, settled=event.totals)
        case OrderItemsChanged():
            placed = replace(
                placed,
                lines=event.lines,
                required_skills=event.required_skills,
                weight_g=event.weight_g,
                volume_ml=event.volume_ml,
            )
        case _:
            assert_never(event)
    return replace(order, placed=placed, changes=event.change)


def _advance(order: Order, to: OrderState) -> Order:
    """The kitchen goes on whatever happens on the road: a state that is not the kitchen's own is kept."""
    if order.state in (OrderState.ACCEPTED, OrderState.PREPARING):
        return replace(order, state=to)
    if order.resumes in (OrderState.ACCEPTED, OrderState.PREPARING):
        return replace(order, resumes=to)
    return order


def _after_promise(order: Order, event: PromiseEvent) -> Order:
    if isinstance(event, OrderScheduled | OrderAwaitingMerchant | MerchantReminded):
        return _after_asking(order, event)
    match event:
        case OrderAccepted():
            steps = order.took("accepted", event.at)
            return replace(order, state=OrderState.ACCEPTED, ready_at=event.ready_at, steps=steps)
        case OrderRejected():
            steps = order.took("rejected", event.at)
            return replace(order, state=OrderState.REJECTED, ending=event, steps=steps)
        case PreparationStarted():
            return replace(_advance(order, OrderState.PREPARING), steps=order.took("preparing", event.at))
        case PreparationExtended():
            return replace(order, ready_at=event.ready_at, told_late=False)
        case PreparationLate():
            return replace(order, told_late=True)
        case OrderReady():
            ready = _advance(order, OrderState.READY)
            return replace(ready, food_ready=True, steps=order.took("ready", event.at))
        case DeliveryContactShared():
            return replace(order, contact_shared=True)
        case DeliveryContactWithdrawn():
            return replace(order, contact_shared=False)
        case _:
            assert_never(event)


def _after_asking(order: Order, event: OrderScheduled | OrderAwaitingMerchant | MerchantReminded) -> Order:
    match event:
        case OrderScheduled():
            return replace(order, scheduled=True, steps=order.took("scheduled", event.at))
        case OrderAwaitingMerchant():
            return replace(order, answer_by=event.answer_by, steps=order.took("awaiting_merchant", event.at))
        case MerchantReminded():
            return replace(order, reminded=True)
        case _:
            assert_never(event)


def _on_the_road(order: Order, event: OrderOutForDelivery) -> Order:
    return replace(
        order,
        state=OrderState.DELIVERING,
        goods=Goods.WITH_RIDER,
        rider_id=event.rider_id,
        last_rider_id=event.rider_id,
        picked_up=True,
        withdrawal=None,
        resumes=None,
        pickup_proof=event.proof,
        steps=order.took("picked_up", event.at),
    )


def _after_carrying(order: Order, event: CarryingEvent) -> Order:
    match event:
        case OrderRiderAssigned():
            return replace(order, rider_id=event.rider_id, steps=order.took("rider_assigned", event.at))
        case OrderRiderUnassigned():
            return replace(order, rider_id=None, at_pickup=None)
        case OrderStalled():
            return order
        case OrderRiderAtPickup():
            steps = order.took("rider_at_pickup", event.at)
            return replace(order, at_pickup=event.rider_id, steps=steps)
        case OrderStopCollected():
            done = Collected(event.stop, event.at, event.empty_handed)
            return replace(order, collected=(*order.collected, done), steps=order.took("stop_collected", event.at))
        case ErrandSettled():
            return replace(order, settled=event.totals)
        case OrderOutForDelivery():
            return _on_the_road(order, event)
        case OrderDelivered():
            return replace(
                order,
                state=OrderState.DELIVERED,
                goods=Goods.HANDED_OVER,
                rider_id=event.rider_id,
                confirm_by=event.confirm_by,
                delivery_proof=event.proof,
                steps=order.took("delivered", event.at),
            )
        case _:
            return _after_trouble(order, event)


def _corrected(order: Order, event: OrderReinstated) -> Order:
    return replace(
        order,
        state=event.back_to,
        goods=event.goods,
        rider_id=None,
        failure=None if event.back_to is OrderState.DELIVERED else event.reason,
        confirm_by=None,
        asked_to_confirm=False,
        delivery_proof=None,
        steps=order.took("corrected", event.at),
    )


def _stopped(order: Order, goods: Goods, at: datetime, failure: str) -> Order:
    return replace(
        order,
        state=OrderState.DELIVERY_EXCEPTION,
        goods=goods,
        rider_id=None,
        resumes=None,
        failure=failure,
        steps=order.took("failed", at),
    )


def _after_trouble(
    order: Order,
    event: OrderDeliveryFailed
    | OrderUndeliverable
    | OrderRedispatched
    | OrderReinstated
    | ReturnStarted
    | GoodsBroughtBack
    | OrderReturned
    | GoodsTakenAfterCancellation
    | DeliveredAfterCancellation,
) -> Order:
    match event:
        case OrderDeliveryFailed():
            return _stopped(order, event.goods, event.at, event.reason)
        case OrderUndeliverable():
            return _stopped(order, order.goods, event.at, "undeliverable")
        case OrderRedispatched():
            steps = order.took("redispatched", event.at)
            return replace(order, state=event.back_to, failure=None, collected=(), steps=steps)
        case OrderReinstated():
            return _corrected(order, event)
        case ReturnStarted():
            return replace(order, state=OrderState.RETURNING, goods=Goods.WITH_RIDER)
        case GoodsBroughtBack():
            return replace(order, state=OrderState.DELIVERY_EXCEPTION, goods=Goods.RETURNED)
        case OrderReturned():
            return replace(order, goods=Goods.RETURNED, steps=order.took("returned", event.at))
        case GoodsTakenAfterCancellation():
            return replace(order, goods=Goods.WITH_RIDER, pickup_proof=event.proof)
        case DeliveredAfterCancellation():
            proof = event.proof
            return replace(order, goods=Goods.HANDED_OVER, delivered_anyway=True, delivery_proof=proof)
        case _:
            assert_never(event)


def _resumed(order: Order, back_to: OrderState) -> Order:
    return replace(order, state=back_to, resumes=None, withdrawal=None)


def _moderated(order: Order, event: ReviewPublished | ReviewHidden) -> Order:
    if order.review is None:
        raise ValueError("only a review is moderated")
    standing = Standing.PUBLISHED if isinstance(event, ReviewPublished) else Standing.HIDDEN
    return replace(order, review=replace(order.review, standing=standing))


def _after_review(order: Order, event: OrderReviewed | ReviewPublished | ReviewHidden | ReviewClosed) -> Order:
    match event:
        case OrderReviewed():
            review, steps = review_of(event), order.took("reviewed", event.at)
            return replace(order, review=review, review_by=None, steps=steps)
        case ReviewPublished() | ReviewHidden():
            return _moderated(order, event)
        case ReviewClosed():
            return replace(order, review_by=None)
        case _:
            assert_never(event)


def _after_end(order: Order, event: EndEvent) -> Order:
    match event:
        case WithdrawalRequested():
            wish = Withdrawal(by=event.by, reason=event.reason, answer_by=event.answer_by, asks=event.asks)
            resumes = order.resumes if order.state is OrderState.CANCELLING else order.state
            return replace(order, state=OrderState.CANCELLING, resumes=resumes, withdrawal=wish)
        case CancellationRefused() | WithdrawalUnanswered():
            return _resumed(order, event.back_to)
        case OrderCancelled():
            steps = order.took("cancelled", event.at)
            return replace(order, state=OrderState.CANCELLED, resumes=None, ending=event, steps=steps)
        case ConfirmationReminded():
            return replace(order, asked_to_confirm=True)
        case OrderConfirmed():
            return replace(order, steps=order.took("confirmed", event.at))
        case OrderCompleted():
            steps = order.took("completed", event.at)
            return replace(order, state=OrderState.COMPLETED, review_by=event.review_by, steps=steps)
        case OrderReviewed() | ReviewPublished() | ReviewHidden() | ReviewClosed():
            return _after_review(order, event)
        case RefundGranted():
            return replace(order, refund_granted=True)
        case OrderArchived():
            return replace(order, state=OrderState.ARCHIVED)
        case _:
            assert_never(event)
