"""The first policy: each waiting delivery goes to the nearest free rider with the skills it needs."""

from datetime import datetime, timedelta

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Priority
from services.dispatch.engine.picture import (
    Decision,
    DeliverySeen,
    NobodyFits,
    OfferTo,
    Picture,
    RiderSeen,
    Standing,
    WhyNot,
)
from shared.kernel.place import distance_m

_URGENCY = {Priority.MEDICAL: 0, Priority.URGENT: 1, Priority.NORMAL: 2}
_STANDING = {
    Standing.ASKED: WhyNot.ASKED,
    Standing.CARRYING: WhyNot.CARRYING,
    Standing.SILENT: WhyNot.SILENT,
}


def decide(picture: Picture, policy: DispatchPolicy) -> list[Decision]:
    """One decision per waiting delivery, the most urgent and longest waiting first; each rider is asked once.

    Costs one distance per waiting delivery and fitting free rider; at most `deliveries_per_tick` are looked at.
    """
    riders = {rider.rider_id: rider for rider in picture.riders}
    asked: set[str] = set()
    decisions: list[Decision] = []
    for delivery in sorted(picture.deliveries, key=_turn)[: policy.deliveries_per_tick]:
        decision = _decide_one(delivery, riders, asked, picture.now, policy)
        if isinstance(decision, OfferTo):
            asked.add(decision.rider_id)
        decisions.append(decision)
    return decisions


def _turn(delivery: DeliverySeen) -> tuple[int, datetime, str]:
    return (_URGENCY[delivery.priority], delivery.requested_at, delivery.delivery_id)


def _decide_one(
    delivery: DeliverySeen,
    riders: dict[str, RiderSeen],
    asked: set[str],
    now: datetime,
    policy: DispatchPolicy,
) -> Decision:
    why: dict[str, WhyNot] = {}
    fresh: list[tuple[float, str]] = []
    seconds: list[tuple[float, str]] = []
    for rider_id, rider in riders.items():
        fault = WhyNot.ASKED if rider_id in asked else _unfit(rider, delivery)
        if fault is None:
            way_m = distance_m(rider.place, delivery.pickup)
            fault = _out_of_time(rider, delivery, way_m, now, policy)
            if fault is None and rider_id not in delivery.tried:
                fresh.append((way_m, rider_id))
                continue
            if fault is None and _may_be_asked_again(delivery.tried[rider_id], now, policy):
                seconds.append((way_m, rider_id))
                continue
        why[rider_id] = fault or WhyNot.ASKED_BEFORE
    if not fresh and not seconds:
        return NobodyFits(delivery_id=delivery.delivery_id, why=why)
    way_m, chosen = min(fresh or seconds)
    return OfferTo(
        delivery_id=delivery.delivery_id,
        rider_id=chosen,
        distance_m=round(way_m, 1),
        reasons=_reasons(delivery, way_m, again=not fresh),
        again=not fresh,
    )


def _unfit(rider: RiderSeen, delivery: DeliverySeen) -> WhyNot | None:
    if rider.standing is not Standing.FREE:
        return _STANDING[rider.standing]
    if rider.rider_id in delivery.barred:
        return WhyNot.TAKEN_OFF
    if not delivery.skills <= rider.skills:
        return WhyNot.LACKS_SKILLS
    if delivery.weight_g > rider.capacity_g or delivery.volume_ml > rider.capacity_ml:
        return WhyNot.LACKS_CAPACITY
    return None


def _out_of_time(
    rider: RiderSeen, delivery: DeliverySeen, way_m: float, now: datetime, policy: DispatchPolicy
) -> WhyNot | None:
    """No pick-up after the shift; a drop-off after it is the rider's way home."""
    pickup_at = max(now + policy.travel(way_m), delivery.ready_at)
    return WhyNot.SHIFT_ENDS if pickup_at > rider.shift_until else None


def _may_be_asked_again(asked_at: datetime, now: datetime, policy: DispatchPolicy) -> bool:
    return now >= asked_at + timedelta(seconds=policy.offer_seconds + policy.reoffer_after_seconds)


def _reasons(delivery: DeliverySeen, way_m: float, again: bool) -> tuple[str, ...]:
    skills = (f"skills={','.join(sorted(delivery.skills))}",) if delivery.skills else ()
    repeated = ("asked_again",) if again else ()
    return ("nearest_free_rider", f"distance_m={way_m:.0f}", *skills, *repeated)
