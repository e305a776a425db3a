"""Which accepted deliveries are to be taken off their riders, and why: as few as possible, and none without need.

Pure, and the same for the platform and the lab. A delivery that is not picked up yet is taken off its rider when he
is down, or when it is thought to miss its promise by more than one figure of the policy while somebody else would
bring it sooner by more than another, without breaking a promise of his own. A rider who would wait long for late
goods is freed when that brings something else sooner. What a person has decided stays (unless that rider is down),
and nothing is taken off twice within a span. Seconds and metres, as everywhere in the engine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import hypot

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.world import Spot

Seconds = Callable[[Spot, Spot], float]
"""How long a way takes at a usual pace."""

NEAREST = 24
"""Riders looked at for one delivery: those who could be at its shop first."""
MOST_LOOKED_AT = 60
"""Late deliveries looked at in one turn, the latest first."""
FELT_SECONDS = 60.0
"""What disruptions must add to a route to be called the cause of its lateness."""
NEVER = float("inf")


class Cause(StrEnum):
    """Why a delivery was planned anew; recorded with it, and told to dispatchers."""

    DISRUPTION = "disruption"
    RIDER_DOWN = "rider_down"
    RIDER_SILENT = "rider_silent"
    MERCHANT_LATE = "merchant_late"
    ADDRESS_CHANGED = "address_changed"
    BEHIND = "behind"

    @property
    def is_about_the_rider(self) -> bool:
        """He cannot go on: everything that he has not fetched is somebody else's."""
        return self in (Cause.RIDER_DOWN, Cause.RIDER_SILENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A delivery that nobody has picked up. `fixed`: a person decided who carries it; `replanned_at`: when it was
    last taken off somebody; `changed`: what happened to it since it was accepted, if anything did."""

    order_id: str
    shop_id: str
    pickup: Spot
    dropoff: Spot
    ready_at: float
    promised_at: float
    fixed: bool = False
    replanned_at: float | None = None
    changed: Cause | None = None
    load_g: int = 0
    load_ml: int = 0
    skills: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    most_in_hand: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A rider on shift. `spot` and `free_at` are the end of what he has in hand; `bound` what he has accepted
    besides, in the order in which he does it. `down`: he cannot go on, or is silent. `open_to_more`: he may be asked
    now. He has fetched `fetched` deliveries; a job is for nobody who has its `most_in_hand` with them already."""

    rider_id: str
    spot: Spot
    free_at: float
    off_at: float
    bound: tuple[str, ...] = ()
    pace: float = 1.0
    down: Cause | None = None
    open_to_more: bool = True
    fetched: int = 0
    capacity_g: int = 1_000_000_000
    capacity_ml: int = 1_000_000_000
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One moment: who carries, and everything that is not picked up, accepted by somebody or not."""

    now: float
    carriers: Mapping[str, Carrier]
    jobs: Mapping[str, Job]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplanPolicy:
    """Seconds: the lateness worth acting on, what somebody else must save, how long one re-plan must stand, the wait
    at a counter from which a rider is better used elsewhere, and what asking somebody takes."""

    late: float = 180
    gain: float = 240
    span: float = 900
    wait: float = 600
    asking: float = 60
    half_pickup: float = 90
    half_dropoff: float = 90


def replan_policy(policy: DispatchPolicy) -> ReplanPolicy:
    """The figures that operators set."""
    return ReplanPolicy(
        late=policy.replan_late_seconds,
        gain=policy.replan_gain_seconds,
        span=policy.replan_span_seconds,
        wait=policy.replan_wait_seconds,
        asking=policy.offer_seconds,
        half_pickup=policy.handover_seconds / 2,
        half_dropoff=policy.handover_seconds / 2,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOff:
    """Take this delivery off this rider, and look for another one. `late_s` is by how much it would have missed its
    promise, `saves_s` how much sooner `better` (None: whoever is found) would bring it."""

    order_id: str
    rider_id: str
    cause: Cause
    late_s: float = 0.0
    saves_s: float = 0.0
    better: str | None = None


def replan(picture: Picture, policy: ReplanPolicy, now_takes: Seconds, usually_takes: Seconds) -> list[TakeOff]:
    """What is to be taken off whom: the riders who are down first, then the latest. `now_takes` knows of disruptions,
    `usually_takes` does not; the second only names causes."""
    turn = _Turn(picture, policy, now_takes, usually_takes)
    return [*turn.of_those_down(), *turn.of_the_late(), *turn.of_those_who_wait()]


@dataclass(slots=True)
class _Turn:
    """One look: what has been decided so far changes what is possible for the rest."""

    picture: Picture
    policy: ReplanPolicy
    now_takes: Seconds
    usually_takes: Seconds
    bound: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        jobs = self.picture.jobs
        self.bound = {
            rider_id: [order_id for order_id in carrier.bound if order_id in jobs]
            for rider_id, carrier in self.picture.carriers.items()
        }

    def of_those_down(self) -> Iterator[TakeOff]:
        for rider_id, carrier in self.picture.carriers.items():
            if carrier.down is not None:
                taken, self.bound[rider_id] = self.bound[rider_id], []
                for order_id in taken:
                    yield TakeOff(order_id=order_id, rider_id=rider_id, cause=carrier.down)

    def of_the_late(self) -> Iterator[TakeOff]:
        for _, order_id, rider_id in self._late():
            # What was taken off the same rider before may have brought this one back in time.
            if order_id not in self.bound[rider_id]:
                continue
            doors = self.doors(rider_id, self.bound[rider_id])
            job = self.picture.jobs[order_id]
            late = doors[order_id] - job.promised_at
            if late <= self.policy.late:
                continue
            door, better, place = self._best_other(job, rider_id)
            saves = doors[order_id] - door
            if better is None or saves < self.policy.gain:
                continue
            cause = self._cause(job, rider_id, doors[order_id])
            self.bound[rider_id].remove(order_id)
            self.bound[better].insert(place, order_id)
            yield TakeOff(
                order_id=order_id, rider_id=rider_id, cause=cause, late_s=late, saves_s=saves, better=better
            )

    def of_those_who_wait(self) -> Iterator[TakeOff]:
        """Riders who would stand at a counter while something else needs them."""
        bound = {order_id for orders in self.bound.values() for order_id in orders}
        unserved = [job for order_id, job in self.picture.jobs.items() if order_id not in bound]
        for rider_id in list(self.bound):
            waiting = self._waits_for(rider_id)
            if waiting is None or not unserved:
                continue
            gain, instead = max(((self._gain(job, rider_id), job.order_id) for job in unserved), default=(0.0, ""))
            if gain < self.policy.gain or not self._still_kept(waiting, rider_id, instead):
                continue
            unserved = [job for job in unserved if job.order_id != instead]
            self.bound[rider_id] = [instead]
            yield TakeOff(
                order_id=waiting.order_id, rider_id=rider_id, cause=Cause.MERCHANT_LATE, saves_s=min(gain, 86_400.0)
            )

    def doors(self, rider_id: str, orders: Sequence[str], usual: bool = False) -> dict[str, float]:
        """When each of these would be at its door, one shop after the other; NEVER after his shift has ended."""
        carrier, policy = self.picture.carriers[rider_id], self.policy
        takes = self.usually_takes if usual else self.now_takes
        spot, moment = carrier.spot, max(self.picture.now, carrier.free_at)
        doors: dict[str, float] = {}
        for bundle in self._bundles(orders):
            moment += takes(spot, bundle[0].pickup) * carrier.pace + policy.half_pickup
            moment = max(moment, *(job.ready_at for job in bundle))
            if moment > carrier.off_at:
                moment = NEVER
            moment, spot = moment + policy.half_pickup, bundle[0].pickup
            for job in bundle:
                moment += takes(spot, job.dropoff) * carrier.pace + policy.half_dropoff
                doors[job.order_id] = moment
                moment, spot = moment + policy.half_dropoff, job.dropoff
        return doors

    def _bundles(self, orders: Sequence[str]) -> list[list[Job]]:
        bundles: list[list[Job]] = []
        for order_id in orders:
            job = self.picture.jobs[order_id]
            if bundles and (bundles[-1][0].shop_id, bundles[-1][0].pickup) == (job.shop_id, job.pickup):
                bundles[-1].append(job)
            else:
                bundles.append([job])
        return bundles

    def _late(self) -> list[tuple[float, str, str]]:
        found = []
        for rider_id, orders in self.bound.items():
            doors = self.doors(rider_id, orders) if orders else {}
            for order_id, door in doors.items():
                job = self.picture.jobs[order_id]
                if door - job.promised_at > self.policy.late and self._may_go(job):
                    found.append((job.promised_at - door, order_id, rider_id))
        return sorted(found)[:MOST_LOOKED_AT]

    def _may_go(self, job: Job) -> bool:
        rested = job.replanned_at is None or self.picture.now - job.replanned_at >= self.policy.span
        return rested and not job.fixed

    def _cause(self, job: Job, rider_id: str, door: float) -> Cause:
        usual = self.doors(rider_id, self.bound[rider_id], usual=True)[job.order_id]
        if door - usual >= FELT_SECONDS:
            return Cause.DISRUPTION
        return job.changed or Cause.BEHIND

    def _best_other(self, job: Job, but: str) -> tuple[float, str | None, int]:
        """The soonest door with anybody else, who, and at which place of his list; NEVER and None: nobody could."""
        best: tuple[float, str | None, int] = (NEVER, None, 0)
        for rider_id in self._near(job, but):
            door, place = self._with(job, rider_id)
            if door < best[0]:
                best = door, rider_id, place
        return best

    def _with(self, job: Job, rider_id: str) -> tuple[float, int]:
        """The soonest door with him that breaks none of his own promises."""
        own = self.bound[rider_id]
        before = self.doors(rider_id, own)
        best = NEVER, 0
        for place in range(len(own) + 1):
            doors = self.doors(rider_id, [*own[:place], job.order_id, *own[place:]])
            kept = all(
                doors[other] <= max(door, self.picture.jobs[other].promised_at) for other, door in before.items()
            )
            if kept and doors[job.order_id] + self.policy.asking < best[0]:
                best = doors[job.order_id] + self.policy.asking, place
        return best

    def _near(self, job: Job, but: str) -> list[str]:
        """Who could be asked, the straight line to the shop and his time until then counted."""
        found = []
        for rider_id, carrier in self.picture.carriers.items():
            if rider_id == but or not self._fits(job, carrier):
                continue
            metres = hypot(carrier.spot[0] - job.pickup[0], carrier.spot[1] - job.pickup[1])
            found.append((max(self.picture.now, carrier.free_at) + metres / 5.0, rider_id))
        return [rider_id for _, rider_id in sorted(found)[:NEAREST]]

    def _fits(self, job: Job, carrier: Carrier) -> bool:
        if carrier.down is not None or not carrier.open_to_more or carrier.rider_id in job.barred:
            return False
        own = [self.picture.jobs[order_id] for order_id in self.bound[carrier.rider_id]]
        fits = job.load_g + sum(each.load_g for each in own) <= carrier.capacity_g
        fits = fits and job.load_ml + sum(each.load_ml for each in own) <= carrier.capacity_ml
        return fits and carrier.fetched + len(own) < job.most_in_hand and job.skills <= carrier.skills

    def _waits_for(self, rider_id: str) -> Job | None:
        """The one delivery that he would wait long for, with nothing else to do; what he has in hand comes first."""
        orders, carrier = self.bound[rider_id], self.picture.carriers[rider_id]
        if len(orders) != 1 or carrier.down is not None:
            return None
        job = self.picture.jobs[orders[0]]
        there = max(self.picture.now, carrier.free_at) + self.now_takes(carrier.spot, job.pickup) * carrier.pace
        late = job.changed is Cause.MERCHANT_LATE and job.ready_at - there > self.policy.wait
        return job if late and self._may_go(job) else None

    def _gain(self, job: Job, rider_id: str) -> float:
        """How much sooner something that nobody has would be there if he were free for it."""
        carrier = self.picture.carriers[rider_id]
        own, self.bound[rider_id] = self.bound[rider_id], []
        try:
            if not self._fits(job, carrier):
                return 0.0
            mine = self.doors(rider_id, [job.order_id])[job.order_id] + self.policy.asking
        finally:
            self.bound[rider_id] = own
        others, _, _ = self._best_other(job, rider_id)
        return 0.0 if mine == NEVER else others - mine

    def _still_kept(self, job: Job, rider_id: str, instead: str) -> bool:
        """Whether the late goods still come in time, or hardly later than with him waiting for them."""
        own = self.doors(rider_id, [job.order_id])[job.order_id]
        himself = self.doors(rider_id, [instead, job.order_id])[job.order_id]
        others, _, _ = self._best_other(job, rider_id)
        return min(himself, others) <= max(job.promised_at, own + self.policy.late)
