"""The platform's own re-planning in the lab: its pure functions, fed with what is seen of a day."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.dispatch.domain.wellbeing import gone_silent, to_be_asked
from services.dispatch.engine.replanning import (
    Carrier,
    Cause,
    Job,
    Picture,
    replan,
    replan_policy,
)
from services.dispatch.engine.world import Spot
from services.dispatch.lab.day import Day, OrderOfDay, RiderOfDay
from services.dispatch.lab.disturbances import AddressChanged, Breakdown, ClosedArea, Jam
from services.dispatch.lab.figures import Figures
from services.dispatch.lab.replanning import Action, OrderSeen, Release, RiderSeen, Situation, TakeOver, WriteOff
from services.dispatch.lab.roads import BelievedRoads

_LATE_S = 60.0


@dataclass(slots=True)
class PlatformReplanner:
    """Remembers what the platform keeps in its streams: when a rider was asked, and what was planned anew when."""

    day: Day
    figures: Figures
    causes: Counter[Cause] = field(default_factory=Counter)
    touched: dict[str, Cause] = field(default_factory=dict)
    """By order, why it was planned anew last."""
    _asked: dict[str, datetime] = field(default_factory=dict)
    _replanned: dict[str, float] = field(default_factory=dict)
    _orders: dict[str, OrderOfDay] = field(init=False)
    _riders: dict[str, RiderOfDay] = field(init=False)

    def __post_init__(self) -> None:
        self._orders = {order.order_id: order for order in self.day.orders}
        self._riders = {rider.rider_id: rider for rider in self.day.riders}

    def replan(self, situation: Situation) -> Sequence[Action]:
        """First who has fallen silent, then what else must be planned anew."""
        now = situation.now
        policy = self.figures.service(self.day.moment(now))
        silent = [rider for rider in situation.riders.values() if self._silent(rider, now)]
        for rider in silent:
            for order_id in rider.accepted:
                self._note(order_id, Cause.RIDER_SILENT, now)
        known = tuple(each for each in situation.known if isinstance(each, Jam | ClosedArea))
        hindered, usual = (BelievedRoads(self.day.roads, now, told).seconds for told in (known, ()))
        picture = self._picture(situation, {rider.rider_id for rider in silent})
        taken = replan(picture, replan_policy(policy), hindered, usual)
        for each in taken:
            self._note(each.order_id, each.cause, now)
        written_off = [WriteOff(rider_id=rider.rider_id) for rider in silent]
        return [*written_off, *self._handed_over(situation), *(Release(order_id=each.order_id) for each in taken)]

    def _handed_over(self, situation: Situation) -> Iterator[Action]:
        """Who has said that he cannot go on waits with his goods for whoever comes; what he has not fetched waits."""
        for each in situation.known:
            if not isinstance(each, Breakdown) or each.rider_id not in situation.riders:
                continue
            rider = situation.riders[each.rider_id]
            for order_id in rider.carried:
                self._note(order_id, Cause.RIDER_DOWN, situation.now)
                yield TakeOver(order_id=order_id)
            for order_id in rider.accepted:
                self._note(order_id, Cause.RIDER_DOWN, situation.now)
                yield Release(order_id=order_id)

    def _note(self, order_id: str, cause: Cause, now: float) -> None:
        self.causes[cause] += 1
        self.touched[order_id] = cause
        self._replanned[order_id] = now

    def _silent(self, rider: RiderSeen, now: float) -> bool:
        if rider.written_off or not (rider.carried or rider.accepted):
            return False
        moment, heard_at = self.day.moment(now), self.day.moment(rider.heard_at)
        policy, asked_at = self.figures.service(moment), self._asked.get(rider.rider_id)
        if to_be_asked(heard_at, asked_at, moment, policy):
            self._asked[rider.rider_id] = moment
        return gone_silent(heard_at, asked_at, moment, policy)

    def _picture(self, situation: Situation, silent: set[str]) -> Picture:
        carriers = {
            rider.rider_id: self._carrier(rider, situation)
            for rider in situation.riders.values()
            if not rider.written_off and rider.rider_id not in silent
        }
        moved = {each.order_id for each in situation.known if isinstance(each, AddressChanged)}
        jobs = {
            each.order_id: self._job(each, situation, moved)
            for each in situation.orders.values()
            if not each.picked_up
        }
        return Picture(now=situation.now, carriers=carriers, jobs=jobs)

    def _carrier(self, rider: RiderSeen, situation: Situation) -> Carrier:
        fact, now = self._riders[rider.rider_id], situation.now
        spot, free_at = self._after_what_he_carries(rider, situation)
        return Carrier(
            rider_id=rider.rider_id,
            spot=spot,
            free_at=max(free_at, fact.on_at),
            off_at=fact.off_at,
            bound=rider.accepted,
            pace=fact.pace,
            open_to_more=fact.on_at <= now <= fact.off_at,
            fetched=len(rider.carried),
            capacity_g=fact.capacity_g,
            capacity_ml=fact.capacity_ml,
            skills=fact.skills,
        )

    def _after_what_he_carries(self, rider: RiderSeen, situation: Situation) -> tuple[Spot, float]:
        if rider.carried:
            return situation.orders[rider.carried[-1]].dropoff, rider.free_at
        if not rider.accepted and rider.heads_for in situation.shops:
            return situation.shops[rider.heads_for], rider.free_at
        return rider.spot, situation.now

    def _job(self, order: OrderSeen, situation: Situation, moved: set[str]) -> Job:
        fact = self._orders[order.order_id]
        changed = Cause.ADDRESS_CHANGED if order.order_id in moved else None
        if order.ready_at > fact.expected_ready_at + _LATE_S:
            changed = Cause.MERCHANT_LATE
        return Job(
            order_id=order.order_id,
            shop_id=order.shop_id,
            pickup=situation.shops[order.shop_id],
            dropoff=order.dropoff,
            ready_at=order.ready_at,
            promised_at=order.late_after,
            replanned_at=self._replanned.get(order.order_id),
            changed=changed,
            load_g=fact.load_g,
            load_ml=fact.load_ml,
            skills=fact.skills,
            most_in_hand=self.figures.service(self.day.moment(situation.now)).orders_per_bundle,
        )
