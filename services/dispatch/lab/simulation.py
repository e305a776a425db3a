"""Plays a day tick by tick: the engine sees what is known, and what it decides is done (or declined)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.dispatch.engine.engine import Memory, decide
from services.dispatch.engine.world import Decision, GoTo, PickUp
from services.dispatch.lab.correcting import carry_out, write_off
from services.dispatch.lab.day import Day
from services.dispatch.lab.disturbances import Breakdown, KnownAt, as_said
from services.dispatch.lab.figures import Figures
from services.dispatch.lab.played import Fate, OrderPlayed, Played
from services.dispatch.lab.replanning import Replanner
from services.dispatch.lab.riding import Courier
from services.dispatch.lab.roads import BelievedRoads
from services.dispatch.lab.seeing import Watch
from services.dispatch.lab.town import Errand, Town

Tell = Callable[[float], None]
"""Told now and then what share of the day has been played."""

_TELL_EVERY = 64


class RuleBroken(Exception):
    """The engine asked for something that the rules do not allow."""


@dataclass(slots=True)
class _Count:
    decisions: int = 0
    replanned: int = 0
    wall_ms: list[float] = field(default_factory=list)


class Simulation:
    """One day under one policy."""

    def __init__(
        self,
        day: Day,
        figures: Figures,
        *,
        replanner: Replanner | None = None,
        known_to_engine: KnownAt = as_said,
    ) -> None:
        self.day, self.figures, self.replanner = day, figures, replanner
        self.town = Town(day, figures)
        self.watch = Watch(self.town, known_to_engine)
        self.memory = Memory()
        self._count = _Count()

    def play(self, tell: Tell = lambda _share: None) -> Played:
        """From the first order or shift to the end of the last shift, and on until everybody is done."""
        started = time.perf_counter()
        first = min([order.comes_at for order in self.day.orders] + [rider.on_at for rider in self.day.riders])
        last = max([rider.off_at for rider in self.day.riders], default=first)
        now, ticks = first, 0
        while now <= last:
            self._tick(now)
            now += self.figures.engine(self.day.moment(now)).tick
            ticks += 1
            if ticks % _TELL_EVERY == 0:
                tell(min(1.0, (now - first) / max(1.0, last - first)))
        self.town.close()
        tell(1.0)
        return self._played(last - first, time.perf_counter() - started)

    def _tick(self, now: float) -> None:
        town = self.town
        town.advance(now)
        roads = self.watch.roads(now)
        if self.replanner is not None:
            for action in self.replanner.replan(self.watch.situation(now, roads)):
                self._count.replanned += carry_out(action, town, now)
        self._wait_no_longer(now, roads)
        if town.waiting or any(self._seems_free(each, now, roads) for each in town.couriers.values()):
            for decision in self._decisions(now, roads):
                self._obey(decision, now)

    def _seems_free(self, courier: Courier, now: float, roads: BelievedRoads) -> bool:
        fact = courier.fact
        if courier.written_off or not fact.on_at <= now <= fact.off_at:
            return False
        return courier.expected_free(now, roads)[1] <= now

    def _decisions(self, now: float, roads: BelievedRoads) -> list[Decision]:
        world = self.watch.world(now, roads)
        policy = self.figures.engine(self.day.moment(now))
        started = time.perf_counter()
        decisions, self.memory = decide(world, self.memory, policy, roads)
        self._count.wall_ms.append((time.perf_counter() - started) * 1000)
        self._count.decisions += 1
        return decisions

    def _obey(self, decision: Decision, now: float) -> None:
        courier = self.town.couriers[decision.rider_id]
        if self.day.behaviour.offers:
            self._suggest(courier, decision, now)
            return
        if courier.free_at > now or courier.fact.on_at > now:
            # He is late at where he was thought to be by now; the next tick knows.
            if courier.expected_free(now, self.watch.roads(now))[1] > now:
                raise RuleBroken(f"{decision} at {now}: not free")
            return
        match decision:
            case GoTo():
                self.town.send(courier, decision.shop_id, now)
            case PickUp():
                self._pick_up(courier, decision.order_ids, now)

    def _suggest(self, courier: Courier, decision: Decision, now: float) -> None:
        """Asks him for what is meant for him; an idle one is sent nearer to what is expected."""
        if decision.order_ids:
            self.town.ask(courier, decision.order_ids, now)
        elif isinstance(decision, GoTo) and self.town.free(courier, now):
            self.town.send(courier, decision.shop_id, now)

    def _pick_up(self, courier: Courier, order_ids: tuple[str, ...], now: float) -> None:
        errands = [self.town.waiting[order_id] for order_id in order_ids]
        if any(each.ready_at > now or each.shop_id != courier.at for each in errands) or now > courier.fact.off_at:
            raise RuleBroken(f"{order_ids} by {courier} at {now}")
        if now < courier.here_at + self.day.pickup_service_s / 2:
            raise RuleBroken(f"{order_ids} by {courier} at {now}: just arrived")
        if courier.broken_at is None:
            self.town.pick_up(courier, order_ids, now)

    def _wait_no_longer(self, now: float, roads: BelievedRoads) -> None:
        """The platform's own waits: nobody could be found, or a rider's report has been due for too long."""
        for errand in list(self.town.waiting.values()):
            if errand.holder is None and errand.question is None and self._given_up(errand, now):
                self.town.end(errand, Fate.NOBODY)
        for courier in self.town.couriers.values():
            if courier.broken_at is None or (courier.written_off and not courier.carried):
                continue
            if courier.written_off or self._missed(courier, now, roads):
                self._write_off(courier, now)

    def _given_up(self, errand: Errand, now: float) -> bool:
        since = max(errand.waits_since, errand.fact.expected_ready_at)
        policy = self.figures.service(self.day.moment(now), errand.pickup)
        return now > since + policy.undeliverable_seconds

    def _missed(self, courier: Courier, now: float, roads: BelievedRoads) -> bool:
        """He has said that he cannot go on, or his next report is overdue."""
        for each in self.watch.known(now):
            if isinstance(each, Breakdown) and each.rider_id == courier.rider_id and each.at == courier.broken_at:
                return True
        overdue = courier.overdue_since(now, roads)
        grace = self.figures.service(self.day.moment(now)).report_grace_seconds
        return overdue is not None and now > overdue + grace

    def _write_off(self, courier: Courier, now: float) -> None:
        """Without re-planning, what he carries is lost, unless he is on his way again one day."""
        write_off(self.town, courier, now)
        if self.replanner is None and not self._comes_back(courier):
            for order_id in list(courier.carried):
                self.town.end(self.town.errands[order_id], Fate.LOST)

    def _comes_back(self, courier: Courier) -> bool:
        return any(
            isinstance(each, Breakdown) and each.rider_id == courier.rider_id and each.until is not None
            for each in self.day.disturbances
        )

    def _played(self, simulated_s: float, wall_s: float) -> Played:
        return Played(
            day=self.day.name,
            orders={order_id: self._order(errand) for order_id, errand in self.town.errands.items()},
            stops=tuple(self.town.stops),
            decisions=self._count.decisions,
            decision_ms=tuple(self._count.wall_ms),
            simulated_s=simulated_s,
            wall_s=wall_s,
            replanned=self._count.replanned,
        )

    def _order(self, errand: Errand) -> OrderPlayed:
        fact = errand.fact
        assert errand.fate is not None, "the day is over"
        return OrderPlayed(
            order_id=fact.order_id,
            shop_id=fact.shop_id,
            rider_id=errand.holder,
            fate=errand.fate,
            placed_at=fact.placed_at,
            ready_at=errand.ready_at,
            late_after=self.day.late_after(fact),
            picked_at=errand.picked_at,
            delivered_at=errand.delivered_at,
            asked=errand.asked,
            declined=errand.declined,
            replanned=errand.replanned,
            door=errand.door,
        )
