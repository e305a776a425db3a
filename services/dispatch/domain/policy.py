"""The figures that dispatch decides by, in one place, so that a city can choose its own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from services.dispatch.domain.position_policy import PositionPolicy
from shared.kernel.place import Place

BASE = "base"
"""The version that decisions record while only the settings hold: nobody has activated a policy."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a policy is asked for: a place and the H3 cell that holds it (empty: not known)."""

    place: Place
    cell: str = ""


class PolicySource(Protocol):
    """Whatever knows the figures of a place at a time."""

    def at(self, where: Where | None, moment: datetime) -> "DispatchPolicy":
        """The figures there and then; without a place those that hold for the whole service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPolicy:
    """Defaults of the domain page; every span is in the platform's virtual time. What operators may change is listed
    in `policies.catalogue`."""

    version: str = BASE
    offer_seconds: float = 30
    offers_before_grab: int = 3
    reoffer_after_seconds: float = 60
    dispatcher_needed_seconds: float = 300
    undeliverable_seconds: float = 900
    report_grace_seconds: float = 600
    rider_speed_m_per_s: float = 4.0
    handover_seconds: float = 180
    eta_moved_seconds: float = 300
    delay_notice_seconds: float = 600
    delay_confidence_ratio: float = 0.85
    unknown_approach_m: float = 4000
    grab_radius_m: float = 100_000
    clock_skew_seconds: float = 120
    max_speed_km_per_h: float = 150
    deliveries_per_tick: int = 1_000
    deliveries_per_rider: int = 3
    longest_spell_seconds: float = 14_400
    shortest_break_seconds: float = 900
    pay_per_delivery_cents: int = 400
    pay_per_km_cents: int = 100
    currency: str = "CNY"
    engine_turn_seconds: float = 10
    offer_lead_seconds: float = 20
    offer_ahead_seconds: float = 300
    orders_per_bundle: int = 4
    near_riders: int = 16
    futures: int = 20
    left_over_seconds: float = 7_200
    move_gain_seconds: float = 30
    lateness_weight: float = 1.0
    future_weight: float = 0.7
    urgent_weight: float = 3.0
    medical_weight: float = 10.0
    fairness_seconds: float = 60
    fatigue_seconds: float = 60
    doubt_weight: float = 1.0
    replan_late_seconds: float = 30
    replan_gain_seconds: float = 150
    replan_span_seconds: float = 900
    replan_wait_seconds: float = 600
    silent_after_seconds: float = 300
    silent_grace_seconds: float = 120
    surge_begins_ratio: float = 2.0
    surge_ends_ratio: float = 1.0
    surge_orders: int = 8
    surge_orders_per_bundle: int = 6
    surge_turn_seconds: float = 30
    positions: PositionPolicy = field(default_factory=PositionPolicy)

    def at(self, where: Where | None, moment: datetime) -> "DispatchPolicy":  # noqa: ARG002
        """The same everywhere and always: settings know no places and no times of the day."""
        return self

    def travel(self, distance_m: float) -> timedelta:
        """How long a rider is expected to need for a distance as the crow flies (the speed allows for detours)."""
        return timedelta(seconds=distance_m / self.rider_speed_m_per_s)

    def report_by(self, now: datetime, distance_m: float, not_before: datetime | None = None) -> datetime:
        """When the next node report is overdue: the expected arrival (or `not_before`, when that is later), the
        hand-over, and the grace."""
        arrival = now + self.travel(distance_m)
        if not_before is not None:
            arrival = max(arrival, not_before)
        return arrival + timedelta(seconds=self.handover_seconds + self.report_grace_seconds)

    def skewed(self, occurred_at: datetime, now: datetime, not_before: datetime | None) -> bool:
        """Whether a device's time cannot be true: ahead of the server, or before the rider had the delivery."""
        skew = timedelta(seconds=self.clock_skew_seconds)
        return occurred_at > now + skew or (not_before is not None and occurred_at < not_before - skew)
