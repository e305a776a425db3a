"""What the world is told of this service's facts: in public nothing personal, contacts in private."""

from typing import TypedDict, assert_never

from services.order.domain import events as order
from services.order.domain import merchant, payment
from services.order.domain.city import CityEvent
from services.order.domain.coupon import CouponEvent, UseEvent
from services.order.domain.customer import CustomerEvent
from services.order.domain.pausing import MerchantPaused, MerchantResumed
from services.order.domain.reactions import AnyEvent
from services.order.domain.values import Line, OrderState, Recipient, Stop
from services.order.money_messages import about_money
from shared.contracts import order as public
from shared.contracts.cells import cell_of
from shared.contracts.common import FailureReason, FurtherDoor, FurtherPickup, GeoPoint, Goods
from shared.contracts.common import Line as PublicLine
from shared.contracts.common import OrderKind as PublicKind
from shared.contracts.common import Priority as PublicPriority
from shared.contracts.message import Message
from shared.eventstore.model import StoredEvent
from shared.kernel.ids import sibling_id
from shared.kernel.place import Place
from shared.messaging.outgoing import Outgoing


def coarse(place: Place) -> str:
    """A place as everybody may know it."""
    return cell_of(place)


def messages_for(stored: StoredEvent, event: AnyEvent) -> list[Outgoing]:
    """The messages that a stored event leads to: one, or none for facts that are the service's own business."""
    if isinstance(event, CityEvent | CouponEvent | UseEvent):
        return []
    if isinstance(event, merchant.MerchantEvent):
        return _about_merchant(stored.stream_id, event)
    if isinstance(event, CustomerEvent):
        told = public.CustomerForgotten(customer_id=event.customer_id, order_ids=event.order_ids)
        return [Outgoing(told, event.customer_id)]
    if isinstance(event, payment.PaymentEvent):
        said = about_money(stored.stream_id, event)
        return [] if said is None else [Outgoing(said, event.order_id)]
    said = _about_order(stored.stream_id, event)
    return [] if said is None else [Outgoing(said, stored.stream_id)]


def _about_merchant(merchant_id: str, event: merchant.MerchantEvent) -> list[Outgoing]:
    match event:
        case merchant.MerchantRegistered():
            registered = public.MerchantRegistered(
                merchant_id=merchant_id, name=event.name, place=_point(event.place), cell=coarse(event.place)
            )
            return [Outgoing(registered, merchant_id)]
        case MerchantPaused():
            paused = public.MerchantPaused(merchant_id=merchant_id, reason=event.reason, until=event.until)
            return [Outgoing(paused, merchant_id)]
        case MerchantResumed():
            return [Outgoing(public.MerchantResumed(merchant_id=merchant_id, by_time=event.by_time), merchant_id)]
        case _:
            return []


def _about_order(order_id: str, event: order.OrderEvent) -> Message | None:
    if isinstance(event, order.OrderPlaced):
        return _placed(event)
    if isinstance(event, order.PromiseEvent):
        return _about_promise(order_id, event)
    if isinstance(event, order.Amendment):
        return _about_amendment(order_id, event)
    if isinstance(event, order.CarryingEvent):
        return _about_carrying(order_id, event)
    return _about_end(order_id, event)


def _placed(event: order.OrderPlaced) -> Message:
    return public.OrderPlaced(
        order_id=event.order_id,
        customer_id=event.customer_id,
        merchant_id=event.merchant_id,
        kind=PublicKind(event.kind.value),
        items=tuple(_line(line) for line in event.lines),
        total_cents=event.totals.total_cents,
        currency=event.totals.currency,
        pickup_cell=coarse(event.pickup.place),
        dropoff_cell=event.dropoff_cell,
        pickup=_point(event.pickup.place),
        required_skills=event.required_skills,
        priority=PublicPriority(event.priority.value),
        weight_g=event.weight_g,
        volume_ml=event.volume_ml,
        promised_at=event.promised_at,
        scheduled_for=event.scheduled_for,
        discount_cents=event.totals.discount_cents,
        tip_cents=event.totals.tip_cents,
        further_pickups=tuple(
            FurtherPickup(cell=coarse(middle), middle=_point(middle)) for middle in event.further_pickups
        ),
    )


