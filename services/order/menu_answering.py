"""Turns a merchant, as it was folded, into what callers see of it."""

from datetime import datetime

from services.order.domain.hours import OpenSpan, WeeklyHours
from services.order.domain.merchant import Merchant
from services.order.domain.pausing import Pause
from services.order.domain.values import MenuItem
from services.order.menu_schemas import (
    MenuItemView,
    MerchantSummary,
    MerchantView,
    OpenHoursBody,
    OpenSpanBody,
    OptionBody,
    OptionGroupBody,
    PauseView,
    SpecialDayBody,
    WeeklyHoursBody,
)
from services.order.schemas import Point
from services.order.views import MerchantRow


def merchant_summary(row: MerchantRow, now: datetime) -> MerchantSummary:
    return MerchantSummary(
        merchant_id=row.merchant_id,
        name=row.name,
        place=Point(lat=row.lat, lon=row.lon),
        address=row.address,
        service_radius_m=row.service_radius_m,
        preparation_minutes=row.preparation_minutes,
        pause=pause_view(row.pause, now),
    )


def merchant_view(merchant: Merchant, version: int, now: datetime) -> MerchantView:
    """The merchant at a moment: what is open and in stock depends on it."""
    facts = merchant.registered
    hours = facts.open_hours
    return MerchantView(
        merchant_id=facts.merchant_id,
        name=facts.name,
        phone=facts.phone,
        place=Point(lat=facts.place.lat, lon=facts.place.lon),
        address=facts.address,
        service_radius_m=merchant.service_radius_m,
        area=[Point(lat=corner.lat, lon=corner.lon) for corner in merchant.area],
        preparation_minutes=merchant.preparation_minutes,
        packing_cents=merchant.packing_cents,
        open_hours=OpenHoursBody(opens=hours.opens, closes=hours.closes, zone=hours.zone) if hours else None,
        week=_week(merchant.week) if merchant.week else None,
        open_now=merchant.open_at(now),
        pause=pause_view(merchant.pause, now),
        menu=[_item(item, merchant, now) for item in merchant.menu],
        missed_answers=merchant.missed_answers,
        version=version,
    )


def pause_view(pause: Pause | None, now: datetime) -> PauseView | None:
    """The pause that holds at a moment; one whose time is over is none, even before that has been recorded."""
    if pause is None or not pause.holds_at(now):
        return None
    return PauseView(since=pause.since, until=pause.until, reason=pause.reason)


def _item(item: MenuItem, merchant: Merchant, now: datetime) -> MenuItemView:
    in_stock = merchant.in_stock(item.sku, now)
    usual = merchant.preparation_minutes
    return MenuItemView(
        sku=item.sku,
        name=item.name,
        unit_cents=item.unit_cents,
        skills=list(item.skills),
        handling=list(item.handling),
        weight_g=item.weight_g,
        volume_ml=item.volume_ml,
        packing_cents=item.packing_cents,
        preparation_minutes=usual if item.preparation_minutes is None else item.preparation_minutes,
        option_groups=[
            OptionGroupBody(
                name=group.name,
                options=[
                    OptionBody(option_id=each.option_id, name=each.name, delta_cents=each.delta_cents)
                    for each in group.options
                ],
                min_choices=group.min_choices,
                max_choices=group.max_choices,
            )
            for group in item.option_groups
        ],
        in_stock=in_stock,
        sold_out_until=None if in_stock else merchant.sold_out[item.sku],
    )


def _week(week: WeeklyHours) -> WeeklyHoursBody:
    return WeeklyHoursBody(
        zone=week.zone,
        days=[_spans(day) for day in week.days],
        exceptions=[SpecialDayBody(day=each.day, spans=_spans(each.spans)) for each in week.exceptions],
    )


def _spans(spans: tuple[OpenSpan, ...]) -> list[OpenSpanBody]:
    return [OpenSpanBody(opens=span.opens, closes=span.closes) for span in spans]
