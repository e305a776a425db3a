"""`make bench-eta`: learns some days of a simulated town, then follows other days minute by minute, learning on.

The domain code of the service does all of it: folding, learning, standing, forecasting and deciding what is told. It
learns anew every hour from what has ended by then (the service: every minute).
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.delivery.state import UNHEARD_DELIVERY, Delivery
from services.dispatch.domain.delivery.state import evolve as evolve_delivery
from services.dispatch.domain.eta import journeys as j
from services.dispatch.domain.eta.decisions import TellTimes, tell
from services.dispatch.domain.eta.events import DelayForeseen, EtaTold
from services.dispatch.domain.eta.forecasting import Forecast, forecast
from services.dispatch.domain.eta.past import Trip
from services.dispatch.domain.eta.remaining import Standing, remaining
from services.dispatch.domain.eta.rounds import legs, standings
from services.dispatch.domain.eta.standing import under_way, wanted
from services.dispatch.domain.eta.state import NOTHING_TOLD
from services.dispatch.domain.eta.state import evolve as evolve_told
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.values import Stage
from services.dispatch.eta_turn import Learned, learned_from
from tests.bench.eta.town import Ride, Town

POLICY = DispatchPolicy()
LOOK_EVERY = timedelta(minutes=1)
LEARNED_FROM = 1_000
"""As many of the latest journeys as the service learns from."""


@dataclass
class Share:
    """How many of how many."""

    hits: int = 0
    of: int = 0

    def note(self, hit: bool) -> None:
        self.hits += hit
        self.of += 1

    @property
    def percent(self) -> float:
        return round(100 * self.hits / self.of, 1) if self.of else 0.0


@dataclass
class Figures:
    told: int = 0
    deliveries: int = 0
    together: int = 0
    p90: dict[str, Share] = field(default_factory=dict)
    p50: dict[str, Share] = field(default_factory=dict)
    pickup_p90: Share = field(default_factory=Share)
    told_p90: Share = field(default_factory=Share)
    flagged: Share = field(default_factory=Share)
    late: Share = field(default_factory=Share)
    found: Share = field(default_factory=Share)


def learned(rides: Sequence[Ride]) -> Learned:
    """From the latest, as the service does it."""
    trips = []
    for ride in rides[-LEARNED_FROM:]:
        journey = j.UNHEARD
        for event, at in ride.events:
            journey = j.evolve(journey, event, at)
        whole = j.whole(journey)
        if whole is not None:
            trips.append(
                Trip(
                    delivery_id=ride.delivery_id,
                    rider_id=ride.rider_id,
                    vehicle=ride.vehicle,
                    whole=whole,
                    weather=ride.weather,
                )
            )
    return learned_from(trips)


def delivery_at(ride: Ride, now: datetime) -> Delivery:
    """As its stream tells it by then."""
    delivery = UNHEARD_DELIVERY
    for event, at in ride.events:
        if at <= now:
            delivery = evolve_delivery(delivery, event)
    return delivery


def standing_at(ride: Ride, others: Sequence[Ride], now: datetime, model: TravelModel) -> Standing:
    """With all that its rider has in hand by then."""
    delivery = delivery_at(ride, now)
    if delivery.stage is Stage.WAITING:
        round_ = wanted(ride.delivery_id, delivery, ride.weather)
    else:
        carried = [each for each in others if each.at(de.RiderAssigned) <= now < each.delivered_at]
        in_hand = {each.delivery_id: delivery_at(each, now) for each in carried}
        rider = Rider(rider_id=ride.rider_id, carrying=tuple(in_hand))
        stops = stops_of(rider, in_hand)
        round_ = under_way(stops, in_hand, ride.vehicle, ride.position(now), now, ride.weather)
    its = legs(round_, now)
    return standings(round_, its, model.spans([leg.way for leg in its if leg.way is not None]), now)[ride.delivery_id]


def follow(ride: Ride, others: Sequence[Ride], known: Learned, figures: Figures) -> None:
    """One delivery, looked at every minute of its life; `others` are all rides of its rider on that day."""
    told, now, flagged = NOTHING_TOLD, ride.events[0][1], False
    figures.deliveries += 1
    figures.together += len({leg.to for leg in ride.legs}) > 2
    while now < ride.delivered_at:
        view = forecast(remaining(standing_at(ride, others, now, known.model), now), now, known.calibration)
        _note(ride, view, figures)
        command = TellTimes(
            delivery_id=ride.delivery_id,
            forecast=view,
            promised_at=ride.promised_at,
            travel_version=known.model.version,
            now=now,
        )
        for said in tell(command, told, POLICY):
            told = evolve_told(told, said)
            if isinstance(said, EtaTold):
                figures.told += 1
                figures.told_p90.note(ride.delivered_at <= said.dropoff.p90)
            flagged = flagged or isinstance(said, DelayForeseen)
        now += LOOK_EVERY
    _judge(ride, flagged, figures)


def _note(ride: Ride, view: Forecast, figures: Figures) -> None:
    for name in (view.stage.value, "all"):
        figures.p90.setdefault(name, Share()).note(ride.delivered_at <= view.dropoff.p90)
        figures.p50.setdefault(name, Share()).note(ride.delivered_at <= view.dropoff.p50)
    if view.pickup is not None:
        figures.pickup_p90.note(ride.at(de.PickedUp) <= view.pickup.p90)


def _judge(ride: Ride, flagged: bool, figures: Figures) -> None:
    late = ride.delivered_at > ride.promised_at
    figures.late.note(late)
    if flagged:
        figures.flagged.note(late)
    if late:
        figures.found.note(flagged)


def run(seed: int, days: int) -> Figures:
    rides = list(Town(seed).rides(2 * days))
    cut = rides[0].events[0][1].replace(hour=0, minute=0) + timedelta(days=days)
    figures = Figures()
    by_hour: dict[datetime, list[Ride]] = {}
    for ride in rides:
        if _asked(ride) >= cut:
            by_hour.setdefault(_asked(ride).replace(minute=0, second=0, microsecond=0), []).append(ride)
    ended = sorted(rides, key=lambda ride: ride.delivered_at)
    shifts: dict[tuple[str, str], list[Ride]] = {}
    for ride in sorted(rides, key=lambda ride: ride.at(de.RiderAssigned)):
        shifts.setdefault(_shift(ride), []).append(ride)
    for hour, started in by_hour.items():
        known = learned([ride for ride in ended if ride.delivered_at < hour])
        for ride in started:
            follow(ride, shifts[_shift(ride)], known, figures)
    return figures


def _shift(ride: Ride) -> tuple[str, str]:
    """A rider on one day."""
    return ride.rider_id, ride.delivery_id[:7]


def _asked(ride: Ride) -> datetime:
    return ride.events[0][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=int, default=5)
    chosen = parser.parse_args()
    for seed in range(1, chosen.seeds + 1):
        began = time.perf_counter()
        figures = run(seed, chosen.days)
        line = {
            "seed": seed,
            "deliveries": figures.deliveries,
            "together_percent": round(100 * figures.together / figures.deliveries, 1),
            "told_a_delivery": round(figures.told / figures.deliveries, 2),
            "p90_percent": {name: share.percent for name, share in figures.p90.items()},
            "p50_percent": {name: share.percent for name, share in figures.p50.items()},
            "p90_told_percent": figures.told_p90.percent,
            "pickup_p90_percent": figures.pickup_p90.percent,
            "late_percent": figures.late.percent,
            "flagged": figures.flagged.of,
            "precision_percent": figures.flagged.percent,
            "recall_percent": figures.found.percent,
            "seconds": round(time.perf_counter() - began, 1),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
