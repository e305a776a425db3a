"""Carries out what a re-planner wants, as far as the world still allows it."""

from typing import assert_never

from services.dispatch.lab.replanning import Action, Divert, Release, Reorder, TakeOver, WriteOff
from services.dispatch.lab.riding import Courier
from services.dispatch.lab.town import Town


def carry_out(action: Action, town: Town, now: float) -> bool:
    """Whether something was done."""
    match action:
        case Release():
            return _release(action, town, now)
        case WriteOff():
            courier = town.couriers.get(action.rider_id)
            return courier is not None and write_off(town, courier, now)
        case TakeOver():
            return _take_over(action, town, now)
        case Reorder():
            return _reorder(action, town, now)
        case Divert():
            return _divert(action, town, now)
        case _:
            assert_never(action)


def _release(action: Release, town: Town, now: float) -> bool:
    errand = town.waiting.get(action.order_id)
    if errand is None or (errand.holder is None and errand.question is None):
        return False
    town.unhand(errand, now)
    errand.replanned += 1
    return True


def write_off(town: Town, courier: Courier, now: float) -> bool:
    """Nothing more for this rider; what he has not fetched waits again."""
    done = not courier.written_off
    courier.written_off = True
    for order_id in list(courier.accepted):
        town.unhand(town.errands[order_id], now)
    for errand in town.waiting.values():
        if errand.question is not None and errand.question.rider_id == courier.rider_id:
            town.unhand(errand, now)
    return done


def _take_over(action: TakeOver, town: Town, now: float) -> bool:
    """The goods wait where their rider stands, as at a shop of its own."""
    errand = town.errands.get(action.order_id)
    if errand is None or errand.fate is not None or errand.picked_at is None or errand.holder is None:
        return False
    courier = town.couriers[errand.holder]
    if courier.broken_at is None:
        return False
    place = f"handover:{courier.rider_id}:{courier.broken_at:.0f}"
    town.shops[place] = errand.pickup = courier.spot_at(now)
    courier.carried.remove(action.order_id)
    errand.shop_id, errand.ready_at, errand.picked_at, errand.holder = place, now, None, None
    errand.told_door, errand.waits_since = errand.door, now
    errand.replanned += 1
    town.waiting[action.order_id] = errand
    return True


def _reorder(action: Reorder, town: Town, now: float) -> bool:
    courier = town.couriers.get(action.rider_id)
    if courier is None or courier.broken_at is not None or set(action.order_ids) != set(courier.carried):
        return False
    if any(leg.arrives <= now < leg.leaves for leg in courier.legs):
        return False
    courier.carried = list(action.order_ids)
    for order_id in action.order_ids:
        errand = town.errands[order_id]
        errand.told_door = errand.door
        errand.replanned += 1
    town.ride_anew(courier, now)
    return True


def _divert(action: Divert, town: Town, now: float) -> bool:
    courier = town.couriers.get(action.rider_id)
    if courier is None or courier.carried or courier.broken_at is not None or courier.free_at <= now:
        return False
    for order_id in list(courier.accepted):
        town.unhand(town.errands[order_id], now)
    courier.turn(now)
    return True
