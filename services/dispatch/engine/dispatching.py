"""One turn of live dispatch, pure: the benchmark's engine is shown the platform, and what it wants becomes offers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from services.dispatch.domain.delivery.explanation import Explanation
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.policy import PolicySource
from services.dispatch.domain.values import Stage
from services.dispatch.engine.engine import Memory, Thought, think
from services.dispatch.engine.explaining import explained
from services.dispatch.engine.picture import Picture
from services.dispatch.engine.policy import EnginePolicy, engine_policy
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import LiveTravel, StraightLine
from services.dispatch.engine.world import Decision, GoTo, Order, Rider, Shop, Spot, World
from shared.kernel.place import distance_m

EXPLAINED_AT_ONCE = 50
"""Deliveries for which nobody is found, explained in one turn; the others are looked at again in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTo:
    """Ask this rider. `again`: everybody else who could has been asked. `bundle`: what he is asked about together."""

    delivery_id: str
    rider_id: str
    distance_m: float
    reasons: tuple[str, ...]
    again: bool
    bundle: tuple[str, ...]
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn wants: offers in the order in which they are to be made, what nobody fits, whom the rest is
    planned for, and where idle riders had better wait."""

    world: World
    offers: tuple[OfferTo, ...]
    nobody: Mapping[str, Explanation]
    planned: Mapping[str, str]
    moves: Mapping[str, Spot]
    memory: Memory


def turn(picture: Picture, town: Town, memory: Memory, policies: PolicySource, travel: LiveTravel) -> Turn:
    """The same picture and memory under the same policy give the same turn."""
    return decided(town.world(picture, policies, travel), picture, memory, policies, travel)


def decided(world: World, picture: Picture, memory: Memory, policies: PolicySource, travel: LiveTravel) -> Turn:
    """The same, of a picture that has been turned into a world already."""
    policy = policies.at(None, picture.now)
    thought = think(world, memory, engine_policy(policy), travel)
    open_ = {
        each.delivery_id: each.delivery
        for each in picture.deliveries
        if each.delivery.stage is Stage.WAITING and each.delivery.offer is None
    }
    spots = {shop.shop_id: shop.spot for shop in world.shops}
    offers = tuple(_offers(thought, picture, open_))
    owners = dict(zip((each.order_id for each in world.orders), map(int, thought.owner), strict=True))
    left_over = [delivery_id for delivery_id in open_ if owners[delivery_id] < 0][:EXPLAINED_AT_ONCE]
    return Turn(
        world,
        offers,
        {each: explained(thought, each, len(picture.riders)) for each in left_over},
        {each: thought.frame.riders[owners[each]].rider_id for each in open_ if owners[each] >= 0},
        {each.rider_id: spots[each.shop_id] for each in thought.decisions if _is_move(each)},
        thought.memory,
    )


def _is_move(decision: Decision) -> TypeGuard[GoTo]:
    """An idle rider is to be nearer to orders that will come."""
    return isinstance(decision, GoTo) and not decision.order_ids


def _offers(thought: Thought, picture: Picture, open_: Mapping[str, Delivery]) -> Iterator[OfferTo]:
    """Each rider's next bundle, as far as nobody has been asked about it and he may carry so many there."""
    riders = {each.rider_id: each for each in picture.riders}
    most = {each.order_id: each.most_in_hand for each in thought.frame.orders}
    for decision in thought.decisions:
        seen = riders[decision.rider_id]
        in_hand = len(seen.rider.carrying) + len(seen.rider.offers)
        unasked = [each for each in decision.order_ids if each in open_]
        wanted = [each for number, each in enumerate(unasked, start=in_hand) if number < most[each]]
        for delivery_id in wanted:
            delivery = open_[delivery_id]
            place = seen.place or seen.rider.shift_place
            way_m = 0.0 if place is None else round(distance_m(place, delivery.pickup), 1)
            again = decision.rider_id in delivery.tried
            yield OfferTo(
                delivery_id=delivery_id,
                rider_id=decision.rider_id,
                distance_m=way_m,
                reasons=_reasons(delivery, way_m, len(decision.order_ids), again=again),
                again=again,
                bundle=decision.order_ids,
                explanation=explained(thought, delivery_id, len(picture.riders)),
            )


def _reasons(delivery: Delivery, way_m: float, bundled: int, *, again: bool) -> tuple[str, ...]:
    skills = (f"skills={','.join(sorted(delivery.skills))}",) if delivery.skills else ()
    together = (f"bundle_of={bundled}",) if bundled > 1 else ()
    repeated = ("asked_again",) if again else ()
    pinned = ("pinned",) if delivery.pinned_to is not None else ()
    return ("least_cost", f"distance_m={way_m:.0f}", *skills, *together, *repeated, *pinned)


def warm_up() -> None:
    """Compiles the engine, or loads what was compiled before, on a world that needs every part of it."""
    shops = (Shop(shop_id="a", spot=(0.0, 0.0)), Shop(shop_id="b", spot=(900.0, 0.0)))
    riders = tuple(
        Rider(rider_id=name, spot=(at, 0.0), free_at=0.0, here_at=0.0, off_at=9_000.0)
        for name, at in (("near", 100.0), ("far", 2_000.0), ("idle", 5_000.0))
    )
    orders = tuple(
        Order(order_id=f"{k}", shop_id="a", pickup=(0.0, 0.0), dropoff=(500.0, k), placed_at=0.0, ready_at=60.0)
        for k in range(4)
    )
    world = World(now=60.0, riders=riders, orders=orders, shops=shops)
    thought = think(world, Memory(), EnginePolicy(ticks_between_moves=1), StraightLine(metres_per_second=4.0))
    explained(thought, "0", len(riders))


if __name__ == "__main__":
    warm_up()
