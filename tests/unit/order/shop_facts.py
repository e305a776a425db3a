"""The facts of shops, of the city and of coupons as tests like to have them, and an errand to run."""

from dataclasses import replace
from datetime import date, time

from services.order.domain import city, coupon, merchant, pausing
from services.order.domain.commands import ErrandWish, PlaceOrder
from services.order.domain.hours import DAYS_OF_A_WEEK, OpenSpan, SpecialDay, WeeklyHours
from services.order.domain.values import (
    NO_MERCHANT,
    Handling,
    MenuItem,
    Option,
    OptionGroup,
    OrderKind,
)
from shared.kernel.place import Place
from tests.unit.order import facts as f
from tests.unit.order.test_placing import WISH

SIZE = OptionGroup(
    name="Size",
    options=(Option(option_id="small", name="Small", delta_cents=-300), Option(option_id="large", name="Large")),
    min_choices=1,
)
EXTRAS = OptionGroup(
    name="Extras",
    options=(
        Option(option_id="egg", name="Egg", delta_cents=200),
        Option(option_id="beef", name="More beef", delta_cents=900),
        Option(option_id="chili", name="Chili"),
    ),
    max_choices=2,
)
RAMEN = MenuItem(
    sku="ramen",
    name="Ramen",
    unit_cents=3000,
    weight_g=600,
    volume_ml=900,
    handling=(Handling.FRAGILE,),
    packing_cents=100,
    preparation_minutes=25,
    option_groups=(SIZE, EXTRAS),
)
BEER = MenuItem(sku="beer", name="Beer", unit_cents=800, handling=(Handling.AGE_CHECKED,))
MENU = (*f.registered.menu, RAMEN, BEER)

NOON_TO_TEN = (OpenSpan(opens=time(12), closes=time(22)),)
WEEK = WeeklyHours(
    zone="Asia/Shanghai",
    days=(NOON_TO_TEN,) * DAYS_OF_A_WEEK,
    exceptions=(SpecialDay(day=date(2026, 3, 8), spans=(OpenSpan(opens=time(20), closes=time(2)),)),),
)
AROUND_THE_LAKE = (Place(30.25, 120.14), Place(30.25, 120.18), Place(30.29, 120.18), Place(30.29, 120.14))

published = merchant.MenuPublished(menu=MENU, preparation_minutes=15, packing_cents=150, at=f.NOON)
hours_changed = merchant.HoursChanged(week=WEEK, at=f.NOON)
area_changed = merchant.ServiceAreaChanged(area=AROUND_THE_LAKE, service_radius_m=5_000, at=f.NOON)
sold_out = merchant.ItemSoldOut(sku="tea", until=f.after(hours=2), at=f.NOON)
back_in_stock = merchant.ItemBackInStock(sku="tea", at=f.NOON)
paused = pausing.MerchantPaused(reason="too_busy", until=f.after(minutes=30), at=f.NOON)
resumed = pausing.MerchantResumed(by_time=True, at=f.after(minutes=30))
EVERY_SHOP_EVENT: tuple[merchant.MerchantEvent, ...] = (
    published,
    hours_changed,
    area_changed,
    sold_out,
    back_in_stock,
    paused,
    resumed,
)

drawn = city.ZoneDrawn(zone_id="lake", name="Around the lake", area=AROUND_THE_LAKE, at=f.NOON)
erased = city.ZoneErased(zone_id="lake", at=f.NOON)
raining = city.WeatherDeclared(zone_id="lake", weather=city.Weather.RAIN, until=f.after(hours=3), at=f.NOON)
EVERY_CITY_EVENT: tuple[city.CityEvent, ...] = (drawn, erased, raining)

TERMS = coupon.CouponTerms(
    code="SPRING", percent=20, ceiling_cents=1500, minimum_cents=2000, valid_from=f.NOON, valid_until=f.after(days=30)
)
issued = coupon.CouponIssued(terms=TERMS, at=f.NOON)
claimed = coupon.CouponClaimed(order_id=f.ORDER_ID, at=f.NOON)
released = coupon.CouponReleased(order_id=f.ORDER_ID, at=f.NOON)
redeemed = coupon.CouponRedeemed(order_id=f.ORDER_ID, discount_cents=1180, at=f.NOON)
given_back = coupon.CouponGivenBack(order_id=f.ORDER_ID, at=f.NOON)
EVERY_COUPON_EVENT: tuple[coupon.CouponEvent, ...] = (issued, claimed, released)
EVERY_USE_EVENT: tuple[coupon.UseEvent, ...] = (redeemed, given_back)

ERRAND_AREA = Place(30.2707, 120.1502)


def errand(kind: OrderKind = OrderKind.CARRY, **terms: int | bool | tuple[Handling, ...]) -> PlaceOrder:
    """A wish without a merchant."""
    asked = ErrandWish(errand=f.ERRAND, area=ERRAND_AREA)
    return replace(
        WISH,
        kind=kind,
        merchant_id=NO_MERCHANT,
        wanted=(),
        errand=replace(asked, **terms),  # type: ignore[arg-type]
    )


SHOP = merchant.evolve(f.MERCHANT, published)
assert SHOP is not None
