"""Turns what callers send into the domain's commands, together with the faults that only the edge can see."""

from datetime import datetime, timedelta

from services.order.contacts import read_email, read_phone
from services.order.domain.commands import (
    AcceptOrder,
    CancelOrder,
    ConfirmOrder,
    ExtendPreparation,
    MarkReady,
    PlaceOrder,
    RejectOrder,
    ReviewOrder,
    StartPreparation,
    Wanted,
)
from services.order.domain.merchant import MerchantRegistered, RegisterMerchant
from services.order.domain.values import By, Contact, MenuItem, OpenHours, Recipient
from services.order.outbound import coarse
from services.order.schemas import (
    AcceptBody,
    ExtendBody,
    MenuItemBody,
    PlaceOrderBody,
    ReadyTime,
    RegisterMerchantBody,
    RejectBody,
    ReviewBody,
)
from shared.kernel.errors import Fault, InvalidInput
from shared.kernel.place import Place


def registration(body: RegisterMerchantBody, merchant_id: str, radius_m: int, now: datetime) -> RegisterMerchant:
    """Raises InvalidInput for a telephone number that does not exist; `radius_m` holds when the body says none."""
    phone, faults = read_phone(body.phone, "phone")
    if faults:
        raise InvalidInput(faults)
    hours = body.open_hours
    facts = MerchantRegistered(
        merchant_id=merchant_id,
        name=body.name,
        phone=phone,
        place=Place(body.place.lat, body.place.lon),
        address=body.address,
        service_radius_m=body.service_radius_m or radius_m,
        menu=tuple(_menu_item(item) for item in body.menu),
        preparation_minutes=body.preparation_minutes,
        open_hours=OpenHours(opens=hours.opens, closes=hours.closes, zone=hours.zone) if hours else None,
        at=now,
    )
    return RegisterMerchant(registration=facts)


def _menu_item(item: MenuItemBody) -> MenuItem:
    return MenuItem(
        sku=item.sku,
        name=item.name,
        unit_cents=item.unit_cents,
        skills=tuple(item.skills),
        weight_g=item.weight_g,
        volume_ml=item.volume_ml,
    )


def placing(body: PlaceOrderBody, order_id: str, customer_id: str, now: datetime) -> tuple[PlaceOrder, list[Fault]]:
    """The command, and what is wrong with its contact."""
    phone, phone_faults = read_phone(body.contact.phone, "contact.phone")
    email, email_faults = read_email(body.contact.email, "contact.email")
    dropoff = Place(body.dropoff.lat, body.dropoff.lon)
    command = PlaceOrder(
        order_id=order_id,
        at=now,
        now=now,
        customer_id=customer_id,
        merchant_id=body.merchant_id,
        kind=body.kind,
        wanted=tuple(Wanted(sku=item.sku, quantity=item.quantity) for item in body.items),
        recipient=Recipient(
            contact=Contact(name=body.contact.name, phone=phone, email=email, language=body.contact.language),
            address=body.address,
            place=dropoff,
            note=body.note,
        ),
        dropoff_cell=coarse(dropoff),
        payment_method=body.payment.method,
        priority=body.priority,
        scheduled_for=body.scheduled_for,
    )
    return command, [*phone_faults, *email_faults]


def _ready_at(body: ReadyTime, now: datetime) -> datetime:
    return body.ready_at or now + timedelta(minutes=body.preparation_minutes or 0)


def acceptance(body: AcceptBody, order_id: str, at: datetime, now: datetime) -> AcceptOrder:
    return AcceptOrder(order_id=order_id, at=at, now=now, ready_at=_ready_at(body, now))


def rejection(body: RejectBody, order_id: str, at: datetime, now: datetime) -> RejectOrder:
    return RejectOrder(order_id=order_id, at=at, now=now, reason=body.reason)


def extension(body: ExtendBody, order_id: str, at: datetime, now: datetime) -> ExtendPreparation:
    return ExtendPreparation(order_id=order_id, at=at, now=now, ready_at=_ready_at(body, now), reason=body.reason)


def preparation(order_id: str, at: datetime, now: datetime) -> StartPreparation:
    return StartPreparation(order_id=order_id, at=at, now=now)


def readiness(order_id: str, at: datetime, now: datetime) -> MarkReady:
    return MarkReady(order_id=order_id, at=at, now=now)


def cancellation(order_id: str, by: By, reason: str, now: datetime) -> CancelOrder:
    return CancelOrder(order_id=order_id, at=now, now=now, by=by, reason=reason)


def confirmation(order_id: str, now: datetime) -> ConfirmOrder:
    return ConfirmOrder(order_id=order_id, at=now, now=now)


def reviewing(body: ReviewBody, order_id: str, now: datetime) -> ReviewOrder:
    return ReviewOrder(
        order_id=order_id,
        at=now,
        now=now,
        merchant_score=body.merchant,
        rider_score=body.rider,
        platform_score=body.platform,
        comment=body.comment,
    )
