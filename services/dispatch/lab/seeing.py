"""What of a day the engine and the re-planner are shown: what is known by then, not what is true."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.dispatch.engine.world import Order, Rider, Shop, World
from services.dispatch.lab.burdening import Burdens
from services.dispatch.lab.disturbances import ClosedArea, Disturbance, Jam, KnownAt, MerchantLate, is_over
from services.dispatch.lab.figures import weight_of
from services.dispatch.lab.replanning import OrderSeen, RiderSeen, Situation
from services.dispatch.lab.riding import Courier
from services.dispatch.lab.roads import BelievedRoads
from services.dispatch.lab.town import Errand, Town, late_by

_UNSURE_S = 60.0
"""How unsure a ready time is that has passed without the goods being ready."""


@dataclass(slots=True)
class Watch:
    """Looks at the town; `known_at` says from when a disturbance is known."""

    town: Town
    known_at: KnownAt
    told: float = float("-inf")

    def known(self, now: float) -> tuple[Disturbance, ...]:
        """What has been said by now."""
        return tuple(
            each
            for each in self.town.day.disturbances
            if (moment := self.known_at(each)) is not None and moment <= now
        )

    def news(self, now: float) -> tuple[Disturbance, ...]:
        """What has been said since this was asked last."""
        since, self.told = self.told, now
        return tuple(each for each in self.known(now) if (self.known_at(each) or 0.0) > since)

    def roads(self, now: float) -> BelievedRoads:
        told = tuple(each for each in self.known(now) if isinstance(each, Jam | ClosedArea))
        return BelievedRoads(self.town.day.roads, now, told)

    def world(self, now: float, roads: BelievedRoads) -> World:
        """The engine's picture."""
        known = [each for each in self.known(now) if isinstance(each, MerchantLate)]
        return World(
            now=now,
            riders=tuple(self._riders(now, roads)),
            orders=tuple(self._order(errand, now, known) for errand in self.town.waiting.values()),
            shops=tuple(Shop(shop_id=shop_id, spot=spot) for shop_id, spot in self.town.shops.items()),
        )

    def _riders(self, now: float, roads: BelievedRoads) -> Iterator[Rider]:
        """Shifts are known for the day, as a town's roster is."""
        burdens = Burdens(self.town, now)
        for courier in self.town.couriers.values():
            fact = courier.fact
            if fact.off_at < now or courier.written_off:
                continue
            here, free = courier.expected_free(now, roads)
            yield Rider(
                rider_id=fact.rider_id,
                spot=courier.spot,
                free_at=free,
                here_at=here,
                on_at=fact.on_at,
                off_at=fact.off_at,
                shop_id=courier.at if courier.at in self.town.shops else None,
                pace=fact.pace,
                capacity_g=fact.capacity_g,
                capacity_ml=fact.capacity_ml,
                skills=fact.skills,
                burdens=burdens.of(courier),
                in_hand=self._in_hand(courier),
            )

    def _in_hand(self, courier: Courier) -> int:
        """What a rider has at once, carried and offered together; where nobody is asked it does not count."""
        if not self.town.day.behaviour.offers:
            return 0
        return len(courier.carried) + len(courier.accepted) + self.town.asked_of(courier)

    def _order(self, errand: Errand, now: float, late: list[MerchantLate]) -> Order:
        fact, policy = errand.fact, self.town.figures.service(self.town.day.moment(now), errand.pickup)
        ready_at, spread = self.ready(errand, now, late)
        return Order(
            order_id=fact.order_id,
            shop_id=errand.shop_id,
            pickup=errand.pickup,
            dropoff=errand.door,
            placed_at=fact.comes_at,
            most_in_hand=policy.deliveries_per_rider,
            ready_at=ready_at,
            ready_spread_s=spread,
            promised_at=fact.promised_at,
            weight=weight_of(fact.priority, policy),
            load_g=fact.load_g,
            load_ml=fact.load_ml,
            stops=fact.stops,
            skills=fact.skills,
            bound_to=errand.holder or (errand.question.rider_id if errand.question else None),
            tried=errand.tried,
        )

    def ready(self, errand: Errand, now: float, late: list[MerchantLate]) -> tuple[float, float]:
        """The ready time as it is known, and how unsure it is: certain once it has come, or was from the start."""
        if errand.ready_at <= now:
            return errand.ready_at, 0.0
        fact = errand.fact
        said = fact.expected_ready_at + late_by(fact.shop_id, fact.ready_at, late)
        if said <= now:
            return said, max(fact.ready_spread_s, _UNSURE_S)
        return said, fact.ready_spread_s

    def situation(self, now: float, roads: BelievedRoads) -> Situation:
        """The re-planner's picture."""
        known = self.known(now)
        late = [each for each in known if isinstance(each, MerchantLate)]
        standing = tuple(each for each in known if not is_over(each, now))
        return Situation(
            now=now,
            riders={each.rider_id: self._rider_seen(each, now, roads) for each in self.town.couriers.values()},
            orders={
                order_id: self._order_seen(each, now, late, roads)
                for order_id, each in self.town.errands.items()
                if each.fate is None
            },
            shops=self.town.shops,
            news=self.news(now),
            known=standing,
        )

    def _rider_seen(self, courier: Courier, now: float, roads: BelievedRoads) -> RiderSeen:
        overdue = courier.overdue_since(now, roads)
        silent = courier.broken_at is not None and courier.falls_silent
        return RiderSeen(
            rider_id=courier.rider_id,
            spot=courier.spot_at(now),
            heard_at=courier.broken_at if silent and courier.broken_at is not None else now,
            free_at=courier.expected_free(now, roads)[1],
            overdue_s=0.0 if overdue is None else now - overdue,
            carried=tuple(courier.carried),
            accepted=tuple(courier.accepted),
            heads_for=next((leg.place for leg in courier.legs if leg.done_at > now), ""),
            written_off=courier.written_off,
        )

    def _order_seen(self, errand: Errand, now: float, late: list[MerchantLate], roads: BelievedRoads) -> OrderSeen:
        return OrderSeen(
            order_id=errand.fact.order_id,
            shop_id=errand.shop_id,
            dropoff=errand.door,
            placed_at=errand.fact.placed_at,
            ready_at=self.ready(errand, now, late)[0],
            late_after=self.town.day.late_after(errand.fact),
            rider_id=errand.holder,
            picked_up=errand.picked_at is not None,
            expected_at=self._expected_at(errand, now, roads),
        )

    def _expected_at(self, errand: Errand, now: float, roads: BelievedRoads) -> float | None:
        if errand.holder is None or errand.picked_at is None:
            return None
        return self.town.couriers[errand.holder].expected_at(errand.fact.order_id, now, roads)
