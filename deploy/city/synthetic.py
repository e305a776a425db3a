"""A made-up town with a lunch peak, so that the demo needs no data from anywhere: every run of a seed is the same."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos, radians
from typing import Any

from deploy.city.world import ErrandPlan, Fate, FurtherPlan, MerchantPlan, OrderPlan, RiderPlan, Scenario
from shared.kernel.place import Place

CENTRE = Place(30.2741, 120.1551)
TOWN_RADIUS_M = 2500.0
METRES_PER_DEGREE = 111_195.0

_KITCHENS = (
    ("Lakeside Noodles", (("beef-noodles", "Beef noodles", 2800), ("cucumber", "Smashed cucumber", 900))),
    ("Old Town Dumplings", (("pork-dumplings", "Pork dumplings", 2200), ("vinegar-soup", "Hot and sour soup", 1200))),
    ("Green Hill Tea", (("longjing", "Longjing tea", 1800), ("osmanthus-cake", "Osmanthus cake", 1500))),
    ("Campus Canteen", (("rice-bowl", "Braised pork rice", 1900), ("soy-milk", "Soy milk", 500))),
    ("Riverside Bakery", (("baguette", "Baguette", 1400), ("egg-tart", "Egg tart", 600))),
    ("North Gate Hotpot", (("mala-pot", "Mala pot for one", 4600), ("plum-juice", "Plum juice", 800))),
    ("Corner Pharmacy", (("plasters", "Plasters", 900), ("thermometer", "Thermometer", 3900))),
    ("Sunrise Porridge", (("century-egg", "Century egg porridge", 1300), ("youtiao", "Youtiao", 400))),
)
_STREETS = ("Lotus Road", "Willow Lane", "College Street", "Harbour Street", "Pagoda Alley", "Bamboo Court")

_SHARES: tuple[tuple[Fate, float], ...] = (
    (Fate.PAYMENT_DECLINED, 0.04),
    (Fate.MERCHANT_REJECTS, 0.04),
    (Fate.MERCHANT_SILENT, 0.03),
    (Fate.CUSTOMER_CANCELS, 0.05),
    (Fate.OFFER_DECLINED, 0.06),
    (Fate.OFFERS_IGNORED, 0.03),
    (Fate.RIDER_LOST_BEFORE_PICKUP, 0.02),
    (Fate.RIDER_LOST_AFTER_PICKUP, 0.02),
    (Fate.DELIVERY_FAILS, 0.05),
    (Fate.NEVER_CONFIRMED, 0.05),
)

COUPON = "LUNCH20"
_MERCHANTS_OWN = frozenset({Fate.MERCHANT_REJECTS, Fate.MERCHANT_SILENT})
_SIZED_FROM_CENTS = 1800
_SIZES = {
    "name": "Size",
    "min_choices": 1,
    "options": [
        {"option_id": "usual", "name": "Usual"},
        {"option_id": "large", "name": "Large", "delta_cents": 500},
    ],
}
_EXTRAS = {"name": "Extras", "options": [{"option_id": "extra", "name": "A little more", "delta_cents": 200}]}
_CARE = {"vinegar-soup": "fragile", "osmanthus-cake": "fragile", "soy-milk": "cold_chain", "plum-juice": "cold_chain"}
_TASKS = {
    "errand_buy": "Two lemons, a newspaper and whatever flowers are fresh",
    "errand_carry": "Fetch the blue suitcase from the porter",
    "errand_queue": "Draw a number at the bakery and bring it",
    "errand_document": "A signed contract, to be handed over in person",
}

_FURTHER_TASKS = {"errand_buy": ("Aspirin", "White lilies"), "errand_document": ("The second copy",)}
_SEVERAL = frozenset(_FURTHER_TASKS)

POLICIES: dict[str, dict[str, Any]] = {
    "order": {
        "confirmation_seconds": 2400,
        "confirmation_reminder_seconds": 1500,
        "time_surcharges": [{"opens": "18:00", "closes": "19:00", "cents": 100}],
    },
    "dispatch": {"offer_seconds": 45},
}
"""The demo waits 40 minutes, not two hours, for a customer who never confirms; riders get 45 s to answer."""


def offset(place: Place, east_m: float, north_m: float) -> Place:
    """A place some metres to the east and north of another (local tangent plane)."""
    lat = place.lat + north_m / METRES_PER_DEGREE
    lon = place.lon + east_m / (METRES_PER_DEGREE * cos(radians(place.lat)))
    return Place(round(lat, 6), round(lon, 6))


def _somewhere(dice: random.Random, spread_m: float) -> Place:
    return offset(CENTRE, dice.gauss(0, spread_m / 2), dice.gauss(0, spread_m / 2))


def _merchants(dice: random.Random) -> tuple[MerchantPlan, ...]:
    plans = []
    for number, (name, menu) in enumerate(_KITCHENS):
        items = tuple(_item(sku, label, cents) for sku, label, cents in menu)
        plans.append(
            MerchantPlan(
                key=f"m{number}",
                name=name,
                place=_somewhere(dice, TOWN_RADIUS_M * 0.6),
                address=f"{dice.randint(1, 200)} {dice.choice(_STREETS)}",
                preparation_minutes=dice.randint(6, 14),
                menu=items,
                more={"packing_cents": 100 * (number % 2)},
            )
        )
    return tuple(plans)


def _item(sku: str, name: str, cents: int) -> dict[str, Any]:
    """Main dishes come in sizes; some things need care on the road."""
    item: dict[str, Any] = {"sku": sku, "name": name, "unit_cents": cents}
    if cents >= _SIZED_FROM_CENTS:
        item["option_groups"] = [_SIZES, _EXTRAS]
    if sku in _CARE:
        item["handling"] = [_CARE[sku]]
    return item


def _fates(dice: random.Random, count: int) -> list[Fate]:
    """At least one order of each fate in any run that is long enough to hold them all."""
    fates: list[Fate] = []
    for fate, share in _SHARES:
        fates += [fate] * max(1, round(count * share))
    fates = fates[: max(0, count - 1)]
    fates += [Fate.SMOOTH] * (count - len(fates))
    dice.shuffle(fates)
    return fates


def peak(
    dice: random.Random, count: int, merchants: tuple[MerchantPlan, ...], starts_at: datetime
) -> tuple[OrderPlan, ...]:
    """A peak of `count` orders, one in 40 seconds on average, most of them in the middle of the span."""
    span_s = max(600.0, count * 40.0)
    times = sorted(min(max(dice.gauss(span_s / 2, span_s / 4), 60.0), span_s) for _ in range(count))
    plans = []
    for number, (seconds, fate) in enumerate(zip(times, _fates(dice, count), strict=True)):
        merchant = dice.choice(merchants)
        plans.append(
            OrderPlan(
                key=f"o{number}",
                merchant_key=merchant.key,
                placed_at=starts_at + timedelta(seconds=seconds),
                dropoff=_somewhere(dice, TOWN_RADIUS_M),
                address=f"{dice.randint(1, 300)} {dice.choice(_STREETS)}, room {dice.randint(101, 1806)}",
                skus=tuple(str(item["sku"]) for item in merchant.menu[: dice.randint(1, len(merchant.menu))]),
                fate=fate,
                language=dice.choice(("en", "zh")),
            )
        )
    return tuple(_varied(number, plan, merchants) for number, plan in enumerate(plans))


def _varied(number: int, plan: OrderPlan, merchants: tuple[MerchantPlan, ...]) -> OrderPlan:
    """Every way to order has its turn: from a quote, with options, coupons and tips, for later, and errands."""
    if number % 5 == 2 and plan.fate not in _MERCHANTS_OWN:
        return replace(plan, errand=_errand(number), skus=(), tip_cents=300)
    menu = next(merchant.menu for merchant in merchants if merchant.key == plan.merchant_key)
    sized = [str(item["sku"]) for item in menu if "option_groups" in item]
    chosen = ("large", "extra") if number % 2 else ("usual",)
    return replace(
        plan,
        options=dict.fromkeys(sized, chosen),
        coupon=COUPON if number % 4 == 1 else None,
        tip_cents=200 if number % 3 == 0 else 0,
        quoted=number % 2 == 0,
        scheduled_after=timedelta(minutes=90) if number % 13 == 6 else None,
    )


def _errand(number: int) -> ErrandPlan:
    dice = random.Random(number)
    kind = ("errand_buy", "errand_carry", "errand_queue", "errand_document")[number // 5 % 4]
    place = _somewhere(dice, TOWN_RADIUS_M)
    pickup: dict[str, Any] = {
        "place": {"lat": place.lat, "lon": place.lon},
        "address": f"{dice.randint(1, 200)} {dice.choice(_STREETS)}",
    }
    body: dict[str, Any] = {"task": _TASKS[kind], "pickup": pickup}
    if kind in _SEVERAL and number // 20 % 2 == 0:
        return _errand_to_several(dice, kind, body)
    match kind:
        case "errand_buy":
            return ErrandPlan(kind, {**body, "budget_cents": 6000}, receipt_cents=dice.randint(1500, 6500))
        case "errand_queue":
            return ErrandPlan(kind, {**body, "wait_minutes_max": 30}, wait=timedelta(minutes=dice.randint(2, 12)))
        case _:
            pickup["contact"] = {"name": "Lin Tao", "phone": "+8613912345678"}
            return ErrandPlan(kind, {**body, "handling": ["fragile"], "weight_g": 800})


def _errand_to_several(dice: random.Random, kind: str, body: dict[str, Any]) -> ErrandPlan:
    """Each second errand of these kinds: bought at three shops of which one may be closed, or brought from two."""
    buys = kind == "errand_buy"
    contact = {"contact": {"name": "Lin Tao", "phone": "+8613912345678"}}
    stops: list[dict[str, Any]] = []
    for task in _FURTHER_TASKS[kind]:
        place = _somewhere(dice, TOWN_RADIUS_M)
        address = f"{dice.randint(1, 200)} {dice.choice(_STREETS)}"
        stops.append({"place": {"lat": place.lat, "lon": place.lon}, "address": address, "task": task})
    if not buys:
        pickup = {**body["pickup"], **contact}
        stops = [{**stop, **contact} for stop in stops]
        return ErrandPlan(kind, {**body, "pickup": pickup, "further_stops": stops}, further=(FurtherPlan(),))
    further = (FurtherPlan(dice.randint(600, 2000)), FurtherPlan(closed=True))
    return ErrandPlan(
        kind,
        {**body, "budget_cents": 9000, "further_stops": stops},
        receipt_cents=dice.randint(1500, 4000),
        further=further if dice.random() < 0.5 else (further[0], FurtherPlan(dice.randint(600, 2000))),
    )


def town(*, seed: int, orders: int, speed: float) -> Scenario:
    """A town with one rider for every two orders of the peak, between 10 and 80."""
    dice = random.Random(seed)
    starts_at = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    merchants = _merchants(dice)
    riders = tuple(
        RiderPlan(
            key=f"r{number}",
            name=f"Rider {number + 1}",
            start=_somewhere(dice, TOWN_RADIUS_M),
            on_at=starts_at,
            off_at=starts_at + timedelta(hours=12),
            speed_m_per_minute=dice.uniform(230, 320),
            skills=("fragile", "cold_chain", "age_checked") if number % 2 == 0 else ("fragile", "bulky"),
        )
        for number in range(max(10, min(80, orders // 2)))
    )
    return Scenario(
        name=f"town-{seed}",
        merchants=merchants,
        riders=riders,
        orders=peak(dice, orders, merchants, starts_at),
        starts_at=starts_at,
        speed=speed,
        pickup_service=timedelta(minutes=1),
        dropoff_service=timedelta(minutes=2),
        policies=POLICIES,
        coupons=({"code": COUPON, "percent": 20, "ceiling_cents": 1000, "minimum_cents": 500},),
        weather="rain",
    )
