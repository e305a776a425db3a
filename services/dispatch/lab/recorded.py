"""Days as the operation really had them, read from dispatch's own event log.

What a log cannot say is estimated and told in `Recorded.remarks`: doors are the middles of their cells (nobody's door
is in the log), what ways and hand-overs take is the median of what was reported.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from services.dispatch.codec import DELIVERY_CODEC, RIDER_CODEC
from services.dispatch.domain.delivery import events as d
from services.dispatch.domain.policies.document import TIME_ZONE
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import events as r
from services.dispatch.engine.world import Spot
from services.dispatch.lab.day import Behaviour, Day, OrderOfDay, Pay, RiderOfDay
from services.dispatch.lab.observing import Observed, observe
from services.dispatch.lab.plane import spot_of
from services.dispatch.lab.roads import Roads
from shared.kernel.place import Place

Seconds = Callable[[datetime], float]
ToSpot = Callable[[Place], Spot]


class LogLine(Protocol):
    """What is needed of a stored event."""

    @property
    def stream_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def schema_version(self) -> int: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def occurred_at(self) -> datetime: ...


class NobodysNames:
    """A vault without keys: whatever is personal reads as forgotten."""

    def seal(self, subject_id: str, plain: Any) -> str:
        raise NotImplementedError("the lab writes no events")

    def open(self, subject_id: str, sealed: str) -> Any | None:  # noqa: ARG002
        return None


@dataclass(slots=True)
class Told:
    """One delivery, as its stream tells it."""

    announced: d.DeliveryAnnounced
    placed_at: datetime
    requested_at: datetime | None = None
    expected_ready_at: datetime | None = None
    ready_at: datetime | None = None
    withdrawn_at: datetime | None = None
    picked_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    rider_id: str
    place: Place
    on_at: datetime
    off_at: datetime


@dataclass(slots=True)
class Chronicle:
    """Everything that the lines tell, before it is cut into days."""

    deliveries: dict[str, Told] = field(default_factory=dict)
    shifts: dict[tuple[str, datetime], Shift] = field(default_factory=dict)
    riders: dict[str, r.RiderRegistered] = field(default_factory=dict)
    on_shift: dict[str, datetime] = field(default_factory=dict)
    seen: list[tuple[datetime, str, d.DeliveryEvent]] = field(default_factory=list)

    def read(self, lines: Iterable[LogLine]) -> "Chronicle":
        """Takes lines in the order of the log; what it does not know it passes over."""
        vault = NobodysNames()
        for line in lines:
            if DELIVERY_CODEC.knows(line.type):
                event = DELIVERY_CODEC.decode(line.type, line.schema_version, line.data, vault)
                self._of_delivery(line.stream_id, event, line.occurred_at)
            elif RIDER_CODEC.knows(line.type):
                self._of_rider(
                    line.stream_id,
                    RIDER_CODEC.decode(line.type, line.schema_version, line.data, vault),
                    line.occurred_at,
                )
        return self

    def _of_delivery(self, stream_id: str, event: d.DeliveryEvent, moment: datetime) -> None:
        self.seen.append((moment, stream_id, event))
        if isinstance(event, d.DeliveryAnnounced):
            self.deliveries.setdefault(stream_id, Told(event, moment))
        told = self.deliveries.get(stream_id)
        if told is None:
            return
        match event:
            case d.DeliveryRequested():
                told.requested_at = told.requested_at or event.requested_at
                told.expected_ready_at = told.expected_ready_at or event.ready_at
            case d.ReadyTimeMoved() | d.GoodsReady():
                told.ready_at = event.ready_at
            case d.PickedUp():
                told.picked_at = told.picked_at or moment
            case d.Delivered():
                told.delivered_at = moment
            case d.DeliveryWithdrawn():
                told.withdrawn_at = told.withdrawn_at or moment
            case d.RouteChanged():
                told.announced = replace(told.announced, dropoff_area=event.dropoff_area)
            case _:
                pass

    def _of_rider(self, stream_id: str, event: r.RiderEvent, moment: datetime) -> None:
        match event:
            case r.RiderRegistered():
                self.riders[stream_id] = event
            case r.ShiftStarted():
                self.on_shift[stream_id] = moment
                self.shifts[stream_id, moment] = Shift(stream_id, event.place, moment, event.until)
            case r.ShiftEnded() if stream_id in self.on_shift:
                began = self.on_shift.pop(stream_id)
                shift = self.shifts[stream_id, began]
                self.shifts[stream_id, began] = replace(shift, off_at=max(began, min(moment, shift.off_at)))
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Recorded:
    """The days that were found, what had to be estimated, in plain sentences, and the first and the last day on which
    any order was placed, as far as was looked (None: on none)."""

    days: tuple[Day, ...]
    remarks: tuple[str, ...] = ()
    held: tuple[date, date] | None = None


def recorded_days(
    lines: Iterable[LogLine], first: date, last: date, *, base: DispatchPolicy, zone: str = TIME_ZONE
) -> Recorded:
    """The days from `first` to `last` on which orders were placed and riders on shift, by the clock of `zone`.

    Orders that nobody was asked to deliver (refused by their merchant, withdrawn before) are left out: they would
    not have been the engine's.
    """
    chronicle = Chronicle().read(lines)
    clock = ZoneInfo(zone)
    wanted = [told for told in chronicle.deliveries.values() if told.requested_at is not None]
    observed = observe(chronicle.seen, {key: told.announced for key, told in chronicle.deliveries.items()})
    days, empty = [], []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        orders = {
            key: told
            for key, told in chronicle.deliveries.items()
            if told.requested_at is not None and told.placed_at.astimezone(clock).date() == day
        }
        shifts = [shift for shift in chronicle.shifts.values() if shift.on_at.astimezone(clock).date() == day]
        if orders and shifts:
            days.append(_day(day, clock, orders, shifts, chronicle, observed, base))
        elif orders:
            empty.append(f"{day}: {len(orders)} orders, but nobody was on shift")
    remarks = (*empty, *_really(wanted), *observed.remarks(base), "doors are the middles of their cells")
    placed = sorted(told.placed_at.astimezone(clock).date() for told in chronicle.deliveries.values())
    return Recorded(tuple(days), remarks if wanted else (), (placed[0], placed[-1]) if placed else None)


def _really(wanted: Sequence[Told]) -> Iterator[str]:
    """How it went, for holding the played days against it."""
    waits = [(each.delivered_at - each.placed_at).total_seconds() / 60 for each in wanted if each.delivered_at]
    if waits:
        mean = f"{fmean(waits):.1f} min from click to door"
        yield f"as it really went: {len(waits)} of {len(wanted)} delivered, {mean} on average"


def _day(
    day: date,
    clock: ZoneInfo,
    orders: Mapping[str, Told],
    shifts: Iterable[Shift],
    chronicle: Chronicle,
    observed: Observed,
    base: DispatchPolicy,
) -> Day:
    """One day, on the plane of all days."""
    starts = datetime(day.year, day.month, day.day, tzinfo=clock)
    origin = next(iter(chronicle.deliveries.values())).announced.pickup

    def seconds(moment: datetime) -> float:
        return (moment - starts).total_seconds()

    def spot(place: Place) -> Spot:
        return spot_of(place, origin)

    speed = observed.metres_per_second or base.rider_speed_m_per_s
    service = observed.service_s(base.handover_seconds)
    return Day(
        name=day.isoformat(),
        orders=tuple(_order(key, told, seconds, spot, observed) for key, told in orders.items()),
        riders=_riders(shifts, chronicle, seconds, spot),
        shops={_shop(told): spot(told.announced.pickup) for told in orders.values()},
        roads=Roads(metres_per_second=speed, noise=observed.noise),
        pickup_service_s=service[0],
        dropoff_service_s=service[1],
        pay=Pay(),
        behaviour=Behaviour(declines=observed.declines, answer_s=observed.answer_s),
        base=base,
        starts=starts,
        origin=origin,
        seed=day.toordinal(),
    )


def _shop(told: Told) -> str:
    """A merchant's counter; an errand's first place, which no merchant has, by where it is."""
    pickup = told.announced.pickup
    return told.announced.merchant_id or f"{pickup.lat:.4f},{pickup.lon:.4f}"


def _order(key: str, told: Told, seconds: Seconds, spot: ToSpot, observed: Observed) -> OrderOfDay:
    announced = told.announced
    assert told.requested_at is not None, "only what was asked for is played"
    assert told.expected_ready_at is not None, "it came with the request"
    expected = seconds(told.expected_ready_at)
    patience = None
    if told.withdrawn_at is not None and told.picked_at is None:
        patience = seconds(told.withdrawn_at) - seconds(told.placed_at)
    return OrderOfDay(
        order_id=key,
        shop_id=_shop(told),
        dropoff=spot(announced.dropoff_area),
        placed_at=seconds(told.placed_at),
        known_at=max(seconds(told.placed_at), seconds(told.requested_at)),
        ready_at=expected if told.ready_at is None else seconds(told.ready_at),
        expected_ready_at=expected,
        ready_spread_s=observed.ready_spread_s,
        promised_at=seconds(announced.promised_at),
        patience_s=patience,
        priority=announced.priority,
        load_g=announced.weight_g,
        load_ml=announced.volume_ml,
        skills=frozenset(announced.skills),
        stops=tuple(spot(each.place) for each in announced.further_pickups),
    )


def _riders(shifts: Iterable[Shift], chronicle: Chronicle, seconds: Seconds, spot: ToSpot) -> tuple[RiderOfDay, ...]:
    """A second shift on one day is another rider of the day."""
    riders: dict[str, RiderOfDay] = {}
    for shift in sorted(shifts, key=lambda each: (each.rider_id, each.on_at)):
        known = chronicle.riders.get(shift.rider_id)
        name, again = shift.rider_id, 1
        while name in riders:
            again += 1
            name = f"{shift.rider_id}+{again}"
        rider = RiderOfDay(
            rider_id=name,
            start=spot(shift.place),
            on_at=seconds(shift.on_at),
            off_at=seconds(shift.off_at),
            skills=frozenset(known.skills) if known else frozenset(),
        )
        if known is not None and known.capacity_g > 0 and known.capacity_ml > 0:
            rider = replace(rider, capacity_g=known.capacity_g, capacity_ml=known.capacity_ml)
        riders[name] = rider
    return tuple(riders.values())
