"""Turns folded state into what callers see of it."""

from collections.abc import Iterable
from datetime import datetime

from services.order.application import NO_SUCH_ORDER
from services.order.codec import ORDER, PAYMENT
from services.order.domain.decisions import can_cancel, can_review
from services.order.domain.events import OrderCancelled
from services.order.domain.payment import PaymentState
from services.order.domain.purse import Payment
from services.order.domain.queueing import place_of
from services.order.domain.state import Order
from services.order.domain.values import (
    ENDED,
    Collected,
    ErrandTerms,
    Line,
    OrderState,
    Proof,
    Recipient,
    Review,
    Standing,
    Stop,
    Totals,
)
from services.order.expectations import Expected
from services.order.outbound import payment_id_of
from services.order.schemas import (
    ChosenOption,
    ErrandTermsView,
    ErrandView,
    ExpectedView,
    FurtherStopView,
    LineView,
    OrderSummary,
    OrderView,
    PaymentView,
    Point,
    ProofView,
    QueuePlaceView,
    RecipientView,
    ReviewView,
    StepView,
    TotalsView,
    TrackingView,
)
from services.order.views import OrderRow
from shared.eventstore.ports import Transaction
from shared.kernel.errors import NotFound
from shared.kernel.place import Place
from shared.web import words

TAGS = "review.tag"
"""The family of texts in which the words of a review's tags are."""


def order_of(tx: Transaction, order_id: str) -> tuple[Order, int]:
    """An order as it is now, with its version; NotFound when there is none."""
    loaded = tx.load(ORDER, order_id)
    if loaded.state is None:
        raise NotFound(NO_SUCH_ORDER)
    return loaded.state, loaded.version


def order_view(tx: Transaction, order: Order, version: int, *, personal: bool) -> OrderView:
    """An order as it was folded, with its payment; `personal` adds who gets it and where."""
    payment = tx.load(PAYMENT, payment_id_of(order.order_id)).state
    placed, ending, review = order.placed, order.ending, order.review
    recipient = placed.recipient
    return OrderView(
        order_id=order.order_id,
        state=order.state,
        version=version,
        customer_id=placed.customer_id,
        merchant_id=placed.merchant_id,
        merchant_name=placed.pickup.name,
        kind=placed.kind,
        priority=placed.priority,
        items=lines_of(order),
        totals=totals_view(order.totals),
        note=recipient.note if recipient else "",
        recipient=_recipient(recipient) if recipient and personal else None,
        errand=_errand(order) if personal else None,
        terms=_terms(placed.terms) if placed.terms else None,
        coupon=placed.coupon,
        quote_id=placed.quote_id,
        payment=_payment(payment),
        placed_at=placed.at,
        promised_at=placed.promised_at,
        scheduled_for=placed.scheduled_for,
        ask_at=placed.ask_at,
        answer_by=order.answer_by,
        ready_at=order.ready_at,
        confirm_by=order.confirm_by,
        review_by=order.review_by,
        rider_id=order.rider_id,
        goods=order.goods,
        failure=order.failure,
        ended_by=ending.by if isinstance(ending, OrderCancelled) else None,
        ending_reason=ending.reason if ending else None,
        fee_cents=ending.fee_cents if isinstance(ending, OrderCancelled) else 0,
        review=_review(review, personal=personal) if review else None,
        can_cancel=can_cancel(order),
        steps=steps_of(order),
        pickup_proof=_proof(order.pickup_proof, order.step("picked_up") or order.placed.at),
        delivery_proof=_delivery_proof(order),
        queue=_queue_place(order),
    )


def _proof(proof: Proof | None, at: datetime) -> ProofView | None:
    if proof is None:
        return None
    return ProofView(
        at=at, kind=proof.kind, reference=proof.reference, sha256=proof.sha256, received_by=proof.received_by
    )


def _delivery_proof(order: Order) -> ProofView | None:
    return _proof(order.delivery_proof, order.step("delivered") or order.placed.at)


def _queue_place(order: Order) -> QueuePlaceView | None:
    place = place_of(order)
    return None if place is None else QueuePlaceView(lane=place.lane, due_at=place.due_at)


def tag_words(tags: Iterable[str]) -> dict[str, dict[str, str]]:
    """For each tag its words by language."""
    return {tag: dict(words.words_of(TAGS, tag)) for tag in tags}


def _review(review: Review, *, personal: bool) -> ReviewView:
    shown = personal or review.standing is Standing.PUBLISHED
    return ReviewView(
        merchant=review.merchant,
        rider=review.rider,
        platform=review.platform,
        tags=list(review.tags),
        tag_words=tag_words(review.tags),
        comment=review.comment if shown else None,
        photos=list(review.photos) if shown else [],
        standing=review.standing,
        held_for=list(review.held_for) if personal else [],
    )


