"""What changes about a shop and about the city, and what that means at a given moment."""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.order.domain import city, merchant
from services.order.domain.hours import OpenSpan, SpecialDay, WeeklyHours
from services.order.domain.placing import place
from services.order.domain.policy import OrderPolicy
from shared.kernel.area import contains
from shared.kernel.errors import NotFound
from shared.kernel.place import Place
from tests.unit.order import facts as f
from tests.unit.order import shop_facts as s
from tests.unit.order.test_faults import SHOP, shop, want

ZONE = ZoneInfo("Asia/Shanghai")
CHANGES: tuple[tuple[merchant.ShopCommand, type[merchant.ShopEvent]], ...] = (
    (
        merchant.PublishMenu(
            merchant_id=f.MERCHANT_ID, at=f.NOON, menu=s.MENU, preparation_minutes=20, packing_cents=0
        ),
        merchant.MenuPublished,
    ),
    (merchant.ChangeHours(merchant_id=f.MERCHANT_ID, at=f.NOON, week=s.WEEK), merchant.HoursChanged),
    (
        merchant.ChangeServiceArea(
            merchant_id=f.MERCHANT_ID, at=f.NOON, area=s.AROUND_THE_LAKE, service_radius_m=900
        ),
        merchant.ServiceAreaChanged,
    ),
    (merchant.SellOut(merchant_id=f.MERCHANT_ID, at=f.NOON, sku="tea", until=None), merchant.ItemSoldOut),
)


@pytest.mark.parametrize(("command", "kind"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_shop_changes_once_and_the_same_again_changes_nothing(
    command: merchant.ShopCommand, kind: type[merchant.ShopEvent]
) -> None:
    [event] = merchant.change(command, SHOP)
    assert type(event) is kind
    assert merchant.change(command, shop(event)) == []


def test_nobody_changes_a_shop_that_is_not_there_or_an_item_that_is_not_sold() -> None:
    with pytest.raises(NotFound):
        merchant.change(CHANGES[0][0], None)
    with pytest.raises(merchant.UnknownItem):
        merchant.change(merchant.Restock(merchant_id=f.MERCHANT_ID, at=f.NOON, sku="unicorn"), SHOP)


def test_options_packing_care_and_time_of_an_item_reach_the_order() -> None:
    [placed] = place(want("ramen", "large", "egg", "beef", quantity=2), None, SHOP, OrderPolicy())
    assert placed.totals.goods_cents == 2 * (3000 + 200 + 900)  # type: ignore[union-attr]
    assert placed.totals.packing_cents == 150 + 2 * 100  # type: ignore[union-attr]
    assert placed.required_skills == ("fragile",)  # type: ignore[union-attr]
    [quick] = place(want("tea"), None, SHOP, OrderPolicy())
    later = placed.promised_at - quick.promised_at  # type: ignore[union-attr]
    assert later.total_seconds() == (25 - 15) * 60


def local(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        (date(2026, 3, 2), time(12), True),
        (date(2026, 3, 2), time(22), False),
        (date(2026, 3, 8), time(13), False),
        (date(2026, 3, 8), time(23), True),
        (date(2026, 3, 9), time(1, 59), True),
        (date(2026, 3, 9), time(2), False),
    ],
)
def test_a_week_has_its_exceptions_and_a_night_belongs_to_the_day_before(
    day: date, clock: time, is_open: bool
) -> None:
    assert s.WEEK.open_at(local(day, clock)) is is_open


def test_a_day_without_hours_is_closed_and_one_from_six_to_six_is_a_whole_day() -> None:
    never = replace(s.WEEK, days=((),) * 7, exceptions=())
    always = WeeklyHours(zone="Asia/Shanghai", days=((OpenSpan(opens=time(6), closes=time(6)),),) * 7, exceptions=())
    for hour in range(24):
        moment = local(date(2026, 3, 4), time(hour))
        assert not never.open_at(moment)
        assert always.open_at(moment)
    shut = replace(always, exceptions=(SpecialDay(day=date(2026, 3, 4)),))
    assert not shut.open_at(local(date(2026, 3, 4), time(12)))


@given(lat=st.floats(30.2, 30.35), lon=st.floats(120.1, 120.2))
def test_a_rectangle_holds_what_lies_between_its_sides(lat: float, lon: float) -> None:
    inside = 30.25 < lat < 30.29 and 120.14 < lon < 120.18
    assert contains(s.AROUND_THE_LAKE, Place(lat, lon)) is inside or lat in (30.25, 30.29) or lon in (120.14, 120.18)


def test_a_bay_in_a_polygon_is_outside_of_it() -> None:
    bay = (Place(0, 0), Place(0, 4), Place(4, 4), Place(4, 3), Place(1, 2), Place(4, 1), Place(4, 0))
    assert contains(bay, Place(0.5, 2))
    assert not contains(bay, Place(3, 2))


def test_weather_holds_where_and_as_long_as_it_was_declared() -> None:
    drawn = city.evolve(city.City(), s.drawn)
    raining = city.evolve(drawn, s.raining)
    assert raining.weather_at(f.HOME, f.after(hours=2)) is city.Weather.RAIN
    assert raining.weather_at(f.HOME, f.after(hours=3)) is city.Weather.FAIR
    assert raining.weather_at(Place(30.4, 120.4), f.after(hours=2)) is city.Weather.FAIR
    with pytest.raises(NotFound):
        city.decide(
            city.DeclareWeather(zone_id="moon", weather=city.Weather.RAIN, until=f.after(hours=1), at=f.NOON), drawn
        )
    again = city.DeclareWeather(
        zone_id="lake", weather=city.Weather.RAIN, until=f.after(hours=3), at=f.after(hours=1)
    )
    assert city.decide(again, raining) == []
