"""What is before a rider, stop by stop: how far each delivery in his hands is from its counter and its door."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.eta.remaining import APPROACH_SECONDS, COUNTER_SECONDS, DOOR_SECONDS, Standing
from services.dispatch.domain.travel.ways import FAIR, Span, Way
from services.dispatch.domain.values import Stage, Stop, StopKind
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """A delivery as forecasts see it. `pickups`: where something is still to be fetched, in the order of the way;
    `via`: what its carrier is sent by on his way to its next place."""

    stage: Stage
    ready_at: datetime | None
    goods_ready: bool
    pickups: tuple[Place, ...]
    door: Place
    via: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A rider's way from `origin` (None: nobody knows where he is) through his `stops`. `stands`: he is at the first
    of them already; else `left_share` of the way to it, less `ridden_seconds`, is still before him."""

    vehicle: str
    stops: tuple[Stop, ...]
    in_hand: Mapping[str, InHand]
    origin: Place | None
    stands: bool = False
    left_share: float = 1.0
    ridden_seconds: float = 0.0
    weather: str = FAIR


@dataclass(frozen=True, slots=True)
class Leg:
    """The way to one place of one stop; `way` None: he is there, or nobody knows how far it is. `ends`: it is the
    last place of its stop. `again`: the place where he has just picked something up. He stops nowhere he `passes`."""

    stop: Stop
    way: Way | None
    ends: bool
    again: bool
    passes: bool


def legs(round_: Round, now: datetime) -> list[Leg]:
    """The ways of a round, in their order."""
    found: list[Leg] = []
    here, counter = round_.origin, False
    for stop, place, ends, passes in _places(round_):
        pickup = stop.kind is StopKind.PICKUP and not passes
        again = pickup and counter and place == here
        way = None if again or here is None or (not found and round_.stands) else _way(here, place, round_, now)
        found.append(Leg(stop, way, ends, again, passes))
        here, counter = place, pickup
    return found


def standings(round_: Round, its_legs: Sequence[Leg], spans: Sequence[Span], now: datetime) -> dict[str, Standing]:
    """Each delivery as it stands. `spans` are those of the legs that have a way, in their order."""
    riding = iter(spans)
    clock = arrived = 0.0
    approach: dict[str, float] = {}
    off: dict[str, float] = {}
    carry: dict[str, float] = {}
    for number, leg in enumerate(its_legs):
        delivery_id = leg.stop.delivery_id
        if not leg.again:
            clock += _seconds(round_, leg, riding, first=number == 0)
            arrived = clock
        if leg.passes:
            continue
        if leg.stop.kind is StopKind.DROPOFF:
            carry[delivery_id] = arrived - off.get(delivery_id, 0.0)
            clock = arrived + DOOR_SECONDS
        elif leg.ends:
            approach[delivery_id] = arrived
            off[delivery_id] = max(arrived, cooking(round_.in_hand[delivery_id], now)) + COUNTER_SECONDS
            clock = max(clock, off[delivery_id])
        else:
            clock = arrived + COUNTER_SECONDS
    return {
        delivery_id: Standing(
            stage=hand.stage,
            ready_at=hand.ready_at,
            goods_ready=hand.goods_ready,
            approach_seconds=approach.get(delivery_id, 0.0),
            carry_seconds=carry.get(delivery_id, 0.0),
        )
        for delivery_id, hand in round_.in_hand.items()
    }


def cooking(hand: InHand, now: datetime) -> float:
    """Seconds until the goods should be ready; 0 when they are."""
    if hand.ready_at is None or hand.goods_ready:
        return 0.0
    return max(0.0, (hand.ready_at - now).total_seconds())


def _seconds(round_: Round, leg: Leg, riding: Iterator[Span], *, first: bool) -> float:
    if leg.way is None:
        whole = APPROACH_SECONDS if first and round_.origin is None and not round_.stands else 0.0
    else:
        whole = next(riding).p50_seconds
    return max(0.0, whole * round_.left_share - round_.ridden_seconds) if first else whole


def _places(round_: Round) -> Iterator[tuple[Stop, Place, bool, bool]]:
    """The places of each stop, whether it ends there, and whether the rider only passes."""
    sent: set[str] = set()
    for number, stop in enumerate(round_.stops):
        hand = round_.in_hand[stop.delivery_id]
        if stop.delivery_id not in sent and not (number == 0 and round_.stands):
            yield from ((stop, place, False, True) for place in hand.via)
        sent.add(stop.delivery_id)
        places = hand.pickups if stop.kind is StopKind.PICKUP else (hand.door,)
        yield from ((stop, place, at == len(places), False) for at, place in enumerate(places, start=1))


def _way(origin: Place, destination: Place, round_: Round, now: datetime) -> Way:
    return Way(origin=origin, destination=destination, vehicle=round_.vehicle, departs_at=now, weather=round_.weather)
