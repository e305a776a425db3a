"""What an operation's own events say of its ways, its hand-overs and how its riders answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean, median, pstdev

from services.dispatch.domain.delivery import events as d
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import AssignmentMode
from shared.kernel.place import Place, distance_m

ENOUGH = 20
"""Fewer than this say nothing: the settings stand."""
SHORTEST_WAY_M = 200.0
NOISE = 0.2
NOISE_MAX = 0.6
ANSWER_S = 8.0
READY_SPREAD_S = 120.0


@dataclass(slots=True)
class Observed:
    """Samples, and what is taken from them."""

    speeds: list[float] = field(default_factory=list)
    pickups: list[float] = field(default_factory=list)
    dropoffs: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    ready_errors: list[float] = field(default_factory=list)
    offered: int = 0
    refused: int = 0

    @property
    def metres_per_second(self) -> float | None:
        """As the crow flies."""
        return median(self.speeds) if len(self.speeds) >= ENOUGH else None

    @property
    def noise(self) -> float:
        """The coefficient of variation of a way's time, from the middle half, so that stray reports do not count."""
        if len(self.speeds) < ENOUGH:
            return NOISE
        slowness = sorted(1 / speed for speed in self.speeds)
        middle = slowness[len(slowness) // 4 : -(len(slowness) // 4)]
        # The middle half of a normal distribution spreads 0.378 times as much as the whole.
        return min(NOISE_MAX, pstdev(middle) / 0.378 / fmean(middle))

    @property
    def declines(self) -> float:
        return self.refused / self.offered if self.offered >= ENOUGH else 0.0

    @property
    def answer_s(self) -> float:
        return median(self.answers) if len(self.answers) >= ENOUGH else ANSWER_S

    @property
    def ready_spread_s(self) -> float:
        return pstdev(self.ready_errors) if len(self.ready_errors) >= ENOUGH else READY_SPREAD_S

    def service_s(self, otherwise: float) -> tuple[float, float]:
        """What a pick-up and a drop-off take."""
        pickup, dropoff = (
            median(each) if len(each) >= ENOUGH else otherwise for each in (self.pickups, self.dropoffs)
        )
        return pickup, dropoff

    def remarks(self, base: DispatchPolicy) -> Sequence[str]:
        """What was taken from the settings for want of reports, and what was seen."""
        said = []
        if self.metres_per_second is None:
            said.append(
                f"too few rides to tell their speed: {base.rider_speed_m_per_s:g} m/s as the settings have it"
            )
        else:
            said.append(
                f"rides at {self.metres_per_second:.1f} m/s as the crow flies, from {len(self.speeds)} of them"
            )
        pickup, dropoff = self.service_s(base.handover_seconds)
        said.append(f"hand-overs of {pickup:.0f} s at the counter and {dropoff:.0f} s at the door")
        said.append(f"{self.declines:.0%} of offers declined or not answered, of {self.offered}")
        return said


def observe(
    seen: Iterable[tuple[datetime, str, d.DeliveryEvent]], announced: Mapping[str, d.DeliveryAnnounced]
) -> Observed:
    """Follows each rider from report to report, and each offer to its answer."""
    observer = _Observer()
    for moment, key, event in sorted(seen, key=lambda line: line[0]):
        if key in announced:
            observer.goods(moment, key, event)
            observer.offer(moment, key, event)
            observer.road(moment, key, event, announced[key])
    return observer.found


@dataclass(slots=True)
class _Observer:
    found: Observed = field(default_factory=Observed)
    left: dict[str, tuple[datetime, Place]] = field(default_factory=dict)
    """Where each rider who carries something was last, and until when."""
    arrived: dict[tuple[str, str], datetime] = field(default_factory=dict)
    asked: dict[tuple[str, str], datetime] = field(default_factory=dict)
    ready: dict[str, datetime] = field(default_factory=dict)
    expected: dict[str, datetime] = field(default_factory=dict)

    def goods(self, moment: datetime, key: str, event: d.DeliveryEvent) -> None:  # noqa: ARG002
        if isinstance(event, d.DeliveryRequested):
            self.expected.setdefault(key, event.ready_at)
        elif isinstance(event, d.GoodsReady):
            self.ready[key] = event.ready_at
            if key in self.expected:
                self.found.ready_errors.append((event.ready_at - self.expected[key]).total_seconds())

    def offer(self, moment: datetime, key: str, event: d.DeliveryEvent) -> None:
        if isinstance(event, d.DeliveryOffered):
            self.found.offered += 1
            self.asked[key, event.rider_id] = moment
        elif isinstance(event, d.OfferDeclined | d.OfferExpired):
            self.found.refused += 1
        elif isinstance(event, d.RiderAssigned) and event.mode is AssignmentMode.ENGINE:
            since = self.asked.pop((key, event.rider_id), None)
            if since is not None:
                self.found.answers.append((moment - since).total_seconds())

    def road(self, moment: datetime, key: str, event: d.DeliveryEvent, facts: d.DeliveryAnnounced) -> None:
        """Only rides with goods count: whoever carries nothing may have waited in between."""
        match event:
            case d.ArrivedAtPickup():
                self.arrived[key, "pickup"] = moment
            case d.PickedUp():
                self.left[event.rider_id] = (moment, facts.pickup)
                came = self.arrived.get((key, "pickup"))
                if came is not None and self.ready.get(key, came) <= came:
                    self.found.pickups.append((moment - came).total_seconds())
            case d.ArrivedAtDropoff():
                self.arrived[key, "dropoff"] = moment
                self._rode(self.left.pop(event.rider_id, None), moment, facts.dropoff_area)
            case d.Delivered():
                self.left[event.rider_id] = (moment, facts.dropoff_area)
                if (came := self.arrived.get((key, "dropoff"))) is not None:
                    self.found.dropoffs.append((moment - came).total_seconds())
            case _:
                pass

    def _rode(self, left: tuple[datetime, Place] | None, moment: datetime, place: Place) -> None:
        if left is None:
            return
        seconds, metres = (moment - left[0]).total_seconds(), distance_m(left[1], place)
        if metres >= SHORTEST_WAY_M and seconds > 0:
            self.found.speeds.append(metres / seconds)
