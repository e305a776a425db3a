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
from services.dispatch.domain.delivery.state import UNHEARD_DELIVERY
from services.dispatch.domain.delivery.state import evolve as evolve_delivery
from services.dispatch.domain.eta import journeys as j
from services.dispatch.domain.eta.calibrating import calibrate
from services.dispatch.domain.eta.decisions import TellTimes, tell
from services.dispatch.domain.eta.events import DelayForeseen, EtaTold
from services.dispatch.domain.eta.forecasting import Calibration, Forecast, forecast
from services.dispatch.domain.eta.remaining import remaining
from services.dispatch.domain.eta.standing import Seen, standing, ways
from services.dispatch.domain.eta.state import NOTHING_TOLD
from services.dispatch.domain.eta.state import evolve as evolve_told
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.travel.learning import learn
from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.values import Stage
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
    p90: dict[str, Share] = field(default_factory=dict)
    p50: dict[str, Share] = field(default_factory=dict)
    pickup_p90: Share = field(default_factory=Share)
    told_p90: Share = field(default_factory=Share)
    flagged: Share = field(default_factory=Share)
    late: Share = field(default_factory=Share)
    found: Share = field(default_factory=Share)


def learned(rides: Sequence[Ride]) -> tuple[TravelModel, Calibration]:
    """As the service does it: travel times from every second journey, the calibration from the others."""
    halves: tuple[list[tuple[j.Whole, str]], list[tuple[j.Whole, str]]] = ([], [])
    for number, ride in enumerate(rides[-LEARNED_FROM:]):
        journey = j.UNHEARD
        for event, at in ride.events:
            journey = j.evolve(journey, event, at)
        whole = j.whole(journey)
        if whole is not None:
            halves[number % 2].append((whole, ride.vehicle))
    model = learn((way for one, vehicle in halves[0] for way in j.ways_gone(one, vehicle)), TravelModel())
    return model, calibrate(halves[1], model)


def follow(ride: Ride, model: TravelModel, calibration: Calibration, figures: Figures) -> None:
    """One delivery, looked at every minute of its life."""
    delivery, journey, told = UNHEARD_DELIVERY, j.UNHEARD, NOTHING_TOLD
    events = list(ride.events)
    now, flagged = events[0][1], False
    figures.deliveries += 1
    while now < ride.delivered_at:
        while events[0][1] <= now:
            event, at = events.pop(0)
            delivery, journey = evolve_delivery(delivery, event), j.evolve(journey, event, at)
        assigned = delivery.stage is not Stage.WAITING
        seen = Seen(
            delivery=delivery,
            journey=journey,
            vehicle=ride.vehicle if assigned else "",
            position=ride.position(now) if assigned else None,
        )
        approach, carry = model.spans(ways(seen, now))
        view = forecast(remaining(standing(seen, approach, carry, now), now), now, calibration)
        _note(ride, view, figures)
        command = TellTimes(
            delivery_id=ride.delivery_id,
            forecast=view,
            promised_at=delivery.promised_at,
            travel_version=model.version,
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
    for hour, started in by_hour.items():
        model, calibration = learned([ride for ride in ended if ride.delivered_at < hour])
        for ride in started:
            follow(ride, model, calibration, figures)
    return figures


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
