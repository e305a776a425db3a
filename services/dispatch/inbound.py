"""What the other services' messages ask of deliveries: facts, each turned into commands that are never refused."""

from collections.abc import Sequence
from datetime import datetime

from services.dispatch.domain.contacts import Contact, ContactCommand, ForgetContact, FurtherDoor, RememberContact
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.values import FurtherPickup, Goods, Priority
from shared.contracts.cells import centre_of
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.contracts.order import (
    CustomerForgotten,
    DeliveryContactShared,
    DeliveryContactWithdrawn,
    OrderAccepted,
    OrderAddressChanged,
    OrderCancelled,
    OrderItemsChanged,
    OrderPlaced,
    OrderReady,
    OrderReinstated,
    OrderRejected,
    PreparationExtended,
    WithdrawalRequested,
)
from shared.contracts.support import RedispatchRequested
from shared.kernel.ids import sibling_id
from shared.kernel.place import Place

SUBSCRIBED: tuple[type[Message], ...] = (
    OrderPlaced,
    OrderAccepted,
    PreparationExtended,
    OrderReady,
    OrderRejected,
    OrderCancelled,
    OrderReinstated,
    OrderAddressChanged,
    OrderItemsChanged,
    WithdrawalRequested,
    RedispatchRequested,
    DeliveryContactShared,
    DeliveryContactWithdrawn,
    CustomerForgotten,
)


def commands_for(message: Message, envelope: Envelope, now: datetime) -> Sequence[c.DeliveryCommand | ContactCommand]:
    """The commands that follow from one message heard at `now`; none when it does not concern dispatch."""
    match message:
        case OrderPlaced():
            return (_announce(message),)
        case OrderAccepted():
            delivery_id = sibling_id("dlv", message.order_id)
            return (c.RequestDelivery(delivery_id=delivery_id, ready_at=message.ready_at, now=now),)
        case PreparationExtended():
            delivery_id = sibling_id("dlv", message.order_id)
            return (c.MoveReadyTime(delivery_id=delivery_id, ready_at=message.ready_at, now=now),)
        case OrderReady():
            delivery_id = sibling_id("dlv", message.order_id)
            return (c.NoteGoodsReady(delivery_id=delivery_id, ready_at=envelope.time, now=now),)
        case OrderRejected() | OrderCancelled():
            return (c.EndOrder(delivery_id=sibling_id("dlv", message.order_id), reason=message.reason, now=now),)
        case OrderReinstated():
            return (_correct(message, now),)
        case OrderAddressChanged() | OrderItemsChanged():
            return (_changed(message, now),)
        case WithdrawalRequested():
            delivery_id = sibling_id("dlv", message.order_id)
            return (c.AskWithdrawal(delivery_id=delivery_id, reason=message.reason, now=now),)
        case RedispatchRequested():
            return (c.RequestAgain(delivery_id=sibling_id("dlv", message.order_id), now=now),)
        case _:
            return _about_contact(message)


def _about_contact(message: Message) -> Sequence[ContactCommand]:
    match message:
        case DeliveryContactShared():
            return (RememberContact(contact=_contact(message)),)
        case DeliveryContactWithdrawn():
            return (ForgetContact(order_id=message.order_id),)
        case CustomerForgotten():
            return tuple(ForgetContact(order_id=order_id) for order_id in message.order_ids)
        case _:
            return ()


def _announce(message: OrderPlaced) -> c.AnnounceDelivery:
    return c.AnnounceDelivery(
        delivery_id=sibling_id("dlv", message.order_id),
        order_id=message.order_id,
        merchant_id=message.merchant_id,
        pickup=Place(message.pickup.lat, message.pickup.lon),
        dropoff_area=centre_of(message.dropoff_cell),
        pickup_cell=message.pickup_cell,
        dropoff_cell=message.dropoff_cell,
        skills=message.required_skills,
        priority=Priority(message.priority.value),
        weight_g=message.weight_g,
        volume_ml=message.volume_ml,
        promised_at=message.promised_at,
        kind=message.kind.value,
        scheduled_for=message.scheduled_for,
        further_pickups=tuple(FurtherPickup(centre_of(each.cell), each.cell) for each in message.further_pickups),
    )


def _changed(message: OrderAddressChanged | OrderItemsChanged, now: datetime) -> c.MoveDropoff | c.ChangeLoad:
    delivery_id = sibling_id("dlv", message.order_id)
    if isinstance(message, OrderAddressChanged):
        return c.MoveDropoff(
            delivery_id=delivery_id,
            dropoff_area=centre_of(message.dropoff_cell),
            dropoff_cell=message.dropoff_cell,
            promised_at=message.promised_at,
            now=now,
        )
    return c.ChangeLoad(
        delivery_id=delivery_id,
        skills=message.required_skills,
        weight_g=message.weight_g,
        volume_ml=message.volume_ml,
        promised_at=message.promised_at,
    )


def _correct(message: OrderReinstated, now: datetime) -> c.CorrectDelivery:
    return c.CorrectDelivery(
        delivery_id=sibling_id("dlv", message.order_id),
        delivered=message.to_state == "delivered",
        goods=None if message.goods is None else Goods(message.goods.value),
        reason=message.reason,
        now=now,
    )


def _contact(message: DeliveryContactShared) -> Contact:
    return Contact(
        order_id=message.order_id,
        customer_id=message.customer_id,
        customer_name=message.customer.name,
        customer_phone=message.customer.phone,
        address=message.address,
        dropoff=Place(message.dropoff.lat, message.dropoff.lon),
        merchant_name=message.merchant_name,
        merchant_phone=message.merchant_phone,
        pickup_address=message.pickup_address,
        pickup=Place(message.pickup.lat, message.pickup.lon) if message.pickup else None,
        task=message.task,
        further_pickups=tuple(
            FurtherDoor(
                place=Place(each.place.lat, each.place.lon),
                address=each.address,
                contact_name=each.contact_name,
                contact_phone=each.contact_phone,
                task=each.task,
            )
            for each in message.further_pickups
        ),
    )
