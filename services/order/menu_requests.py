"""Turns what callers send about merchants into the domain's commands."""

from datetime import datetime

from services.order.contacts import read_phone
from services.order.domain.hours import OpenSpan, SpecialDay, WeeklyHours
from services.order.domain.merchant import (
    ChangeHours,
    ChangeServiceArea,
    MerchantRegistered,
    PublishMenu,
    RegisterMerchant,
)
from services.order.domain.values import MenuItem, OpenHours, Option, OptionGroup
from services.order.menu_schemas import (
    MenuBody,
    MenuItemBody,
    OpenSpanBody,
    OptionGroupBody,
    RegisterMerchantBody,
    ServiceAreaBody,
    WeeklyHoursBody,
)
from services.order.schemas import Point
from shared.kernel.errors import InvalidInput
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
        week=weekly(body.week) if body.week else None,
        area=corners(body.area),
        packing_cents=body.packing_cents,
    )
    return RegisterMerchant(registration=facts)


def menu(body: MenuBody, merchant_id: str, now: datetime) -> PublishMenu:
    return PublishMenu(
        merchant_id=merchant_id,
        at=now,
        menu=tuple(_menu_item(item) for item in body.menu),
        preparation_minutes=body.preparation_minutes,
        packing_cents=body.packing_cents,
    )


def hours(body: WeeklyHoursBody, merchant_id: str, now: datetime) -> ChangeHours:
    return ChangeHours(merchant_id=merchant_id, at=now, week=weekly(body))


def service_area(body: ServiceAreaBody, merchant_id: str, now: datetime) -> ChangeServiceArea:
    return ChangeServiceArea(
        merchant_id=merchant_id, at=now, area=corners(body.area), service_radius_m=body.service_radius_m
    )


def corners(area: list[Point]) -> tuple[Place, ...]:
    return tuple(Place(point.lat, point.lon) for point in area)


def weekly(body: WeeklyHoursBody) -> WeeklyHours:
    return WeeklyHours(
        zone=body.zone,
        days=tuple(_spans(day) for day in body.days),
        exceptions=tuple(SpecialDay(day=each.day, spans=_spans(each.spans)) for each in body.exceptions),
    )


def _spans(spans: list[OpenSpanBody]) -> tuple[OpenSpan, ...]:
    return tuple(OpenSpan(opens=span.opens, closes=span.closes) for span in spans)


def _menu_item(item: MenuItemBody) -> MenuItem:
    return MenuItem(
        sku=item.sku,
        name=item.name,
        unit_cents=item.unit_cents,
        skills=tuple(item.skills),
        weight_g=item.weight_g,
        volume_ml=item.volume_ml,
        handling=tuple(item.handling),
        packing_cents=item.packing_cents,
        preparation_minutes=item.preparation_minutes,
        option_groups=tuple(_group(group) for group in item.option_groups),
    )


def _group(group: OptionGroupBody) -> OptionGroup:
    return OptionGroup(
        name=group.name,
        options=tuple(
            Option(option_id=each.option_id, name=each.name, delta_cents=each.delta_cents) for each in group.options
        ),
        min_choices=group.min_choices,
        max_choices=group.max_choices,
    )
