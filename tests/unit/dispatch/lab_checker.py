"""Whether a day was played by the rules, judged from what was written down alone: shares nothing with the player."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from services.dispatch.lab.day import Day
from services.dispatch.lab.played import Kind, Played, Stop

SLACK_S = 1e-6


def violations(day: Day, played: Played) -> list[str]:
    """Everything that is wrong; nothing, when the day was played by the rules. Speeds are checked on days without
    chance and without anything in the way."""
    facts = {order.order_id: order for order in day.orders}
    found = list(_each_once(played))
    for rider in day.riders:
        own = [stop for stop in played.stops if stop.rider_id == rider.rider_id]
        stops = sorted(own, key=lambda stop: (stop.arrived_at, stop.done_at))
        found += _walked(day, stops)
        carried: list[str] = []
        for stop in stops:
            if stop.kind is Kind.PICKUP:
                found += _picked(day, stop, rider.off_at, rider.on_at)
                if not rider.skills.issuperset(frozenset().union(*(facts[each].skills for each in stop.order_ids))):
                    found.append(f"lacks skills: {stop}")
                carried += stop.order_ids
            elif stop.kind is Kind.DROPOFF:
                for order_id in stop.order_ids:
                    if order_id not in carried:
                        found.append(f"drop-off without the goods: {stop}")
                    else:
                        carried.remove(order_id)
    return found


def _each_once(played: Played) -> Iterator[str]:
    """What is told of an order is what the stops say."""
    for order in played.orders.values():
        visits = [stop for stop in played.stops if order.order_id in stop.order_ids]
        drops = [stop for stop in visits if stop.kind is Kind.DROPOFF]
        picks = [stop for stop in visits if stop.kind is Kind.PICKUP]
        if len(drops) > 1 or (len(picks) > 1 and order.replanned == 0):
            yield f"carried more than once: {order.order_id}"
        if [stop.done_at for stop in drops] != ([] if order.delivered_at is None else [order.delivered_at]):
            yield f"told otherwise than done: {order}"
        if drops and drops[0].rider_id != order.rider_id:
            yield f"somebody else brought it: {order}"


def _picked(day: Day, stop: Stop, off_at: float, on_at: float) -> Iterator[str]:
    facts = {order.order_id: order for order in day.orders}
    if not stop.order_ids:
        yield f"picked up nothing: {stop}"
        return
    orders = [facts[order_id] for order_id in stop.order_ids]
    if len({order.shop_id for order in orders}) > 1:
        yield f"bundle of several shops: {stop}"
    if not stop.place.startswith("handover:") and {stop.place} != {order.shop_id for order in orders}:
        yield f"picked up elsewhere: {stop}"
    if stop.done_at < max(max(order.ready_at, order.placed_at) for order in orders) - SLACK_S:
        yield f"picked up before ready: {stop}"
    if stop.done_at < stop.arrived_at + day.pickup_service_s / 2 - SLACK_S:
        yield f"picked up before half the service: {stop}"
    if stop.done_at > off_at or stop.done_at < on_at:
        yield f"picked up off shift: {stop}"


def _walked(day: Day, stops: Sequence[Stop]) -> Iterator[str]:
    """Nobody is at two places, or leaves before a hand-over is over, or rides faster than the roads allow."""
    doors = {order.order_id: order.dropoff for order in day.orders}
    for before, after in pairwise(stops):
        service = {Kind.PICKUP: day.pickup_service_s, Kind.DROPOFF: day.dropoff_service_s}.get(before.kind, 0.0)
        if after.kind is Kind.PICKUP:
            if after.place != before.place or after.done_at < before.done_at:
                yield f"not there: {before}, {after}"
            continue
        if after.left_at < before.done_at + service / 2 - SLACK_S:
            yield f"left too soon: {before}, {after}"
        if before.kind is Kind.WRONG_DOOR or after.kind is Kind.WRONG_DOOR or day.disturbances or day.roads.noise:
            continue
        places = {**day.shops, **doors}
        way = math.dist(places[before.place], places[after.place]) * day.roads.detour / day.roads.metres_per_second
        if after.arrived_at < after.left_at + way * _pace(day, after.rider_id) - SLACK_S:
            yield f"too fast: {before}, {after}"


def _pace(day: Day, rider_id: str) -> float:
    return next(rider.pace for rider in day.riders if rider.rider_id == rider_id)