def _line(line: Line) -> PublicLine:
    return PublicLine(
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_cents=line.unit_cents,
        options=tuple(option.name for option in line.options),
    )


def _point(place: Place) -> GeoPoint:
    return GeoPoint(lat=place.lat, lon=place.lon)


def _about_promise(order_id: str, event: order.PromiseEvent) -> Message | None:
    customer_id, merchant_id = event.customer_id, event.merchant_id
    match event:
        case order.OrderScheduled():
            return None
        case order.OrderAwaitingMerchant():
            return public.OrderAwaitingMerchant(
                order_id=order_id, customer_id=customer_id, merchant_id=merchant_id, answer_by=event.answer_by
            )
        case order.MerchantReminded():
            return public.MerchantReminded(order_id=order_id, merchant_id=merchant_id, answer_by=event.answer_by)
        case order.OrderAccepted():
            return public.OrderAccepted(
                order_id=order_id, customer_id=customer_id, merchant_id=merchant_id, ready_at=event.ready_at
            )
        case order.OrderRejected():
            return public.OrderRejected(
                order_id=order_id, customer_id=customer_id, merchant_id=merchant_id, reason=event.reason
            )
        case order.DeliveryContactShared():
            return _contact(order_id, event)
        case order.DeliveryContactWithdrawn():
            return public.DeliveryContactWithdrawn(order_id=order_id)
        case _:
            return _about_kitchen(order_id, event)


def _about_kitchen(
    order_id: str,
    event: order.PreparationStarted | order.PreparationExtended | order.PreparationLate | order.OrderReady,
) -> Message:
    customer_id, merchant_id = event.customer_id, event.merchant_id
    match event:
        case order.PreparationStarted():
            return public.PreparationStarted(order_id=order_id, merchant_id=merchant_id)
        case order.PreparationExtended():
            return public.PreparationExtended(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                ready_at=event.ready_at,
                reason=event.reason,
            )
        case order.PreparationLate():
            return public.PreparationLate(
                order_id=order_id, customer_id=customer_id, merchant_id=merchant_id, ready_at=event.ready_at
            )
        case order.OrderReady():
            return public.OrderReady(order_id=order_id, customer_id=customer_id, merchant_id=merchant_id)
        case _:
            assert_never(event)


def _about_amendment(order_id: str, event: order.Amendment) -> Message:
    customer_id, merchant_id = event.customer_id, event.merchant_id
    match event:
        case order.OrderAddressChanged():
            return public.OrderAddressChanged(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                rider_id=event.rider_id,
                dropoff_cell=event.dropoff_cell,
                total_cents=event.totals.total_cents,
                difference_cents=event.difference_cents,
                currency=event.totals.currency,
                promised_at=event.promised_at,
            )
        case order.OrderItemsChanged():
            return public.OrderItemsChanged(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                items=tuple(_line(line) for line in event.lines),
                total_cents=event.totals.total_cents,
                difference_cents=event.difference_cents,
                currency=event.totals.currency,
                required_skills=event.required_skills,
                weight_g=event.weight_g,
                volume_ml=event.volume_ml,
                promised_at=event.promised_at,
            )
        case _:
            assert_never(event)


def _contact(order_id: str, event: order.DeliveryContactShared) -> Message | None:
    """Who and where; nothing once the customer has been forgotten."""
    if event.recipient is None:
        return None
    return public.DeliveryContactShared(
        order_id=order_id,
        customer_id=event.customer_id,
        customer=_person(event.recipient),
        address=event.recipient.address,
        dropoff=_point(event.recipient.place),
        merchant_id=event.merchant_id,
        **_doors(event),
    )


class Doors(TypedDict, total=False):
    """The fields of a shared contact that say where the goods come from."""

    merchant_name: str
    merchant_phone: str
    pickup_address: str
    pickup: GeoPoint
    task: str
    further_pickups: tuple[FurtherDoor, ...]


