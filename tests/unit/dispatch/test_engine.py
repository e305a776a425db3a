"""The nearest free rider with the skills: who is asked, in which order, and why nobody is."""

from datetime import timedelta
from typing import Any

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Priority
from services.dispatch.engine.nearest import decide
from services.dispatch.engine.picture import (
    DeliverySeen,
    NobodyFits,
    OfferTo,
    Picture,
    RiderSeen,
    Standing,
    WhyNot,
)
from shared.kernel.place import Place
from tests.unit.dispatch.scenes import NOW, SHOP, at

POLICY = DispatchPolicy()


def rider(name: str, north_m: float = 0, **changes: Any) -> RiderSeen:
    known: dict[str, Any] = {
        "rider_id": name,
        "place": Place(SHOP.lat + north_m / 111_195, SHOP.lon),
        "standing": Standing.FREE,
        "capacity_g": 20_000,
        "capacity_ml": 60_000,
        "shift_until": at(240),
    }
    return RiderSeen(**{**known, **changes})


def waiting(name: str = "dlv_1", **changes: Any) -> DeliverySeen:
    return DeliverySeen(**{"delivery_id": name, "pickup": SHOP, "requested_at": NOW, "ready_at": at(10), **changes})


def decided(riders: list[RiderSeen], deliveries: list[DeliverySeen], policy: DispatchPolicy = POLICY) -> Any:
    decisions = decide(Picture(now=NOW, riders=tuple(riders), deliveries=tuple(deliveries)), policy)
    return decisions if len(decisions) != 1 else decisions[0]


def why(riders: list[RiderSeen], delivery: DeliverySeen) -> dict[str, WhyNot]:
    decision = decided(riders, [delivery])
    assert isinstance(decision, NobodyFits)
    return dict(decision.why)


def test_the_nearest_free_rider_is_asked_and_told_why() -> None:
    offer = decided([rider("rid_far", 900), rider("rid_near", 300)], [waiting()])
    assert isinstance(offer, OfferTo)
    assert (offer.rider_id, offer.again) == ("rid_near", False)
    assert offer.reasons == ("nearest_free_rider", "distance_m=300")


def test_a_rider_without_the_skill_is_passed_over_however_near() -> None:
    skilled = rider("rid_far", 900, skills=frozenset({"cold_box"}))
    offer = decided([rider("rid_near"), skilled], [waiting(skills=frozenset({"cold_box"}))])
    assert (offer.rider_id, offer.reasons[-1]) == ("rid_far", "skills=cold_box")


def test_each_rider_is_asked_once_a_turn_and_the_longest_waiting_comes_first() -> None:
    later, sooner = waiting("dlv_2", requested_at=at(-1)), waiting("dlv_1", requested_at=at(-5))
    first, second = decided([rider("rid_1"), rider("rid_2", 500)], [later, sooner])
    assert (first.delivery_id, first.rider_id) == ("dlv_1", "rid_1")
    assert (second.delivery_id, second.rider_id) == ("dlv_2", "rid_2")


def test_medicine_comes_before_food_that_waits_longer() -> None:
    food = waiting("dlv_food", requested_at=at(-9))
    medicine = waiting("dlv_medicine", priority=Priority.MEDICAL)
    first, second = decided([rider("rid_1")], [food, medicine])
    assert (first.delivery_id, first.rider_id) == ("dlv_medicine", "rid_1")
    assert second == NobodyFits(delivery_id="dlv_food", why={"rid_1": WhyNot.ASKED})


def test_nobody_is_asked_twice_while_somebody_else_is_left() -> None:
    asked_long_ago = {"rid_near": at(-30)}
    offer = decided([rider("rid_near"), rider("rid_far", 900)], [waiting(tried=asked_long_ago)])
    assert offer.rider_id == "rid_far"


def test_a_rider_is_asked_again_when_nobody_else_is_left_and_after_a_while() -> None:
    assert why([rider("rid_1")], waiting(tried={"rid_1": at(-1)})) == {"rid_1": WhyNot.ASKED_BEFORE}
    offer = decided([rider("rid_1")], [waiting(tried={"rid_1": at(-1.5)})])
    assert (offer.rider_id, offer.again, offer.reasons[-1]) == ("rid_1", True, "asked_again")


def test_a_rider_whose_shift_ends_before_the_pick_up_is_not_asked() -> None:
    assert why([rider("rid_1", shift_until=at(9))], waiting()) == {"rid_1": WhyNot.SHIFT_ENDS}
    offer = decided([rider("rid_1", shift_until=at(10))], [waiting()])
    assert offer.rider_id == "rid_1"
    far = rider("rid_1", 10_000, shift_until=NOW + timedelta(seconds=1_000))
    assert why([far], waiting(ready_at=NOW)) == {"rid_1": WhyNot.SHIFT_ENDS}


def test_it_says_of_every_rider_why_he_is_not_asked() -> None:
    riders = [
        rider("rid_asked", standing=Standing.ASKED),
        rider("rid_carrying", standing=Standing.CARRYING),
        rider("rid_silent", standing=Standing.SILENT),
        rider("rid_unskilled"),
        rider("rid_small", skills=frozenset({"cold_box"}), capacity_g=10),
        rider("rid_off", skills=frozenset({"cold_box"})),
    ]
    delivery = waiting(skills=frozenset({"cold_box"}), weight_g=500, barred=frozenset({"rid_off"}))
    assert why(riders, delivery) == {
        "rid_asked": WhyNot.ASKED,
        "rid_carrying": WhyNot.CARRYING,
        "rid_silent": WhyNot.SILENT,
        "rid_unskilled": WhyNot.LACKS_SKILLS,
        "rid_small": WhyNot.LACKS_CAPACITY,
        "rid_off": WhyNot.TAKEN_OFF,
    }


def test_without_riders_there_is_nobody_to_explain() -> None:
    assert decided([], [waiting()]) == NobodyFits(delivery_id="dlv_1", why={})


def test_a_turn_looks_at_a_bounded_number_of_deliveries() -> None:
    deliveries = [waiting(f"dlv_{number}") for number in range(10)]
    assert len(decided([], deliveries, DispatchPolicy(deliveries_per_tick=3))) == 3


def test_the_same_picture_is_decided_the_same_way() -> None:
    riders = [rider(f"rid_{number}", number * 10) for number in range(20)]
    deliveries = [waiting(f"dlv_{number}") for number in range(10)]
    backwards = decided(riders[::-1], deliveries[::-1])
    assert decided(riders, deliveries) == backwards
    assert len({offer.rider_id for offer in backwards}) == 10
