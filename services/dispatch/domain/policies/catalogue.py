"""Every figure that a policy may set, with its unit and range: one row here is all that a new one takes besides its
field in `DispatchPolicy`; checking, the JSON Schema, the documentation and the operators' page follow from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from types import MappingProxyType


class Kind(StrEnum):
    """What a figure is about; the page shows them in these groups."""

    WAIT = "wait"
    RADIUS = "radius"
    CAP = "cap"
    WEIGHT = "weight"
    SPEED = "speed"
    PAY = "pay"


class Unit(StrEnum):
    SECONDS = "seconds"
    METRES = "m"
    METRES_PER_SECOND = "m_per_s"
    KILOMETRES_PER_HOUR = "km_per_h"
    COUNT = "count"
    RATIO = "ratio"
    CENTS = "cents"


class Differs(Enum):
    """How rules may set a figure otherwise. What one decision weighs for all places at once differs by time."""

    BY_PLACE_AND_TIME = auto()
    BY_TIME = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A figure: `low` and `high` are allowed themselves."""

    name: str
    kind: Kind
    unit: Unit
    low: float
    high: float
    whole: bool = False
    differs: Differs = Differs.BY_PLACE_AND_TIME

    @property
    def by_rule(self) -> bool:
        """Whether a rule may set it."""
        return self.differs is not Differs.NEVER

    @property
    def by_place(self) -> bool:
        """Whether a rule that names areas may."""
        return self.differs is Differs.BY_PLACE_AND_TIME


def _wait(name: str, low: float, high: float) -> Parameter:
    return Parameter(name=name, kind=Kind.WAIT, unit=Unit.SECONDS, low=low, high=high)


def _weight(name: str, high: float, *, unit: Unit = Unit.RATIO, differs: Differs = Differs.BY_TIME) -> Parameter:
    return Parameter(name=name, kind=Kind.WEIGHT, unit=unit, low=0, high=high, differs=differs)


def _engine_cap(name: str, high: float, *, differs: Differs = Differs.NEVER) -> Parameter:
    return Parameter(name=name, kind=Kind.CAP, unit=Unit.COUNT, low=1, high=high, whole=True, differs=differs)


def _engine_wait(name: str, low: float, high: float, *, differs: Differs = Differs.NEVER) -> Parameter:
    return Parameter(name=name, kind=Kind.WAIT, unit=Unit.SECONDS, low=low, high=high, differs=differs)


def _surge_ratio(name: str) -> Parameter:
    return Parameter(name=name, kind=Kind.CAP, unit=Unit.RATIO, low=0.1, high=100, differs=Differs.NEVER)


def _pay(name: str) -> Parameter:
    return Parameter(name=name, kind=Kind.PAY, unit=Unit.CENTS, low=0, high=100_000, whole=True)