def _doors(event: order.DeliveryContactShared) -> Doors:
    """The merchant's, or the doors of an errand with whoever hands the things over there."""
    if event.errand is None:
        pickup = event.pickup
        return Doors(merchant_name=pickup.name, merchant_phone=pickup.phone, pickup_address=pickup.address)
    stop = event.errand.stop
    return Doors(
        merchant_name=stop.contact.name if stop.contact else "",
        merchant_phone=stop.contact.phone if stop.contact else "",
        pickup_address=stop.address,
        pickup=_point(stop.place),
        task=event.errand.task,
        further_pickups=tuple(_further_door(each) for each in event.errand.further_stops),
    )


def _further_door(stop: Stop) -> FurtherDoor:
    return FurtherDoor(
        place=_point(stop.place),
        address=stop.address,
        contact_name=stop.contact.name if stop.contact else "",
        contact_phone=stop.contact.phone if stop.contact else "",
        task=stop.task,
    )


def _person(recipient: Recipient) -> public.ContactPerson:
    contact = recipient.contact
    return public.ContactPerson(
        name=contact.name, phone=contact.phone, email=contact.email, language=contact.language
    )


def _about_carrying(order_id: str, event: order.CarryingEvent) -> Message | None:
    customer_id, merchant_id = event.customer_id, event.merchant_id
    match event:
        case order.OrderOutForDelivery():
            return public.OrderOutForDelivery(order_id=order_id, customer_id=customer_id, rider_id=event.rider_id)
        case order.OrderDelivered():
            return public.OrderDelivered(
                order_id=order_id,
                customer_id=customer_id,
                rider_id=event.rider_id,
                delivered_at=event.at,
                promised_at=event.promised_at,
                confirm_by=event.confirm_by,
            )
        case order.OrderDeliveryFailed():
            return public.OrderDeliveryFailed(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                rider_id=event.rider_id,
                reason=FailureReason(event.reason),
                goods=Goods(event.goods.value),
            )
        case order.OrderReinstated():
            return public.OrderReinstated(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                rider_id=event.rider_id,
                by=event.by.value,
                reason=event.reason,
                from_state=event.was.value,
                to_state=event.back_to.value,
                goods=None if event.back_to is OrderState.DELIVERED else Goods(event.goods.value),
            )
        case order.OrderStalled():
            return public.OrderStalled(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                rider_id=event.rider_id,
                state=event.state.value,
                owner=event.owner,
                times=event.times,
            )
        case order.OrderReturned():
            return public.OrderReturned(order_id=order_id, customer_id=customer_id, merchant_id=merchant_id)
        case _:
            return None


def _about_end(order_id: str, event: order.EndEvent) -> Message | None:
    customer_id, merchant_id = event.customer_id, event.merchant_id
    match event:
        case order.WithdrawalRequested():
            return public.WithdrawalRequested(
                order_id=order_id, by=event.by.value, reason=event.reason, answer_by=event.answer_by
            )
        case order.OrderCancelled():
            return public.OrderCancelled(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                by=event.by.value,
                reason=event.reason,
                fee_cents=event.fee_cents,
                fee_merchant_cents=event.fee_merchant_cents,
                fee_carrier_cents=event.fee_carrier_cents,
                carrier_id=event.carrier_id,
            )
        case order.ConfirmationReminded():
            return public.ConfirmationReminded(
                order_id=order_id, customer_id=customer_id, confirm_by=event.confirm_by
            )
        case order.OrderConfirmed():
            return public.OrderConfirmed(order_id=order_id, by=event.by.value)
        case order.OrderCompleted():
            return public.OrderCompleted(
                order_id=order_id, customer_id=customer_id, merchant_id=merchant_id, review_by=event.review_by
            )
        case order.OrderReviewed():
            return public.OrderReviewed(
                order_id=order_id,
                merchant_score=event.merchant_score,
                rider_score=event.rider_score,
                platform_score=event.platform_score,
                tags=event.tags,
            )
        case order.ReviewPublished() | order.ReviewHidden():
            moderated = public.ReviewPublished if isinstance(event, order.ReviewPublished) else public.ReviewHidden
            return moderated(
                order_id=order_id,
                customer_id=customer_id,
                merchant_id=merchant_id,
                by=event.by.value,
                reason=event.reason,
            )
        case order.OrderArchived():
            return public.OrderArchived(order_id=order_id)
        case _:
            return None


def payment_id_of(order_id: str) -> str:
    """The stream of an order's payment."""
    return sibling_id("pay", order_id)
