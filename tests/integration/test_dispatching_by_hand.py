"""What riders and dispatchers decide about a rider's work, over HTTP: one service process on real backends."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.backends import Backends
from shared.contracts.cells import cell_of, centre_of
from shared.kernel.place import distance_m
from tests.support.dispatch_town import Town, dispatch_town, problem
from tests.unit.dispatch import wire

SHOP_CELL = cell_of(wire.SHOP)
FAR_ZONE = "8730e1d8cffffff"


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with dispatch_town(backends, session_folder / "dispatching-by-hand") as town:
        yield town


@pytest.fixture(autouse=True)
def empty_streets(town: Town) -> Iterator[None]:
    yield
    town.empty_streets()


def in_minutes(town: Town, minutes: float) -> str:
    return (town.now() + timedelta(minutes=minutes)).isoformat()


def assigned(town: Town, delivery_id: str, rider_id: str, reason: str = "") -> Any:
    body = {"rider_id": rider_id, "reason": reason}
    return town.post(f"/v1/deliveries/{delivery_id}/assign", town.dispatcher, body)


def test_a_rider_takes_a_break_and_a_dispatcher_ends_it(town: Town) -> None:
    rider = town.rider()
    path = f"/v1/riders/{rider.id}/break"
    until = in_minutes(town, 20)
    begun = rider.post(f"{path}/start", {"until": until})
    assert (begun.status_code, begun.json()["break_until"]) == (200, until.replace("+00:00", "Z"))
    assert rider.work()["break_until"] == begun.json()["break_until"]
    _, delivery_id = town.order()
    assert problem(assigned(town, delivery_id, rider.id)) == (409, "rider.on_break")
    ended = town.post(f"{path}/end", town.dispatcher)
    assert (ended.status_code, ended.json()["break_until"]) == (200, None)
    assert assigned(town, delivery_id, rider.id).status_code == 200


def test_nobody_has_a_break_in_the_past_off_shift_or_for_somebody_else(town: Town) -> None:
    rider, other = town.rider(), town.rider(on_shift=False)
    path = f"/v1/riders/{rider.id}/break/start"
    assert problem(rider.post(path, {"until": in_minutes(town, -1)})) == (409, "break.ends_too_soon")
    assert problem(rider.post(path, {"until": "soon"})) == (422, "invalid_input")
    assert problem(other.post(path, {"until": in_minutes(town, 9)})) == (404, "not_found")
    off_shift = other.post(f"/v1/riders/{other.id}/break/start", {"until": in_minutes(town, 9)})
    assert problem(off_shift) == (409, "rider.off_shift")


def test_a_dispatcher_binds_a_rider_to_zones_and_overrules_them_with_a_reason(town: Town) -> None:
    rider = town.rider()
    path = f"/v1/riders/{rider.id}/zones"
    bound = town.post(path, town.dispatcher, {"zones": [FAR_ZONE], "reason": "knows_the_north"})
    assert (bound.status_code, bound.json()["zones"]) == (200, [FAR_ZONE])
    _, delivery_id = town.order()
    assert problem(assigned(town, delivery_id, rider.id)) == (409, "rider.outside_zones")
    assert assigned(town, delivery_id, rider.id, "nobody_else").json()["rider_id"] == rider.id
    assert problem(rider.post(path, {"zones": []})) == (403, "wrong_role")
    stale = town.client.post(
        path,
        json={"zones": [SHOP_CELL]},
        headers={"Authorization": f"Bearer {town.dispatcher}", "If-Match": '"1"'},
    )
    assert problem(stale) == (412, "precondition_failed")


@pytest.mark.parametrize("zone", ["somewhere", "8030e1d8affffff", "8f30e1d8a278a1b", ""])
def test_a_zone_is_a_cell_that_can_hold_a_pick_up(town: Town, zone: str) -> None:
    rider = town.rider()
    answer = town.post(f"/v1/riders/{rider.id}/zones", town.dispatcher, {"zones": [zone]})
    assert problem(answer) == (422, "invalid_input")
    assert "zones" in answer.text


def test_what_a_rider_earned_in_his_shift_is_told_to_him(town: Town) -> None:
    rider = town.rider()
    order_id, delivery_id = town.order()
    assert assigned(town, delivery_id, rider.id).status_code == 200
    town.hear(wire.ready(order_id))
    rider.report(delivery_id, "picked-up")
    assert rider.report(delivery_id, "delivered").status_code == 200
    work = rider.work()
    way_m = distance_m(wire.SHOP, centre_of(cell_of(wire.HOME)))
    assert work["earned_cents"] == 400 + round(way_m / 10), (
        "by the defaults: for the delivery, and for each kilometre"
    )
    assert work["rest_by"] > work["server_time"]


def test_a_dispatcher_keeps_a_delivery_for_one_rider_and_nobody_else_has_it(town: Town) -> None:
    one, two = town.rider(), town.rider()
    _, delivery_id = town.order()
    path = f"/v1/deliveries/{delivery_id}"
    kept = town.post(f"{path}/pin", town.dispatcher, {"rider_id": two.id, "reason": "regular_customer"})
    assert (kept.status_code, kept.json()["pinned_to"]) == (200, two.id)
    [pinned] = [event for event in town.parts.store.stream(delivery_id) if event.type == "DeliveryPinned"]
    assert (pinned.actor.partition(":")[0], pinned.data["reason"]) == ("dispatcher", "regular_customer")
    assert problem(one.report(delivery_id, "grab")) == (409, "delivery.pinned_to_another")
    assert problem(town.post(f"{path}/pin", one.token, {"rider_id": one.id})) == (403, "wrong_role")
    assert problem(town.post(f"{path}/pin", town.dispatcher, {"rider_id": "rid_nobody"})) == (404, "rider.not_found")
    assert problem(town.post(f"{path}/pin", town.dispatcher, {"rider_id": "somebody"})) == (422, "invalid_input")
    free = town.post(f"{path}/unpin", town.dispatcher, {"reason": "changed_mind"})
    assert (free.status_code, free.json()["pinned_to"]) == (200, None)


def test_a_dispatcher_sets_the_order_of_stops_and_is_told_every_fault(town: Town) -> None:
    rider = town.rider()
    (_, first), (_, second) = town.order(), town.order()
    for delivery_id in (first, second):
        assert assigned(town, delivery_id, rider.id).status_code == 200
    told = [(stop["delivery_id"], stop["kind"]) for stop in rider.work()["stops"]]
    assert told == [(first, "pickup"), (second, "pickup"), (first, "dropoff"), (second, "dropoff")]
    path = f"/v1/riders/{rider.id}/stops"
    wrong = [{"delivery_id": first, "kind": "dropoff"}, {"delivery_id": "dlv_x", "kind": "pickup"}]
    refused = town.post(path, town.dispatcher, {"stops": wrong})
    assert problem(refused) == (422, "invalid_input")
    for word in ("stops.0.kind", "dropoff_before_pickup", "stops.1.delivery_id", "not_in_hand"):
        assert word in refused.text
    order = [{"delivery_id": second, "kind": "pickup"}, {"delivery_id": second, "kind": "dropoff"}]
    done = town.post(path, town.dispatcher, {"stops": order, "reason": "cold_food_first"})
    assert (done.status_code, done.json()["stops_ordered"]) == (200, order)
    told = [(stop["delivery_id"], stop["kind"]) for stop in rider.work()["stops"]]
    assert told == [(second, "pickup"), (second, "dropoff"), (first, "pickup"), (first, "dropoff")]
    assert problem(rider.post(path, {"stops": []})) == (403, "wrong_role")


def test_a_dispatcher_sends_a_carrier_another_way_and_lets_him_ride_as_he_likes_again(town: Town) -> None:
    rider = town.rider()
    _, delivery_id = town.order()
    path = f"/v1/deliveries/{delivery_id}/way"
    via = [{"lat": 31.235, "lon": 121.47}, {"lat": 31.235, "lon": 121.48}]
    assert problem(town.post(path, town.dispatcher, {"via": via})) == (409, "delivery.not_assigned")
    assert assigned(town, delivery_id, rider.id).status_code == 200
    sent = town.post(path, town.dispatcher, {"via": via, "reason": "road_works"})
    assert (sent.status_code, sent.json()["via"]) == (200, via)
    assert rider.work()["deliveries"][0]["via"] == via
    assert problem(town.post(path, town.dispatcher, {"via": [{"lat": 99, "lon": 0}]})) == (422, "invalid_input")
    assert town.post(path, town.dispatcher, {"via": []}).json()["via"] == []
    assert rider.work()["deliveries"][0]["via"] == []