PARAMETERS: tuple[Parameter, ...] = (
    _wait("offer_seconds", 5, 600),
    _wait("reoffer_after_seconds", 0, 3_600),
    _wait("dispatcher_needed_seconds", 30, 7_200),
    _wait("undeliverable_seconds", 60, 14_400),
    _wait("report_grace_seconds", 60, 7_200),
    _wait("handover_seconds", 0, 1_800),
    _wait("eta_moved_seconds", 30, 1_800),
    _wait("delay_notice_seconds", 600, 7_200),
    _engine_wait("replan_late_seconds", 0, 7_200),
    _engine_wait("replan_gain_seconds", 30, 7_200),
    _engine_wait("replan_span_seconds", 60, 14_400),
    _engine_wait("replan_wait_seconds", 60, 7_200),
    _engine_wait("silent_after_seconds", 60, 7_200),
    _engine_wait("silent_grace_seconds", 10, 3_600),
    _surge_ratio("surge_begins_ratio"),
    _surge_ratio("surge_ends_ratio"),
    _engine_cap("surge_orders", 1_000),
    _engine_cap("surge_orders_per_bundle", 8),
    _engine_wait("surge_turn_seconds", 1, 300),
    Parameter(name="grab_radius_m", kind=Kind.RADIUS, unit=Unit.METRES, low=100, high=200_000),
    Parameter(name="unknown_approach_m", kind=Kind.RADIUS, unit=Unit.METRES, low=100, high=50_000),
    Parameter(name="offers_before_grab", kind=Kind.CAP, unit=Unit.COUNT, low=1, high=20, whole=True),
    Parameter(name="deliveries_per_rider", kind=Kind.CAP, unit=Unit.COUNT, low=1, high=12, whole=True),
    _engine_wait("longest_spell_seconds", 3_600, 43_200),
    _engine_wait("shortest_break_seconds", 60, 7_200),
    _pay("pay_per_delivery_cents"),
    _pay("pay_per_km_cents"),
    Parameter(
        name="deliveries_per_tick",
        kind=Kind.CAP,
        unit=Unit.COUNT,
        low=1,
        high=10_000,
        whole=True,
        differs=Differs.NEVER,
    ),
    _engine_wait("engine_turn_seconds", 1, 300),
    _engine_wait("offer_lead_seconds", 0, 600, differs=Differs.BY_TIME),
    _engine_wait("offer_ahead_seconds", 0, 86_400),
    _engine_cap("orders_per_bundle", 8, differs=Differs.BY_TIME),
    _engine_cap("near_riders", 64, differs=Differs.BY_TIME),
    _engine_cap("futures", 60, differs=Differs.BY_TIME),
    _weight("left_over_seconds", 86_400, unit=Unit.SECONDS),
    _weight("move_gain_seconds", 86_400, unit=Unit.SECONDS),
    _weight("lateness_weight", 20),
    _weight("future_weight", 5),
    _weight("urgent_weight", 100, differs=Differs.BY_PLACE_AND_TIME),
    _weight("medical_weight", 100, differs=Differs.BY_PLACE_AND_TIME),
    _weight("fairness_seconds", 3_600, unit=Unit.SECONDS),
    _weight("fatigue_seconds", 3_600, unit=Unit.SECONDS),
    _weight("doubt_weight", 10),
    Parameter(name="delay_confidence_ratio", kind=Kind.WEIGHT, unit=Unit.RATIO, low=0.5, high=0.95),
    Parameter(name="rider_speed_m_per_s", kind=Kind.SPEED, unit=Unit.METRES_PER_SECOND, low=0.5, high=20),
    Parameter(
        name="max_speed_km_per_h",
        kind=Kind.SPEED,
        unit=Unit.KILOMETRES_PER_HOUR,
        low=20,
        high=300,
        differs=Differs.NEVER,
    ),
    Parameter(name="clock_skew_seconds", kind=Kind.WAIT, unit=Unit.SECONDS, low=5, high=3_600, differs=Differs.NEVER),
)

BY_NAME = MappingProxyType({parameter.name: parameter for parameter in PARAMETERS})

SHORTER: tuple[tuple[str, str], ...] = (
    ("offer_seconds", "dispatcher_needed_seconds"),
    ("dispatcher_needed_seconds", "undeliverable_seconds"),
    ("surge_ends_ratio", "surge_begins_ratio"),
)
"""The first must be below the second wherever both hold: an offer ends before a dispatcher is called, and he is
called before the delivery is given up; a surge ends at fewer orders a rider than it begins at."""

_UNITS = (
    "m_per_s",
    "km_per_h",
    "milliseconds",
    "seconds",
    "minutes",
    "hours",
    "days",
    "metres",
    "meters",
    "ms",
    "km",
)
_SHORT_UNITS = ("s", "m", "h", "count", "ratio", "percent", "km_h")


def stem_of(name: str) -> str:
    """A name without its unit: `offer` of `offer_minutes`."""
    for unit in (*_UNITS, *_SHORT_UNITS):
        if name.endswith(f"_{unit}"):
            return name.removesuffix(f"_{unit}")
    return name


def meant_by(name: str) -> Parameter | None:
    """The figure that was given in another unit, or in none."""
    return next((each for each in PARAMETERS if stem_of(each.name) == stem_of(name)), None)


def in_order(names: Iterable[str]) -> list[str]:
    """Names as the catalogue lists them, those that it does not know behind."""
    places = {parameter.name: place for place, parameter in enumerate(PARAMETERS)}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))