def totals_view(totals: Totals) -> TotalsView:
    return TotalsView(
        goods_cents=totals.goods_cents,
        packing_cents=totals.packing_cents,
        service_cents=totals.service_cents,
        delivery_fee_cents=totals.delivery_fee_cents,
        time_surcharge_cents=totals.time_surcharge_cents,
        weather_surcharge_cents=totals.weather_surcharge_cents,
        discount_cents=totals.discount_cents,
        tip_cents=totals.tip_cents,
        total_cents=totals.total_cents,
        currency=totals.currency,
    )


def _errand(order: Order) -> ErrandView | None:
    """What an errand is about, with what has been done of it so far."""
    errand = order.placed.errand
    if errand is None:
        return None
    stop, contact = errand.stop, errand.stop.contact
    done = {each.stop: each for each in order.collected}
    return ErrandView(
        task=errand.task,
        pickup=_point(stop.place),
        address=stop.address,
        contact_name=contact.name if contact else None,
        contact_phone=contact.phone if contact else None,
        done_at=done[0].at if 0 in done else None,
        empty_handed=0 in done and done[0].empty_handed,
        further_stops=[_further(each, done.get(number)) for number, each in enumerate(errand.further_stops, 1)],
    )


def _further(stop: Stop, done: Collected | None) -> FurtherStopView:
    contact = stop.contact
    return FurtherStopView(
        task=stop.task,
        place=_point(stop.place),
        address=stop.address,
        contact_name=contact.name if contact else None,
        contact_phone=contact.phone if contact else None,
        done_at=done.at if done else None,
        empty_handed=done is not None and done.empty_handed,
    )


def _point(place: Place) -> Point:
    return Point(lat=place.lat, lon=place.lon)


def _terms(terms: ErrandTerms) -> ErrandTermsView:
    return ErrandTermsView(
        budget_cents=terms.budget_cents,
        wait_minutes_max=terms.wait_minutes_max,
        per_minute_cents=terms.per_minute_cents,
        base_cents=terms.base_cents,
        parcel=terms.parcel,
        further_stops_cents=terms.further_stops_cents,
    )


def _recipient(recipient: Recipient) -> RecipientView:
    contact = recipient.contact
    return RecipientView(
        name=contact.name,
        phone=contact.phone,
        email=contact.email,
        language=contact.language,
        address=recipient.address,
        dropoff=_point(recipient.place),
    )


def _payment(payment: Payment | None) -> PaymentView:
    if payment is None:
        return PaymentView(state=PaymentState.PENDING)
    return PaymentView(
        state=payment.state,
        captured_cents=payment.captured_cents,
        refunded_cents=payment.refunded_cents,
        due_cents=payment.due.due_cents if payment.due else 0,
    )


def lines_of(order: Order) -> list[LineView]:
    return [line_view(line) for line in order.placed.lines]


def line_view(line: Line) -> LineView:
    return LineView(
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_cents=line.unit_cents,
        options=[
            ChosenOption(option_id=each.option_id, name=each.name, delta_cents=each.delta_cents)
            for each in line.options
        ],
    )


def steps_of(order: Order) -> list[StepView]:
    return [StepView(name=step.name, at=step.at) for step in order.steps]


def tracking_view(
    order: Order, now: datetime, clock_speed: float, *, personal: bool, expected: Expected | None = None
) -> TrackingView:
    """An order as its page shows it; `personal` adds what an errand is about, and the words of its review."""
    placed, review = order.placed, order.review
    return TrackingView(
        order_id=order.order_id,
        state=order.state,
        kind=placed.kind,
        promised_at=placed.promised_at,
        scheduled_for=placed.scheduled_for,
        merchant_name=placed.pickup.name,
        steps=steps_of(order),
        rider_id=order.rider_id,
        expected=None if expected is None else ExpectedView.model_validate(expected, from_attributes=True),
        late=is_late(order, now),
        can_cancel=can_cancel(order),
        can_confirm=order.state is OrderState.DELIVERED,
        can_review=can_review(order, now),
        total_cents=order.totals.total_cents,
        currency=placed.totals.currency,
        totals=totals_view(order.totals),
        items=lines_of(order),
        errand=_errand(order) if personal else None,
        terms=_terms(placed.terms) if placed.terms else None,
        at_most=placed.terms is not None and placed.terms.metered and order.settled is None,
        delivery_proof=_delivery_proof(order),
        review=_review(review, personal=personal) if review else None,
        server_time=now,
        clock_speed=clock_speed,
    )


def is_late(order: Order, now: datetime) -> bool:
    """Delivered after the promise, or past it and still awaited. An order that ended without delivery is not late."""
    delivered_at = order.step("delivered")
    if delivered_at is not None:
        return delivered_at > order.placed.promised_at
    return order.state not in ENDED and now > order.placed.promised_at


def order_summary(row: OrderRow) -> OrderSummary:
    return OrderSummary.model_validate(row, from_attributes=True)
