"""A made-up town with a lunch peak, so that the demo needs no data from anywhere: every run of a seed is the same."""

import random
from datetime import UTC, datetime, timedelta
from math import cos, radians

from deploy.city.world import Fate, MerchantPlan, OrderPlan, RiderPlan, Scenario
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

POLICIES = {
    "order": {"confirmation_seconds": 2400, "confirmation_reminder_seconds": 1500},
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
        items = tuple({"sku": sku, "name": label, "unit_cents": cents} for sku, label, cents in menu)
        plans.append(
            MerchantPlan(
                key=f"m{number}",
                name=name,
                place=_somewhere(dice, TOWN_RADIUS_M * 0.6),
                address=f"{dice.randint(1, 200)} {dice.choice(_STREETS)}",
                preparation_minutes=dice.randint(6, 14),
                menu=items,
            )
        )
    return tuple(plans)


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
    return tuple(plans)


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
    )
