"""Turns what callers wish for into the domain's commands, together with the faults that only the edge can see."""

from datetime import datetime

from services.order.contacts import read_email, read_phone
from services.order.domain.city import EVERYWHERE, DeclareWeather, DrawZone
from services.order.domain.commands import ErrandWish, PlaceOrder, Wanted
from services.order.domain.coupon import CouponTerms, IssueCoupon
from services.order.domain.errands import FURTHER
from services.order.domain.values import NO_MERCHANT, Contact, Errand, Recipient, Stop
from services.order.menu_requests import corners
from services.order.outbound import coarse
from services.order.placing_schemas import (
    CouponBody,
    ErrandBody,
    PickupBody,
    PlaceOrderBody,
    QuoteBody,
    WeatherBody,
    WishBody,
    ZoneBody,
)
from shared.contracts.cells import centre_of
from shared.kernel.errors import Fault
from shared.kernel.place import Place

_NOBODY_YET = Contact(name="", phone="")


def placing(body: PlaceOrderBody, order_id: str, customer_id: str, now: datetime) -> tuple[PlaceOrder, list[Fault]]:
    """The command, and what is wrong with the people it names."""
    phone, phone_faults = read_phone(body.contact.phone, "contact.phone")
    email, email_faults = read_email(body.contact.email, "contact.email")
    recipient = Recipient(
        contact=Contact(name=body.contact.name, phone=phone, email=email, language=body.contact.language),
        address=body.address,
        place=Place(body.dropoff.lat, body.dropoff.lon),
        note=body.note,
    )
    errand, errand_faults = _errand(body.errand)
    command = _wish(body, order_id, customer_id, recipient, body.payment.method, errand, body.quote_id, now)
    return command, [*phone_faults, *email_faults, *errand_faults]


def quoting(body: QuoteBody, quote_id: str, customer_id: str, now: datetime) -> tuple[PlaceOrder, list[Fault]]:
    """A price needs no door number, nobody's name and no card: where to is enough."""
    recipient = Recipient(contact=_NOBODY_YET, address="", place=Place(body.dropoff.lat, body.dropoff.lon))
    errand, errand_faults = _errand(body.errand)
    command = _wish(body, quote_id, customer_id, recipient, "", errand, None, now)
    return command, errand_faults


def _wish(
    body: WishBody,
    order_id: str,
    customer_id: str,
    recipient: Recipient,
    payment_method: str,
    errand: ErrandWish | None,
    quote_id: str | None,
    now: datetime,
) -> PlaceOrder:
    return PlaceOrder(
        order_id=order_id,
        at=now,
        now=now,
        customer_id=customer_id,
        merchant_id=body.merchant_id or NO_MERCHANT,
        kind=body.kind,
        wanted=tuple(
            Wanted(sku=item.sku, quantity=item.quantity, options=tuple(item.options)) for item in body.items
        ),
        recipient=recipient,
        dropoff_cell=coarse(recipient.place),
        payment_method=payment_method,
        priority=body.priority,
        scheduled_for=body.scheduled_for,
        errand=errand,
        coupon=body.coupon,
        tip_cents=body.tip_cents,
        quote_id=quote_id,
    )


def _errand(body: ErrandBody | None) -> tuple[ErrandWish | None, list[Fault]]:
    if body is None:
        return None, []
    stop, faults = _stop(body.pickup, "errand.pickup")
    further = [_stop(each, f"{FURTHER}.{index}", each.task) for index, each in enumerate(body.further_stops)]
    stops = tuple(each for each, _ in further)
    faults += [fault for _, wrong in further for fault in wrong]
    wish = ErrandWish(
        errand=Errand(stop=stop, task=body.task, further_stops=stops),
        area=centre_of(coarse(stop.place)),
        further_areas=tuple(centre_of(coarse(each.place)) for each in stops),
        budget_cents=body.budget_cents,
        wait_minutes_max=body.wait_minutes_max,
        parcel=body.parcel,
        handling=tuple(body.handling),
        weight_g=body.weight_g,
        volume_ml=body.volume_ml,
    )
    return wish, faults


def _stop(body: PickupBody, field: str, task: str = "") -> tuple[Stop, list[Fault]]:
    place = Place(body.place.lat, body.place.lon)
    if body.contact is None:
        return Stop(place=place, address=body.address, task=task), []
    phone, faults = read_phone(body.contact.phone, f"{field}.contact.phone")
    contact = Contact(name=body.contact.name, phone=phone)
    return Stop(place=place, address=body.address, contact=contact, task=task), faults


def coupon(body: CouponBody, now: datetime) -> IssueCoupon:
    terms = CouponTerms(
        code=body.code,
        percent=body.percent,
        fixed_cents=body.fixed_cents,
        ceiling_cents=body.ceiling_cents,
        minimum_cents=body.minimum_cents,
        valid_from=body.valid_from,
        valid_until=body.valid_until,
        uses_per_customer=body.uses_per_customer,
        uses_max=body.uses_max,
        merchant_ids=tuple(body.merchant_ids),
        kinds=tuple(kind.value for kind in body.kinds),
    )
    return IssueCoupon(terms=terms, at=now)


def zone(body: ZoneBody, zone_id: str, now: datetime) -> DrawZone:
    return DrawZone(zone_id=zone_id, name=body.name, area=corners(body.area), at=now)


def weather(body: WeatherBody, now: datetime) -> DeclareWeather:
    return DeclareWeather(zone_id=body.zone_id or EVERYWHERE, weather=body.weather, until=body.until, at=now)
