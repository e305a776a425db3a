"""Riders and dispatchers over HTTP: one service process and its tail, on real backends."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest

from deploy.local.backends import Backends
from shared.contracts.envelope import Envelope
from shared.contracts.order import WithdrawalRequested
from tests.support.dispatch_town import SHOP, Town, dispatch_town, problem
from tests.support.waiting import wait_until
from tests.unit.dispatch import wire


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with dispatch_town(backends, session_folder / "dispatch-gateway") as town:
        yield town


@pytest.fixture(autouse=True)
def empty_streets(town: Town) -> Iterator[None]:
    yield
    town.empty_streets()


def test_a_delivery_from_the_offer_to_the_door(town: Town) -> None:
    rider = town.rider()
    order_id, delivery_id = town.order()
    rider.is_asked_about(delivery_id)
    offer = rider.work()["offers"][0]
    assert offer["pickup_address"] == "1 Lotus Road"
    assert "Willow" not in str(offer)
    assert rider.report(delivery_id, "accept").json()["stage"] == "assigned"
    carried = rider.work()["deliveries"][0]
    assert (carried["address"], carried["contact_name"]) == ("18 Willow Lane, room 502", "Wang Fang")
    assert carried["dropoff"] == {"lat": wire.HOME.lat, "lon": wire.HOME.lon}
    town.hear(wire.ready(order_id))
    assert rider.work()["deliveries"][0]["goods_ready"]
    assert problem(rider.report(delivery_id, "delivered")) == (409, "delivery.not_picked_up")
    assert rider.report(delivery_id, "arrived-at-pickup").json()["stage"] == "at_pickup"
    proof = {"kind": "code", "reference": "1234"}
    assert rider.report(delivery_id, "picked-up", proof=proof).json()["stage"] == "picked_up"
    assert rider.report(delivery_id, "arrived-at-dropoff").json()["stage"] == "at_dropoff"
    told_at = (town.now() - timedelta(minutes=1)).isoformat()
    assert rider.report(delivery_id, "delivered", occurred_at=told_at).json()["stage"] == "delivered"
    assert rider.work()["deliveries"] == []
    event = town.parts.store.stream(delivery_id)[-1]
    assert (event.type, event.actor) == ("Delivered", f"rider:{rider.id}")
    assert event.occurred_at.isoformat() == told_at
    assert event.recorded_at > event.occurred_at


def test_a_hundred_riders_grab_one_delivery_over_http_and_one_wins(town: Town) -> None:
    decoy = town.rider()
    _, delivery_id = town.order()
    decoy.is_asked_about(delivery_id)
    riders = [town.rider(on_shift=False) for _ in range(100)]
    assert decoy.report(delivery_id, "decline", reason="too_far").status_code == 200
    decoy.leave()
    # Off shift nobody is asked; on shift all at once, the engine may ask one of them, which does not stop a grab.
    with ThreadPoolExecutor(20) as hands:
        list(hands.map(lambda rider: rider.start(), riders))
        answers = list(hands.map(lambda rider: rider.report(delivery_id, "grab"), riders))
    codes = Counter(answer.status_code if answer.is_success else problem(answer) for answer in answers)
    assert codes == {200: 1, (409, "delivery.already_taken"): 99}


def test_the_grab_pool_is_listed_until_somebody_has_it(town: Town) -> None:
    rider = town.rider()
    _, delivery_id = town.order()
    rider.is_asked_about(delivery_id)
    rider.report(delivery_id, "decline")

    def pool() -> list[str]:
        items = town.get("/v1/grab-pool", rider.token).json()["items"]
        return [entry["delivery_id"] for entry in items]

    wait_until(lambda: delivery_id in pool(), 10, "the delivery never came into the pool")
    assert rider.report(delivery_id, "grab").json()["rider_id"] == rider.id
    assert rider.report(delivery_id, "grab").status_code == 200, "claiming it again changes nothing"
    wait_until(lambda: delivery_id not in pool(), 10, "the delivery never left the pool")


def test_a_command_with_a_key_is_done_once(town: Town) -> None:
    rider = town.rider()
    _, delivery_id = town.order()
    rider.is_asked_about(delivery_id)
    path = f"/v1/deliveries/{delivery_id}/accept"
    first, again = rider.post(path, key="device-1"), rider.post(path, key="device-1")
    assert (first.status_code, again.content) == (200, first.content)
    assert problem(rider.post(f"/v1/deliveries/{delivery_id}/decline", key="device-1")) == (
        422,
        "idempotency.key_reused",
    )


def test_a_rider_acts_on_his_own_delivery_and_for_himself_only(town: Town) -> None:
    rider, stranger = town.rider(), town.rider(on_shift=False)
    _, delivery_id = town.order()
    rider.is_asked_about(delivery_id)
    assert problem(stranger.report(delivery_id, "accept")) == (409, "offer.not_open")
    rider.report(delivery_id, "accept")
    assert problem(stranger.report(delivery_id, "picked-up")) == (403, "delivery.not_yours")
    assert problem(stranger.report(delivery_id, "accept")) == (409, "delivery.already_taken")
    assert problem(town.get(f"/v1/deliveries/{delivery_id}", stranger.token)) == (404, "not_found")
    assert problem(town.get(f"/v1/riders/{rider.id}/work", stranger.token)) == (404, "not_found")
    assert problem(stranger.post(f"/v1/riders/{rider.id}/positions", {"positions": []}))[0] in {404, 422}


def test_a_dispatcher_assigns_moves_and_takes_off(town: Town) -> None:
    one, two = town.rider(), town.rider()
    _, delivery_id = town.order()
    path = f"/v1/deliveries/{delivery_id}"
    first = town.post(f"{path}/assign", town.dispatcher, {"rider_id": one.id, "reason": "knows_the_house"})
    assert (first.json()["mode"], first.json()["rider_id"]) == ("manual", one.id)
    moved = town.post(f"{path}/assign", town.dispatcher, {"rider_id": two.id})
    assert (moved.json()["mode"], moved.json()["rider_id"]) == ("transfer", two.id)
    stale = town.client.post(
        f"{path}/unassign",
        json={},
        headers={"Authorization": f"Bearer {town.dispatcher}", "If-Match": first.headers["etag"]},
    )
    assert problem(stale)[0] == 412
    off = town.post(f"{path}/unassign", town.dispatcher, {"reason": "flat_tyre"}).json()
    assert (off["stage"], off["rider_id"]) == ("waiting", None)
    assert problem(town.post(f"{path}/assign", town.dispatcher, {"rider_id": "rid_nobody"})) == (
        404,
        "rider.not_found",
    )
    assert problem(town.post(f"{path}/assign", one.token, {"rider_id": one.id})) == (403, "wrong_role")


def test_what_cannot_be_is_refused_with_its_reason(town: Town) -> None:
    rider = town.rider()
    for path in ("dlv_none", rider.id, "ord_1"):
        assert problem(rider.report(path, "accept")) == (404, "delivery.not_found")
        assert problem(town.get(f"/v1/deliveries/{path}", town.dispatcher)) == (404, "delivery.not_found")
    assert problem(town.get("/v1/riders/rid_nobody", town.dispatcher)) == (404, "rider.not_found")
    assert problem(town.get("/v1/riders/dlv_1", town.dispatcher)) == (404, "rider.not_found")
    _, delivery_id = town.order()
    rider.is_asked_about(delivery_id)
    rider.report(delivery_id, "accept")
    assert problem(rider.report(delivery_id, "failed", reason="bored")) == (422, "invalid_input")
    wrong_goods = rider.report(delivery_id, "failed", reason="customer_refused", goods="with_rider")
    assert problem(wrong_goods) == (409, "delivery.goods_contradiction")
    assert problem(rider.report(delivery_id, "arrived-at-pickup", occurred_at="yesterday")) == (422, "invalid_input")
    assert problem(rider.post(f"/v1/riders/{rider.id}/shift/end")) == (409, "rider.busy")
    ended = (town.now() - timedelta(hours=1)).isoformat()
    assert problem(rider.post(f"/v1/riders/{rider.id}/shift/start", {"place": SHOP, "until": ended})) == (
        409,
        "shift.ends_too_soon",
    )
    assert [event.type for event in town.parts.store.stream(delivery_id)][-1] == "RiderAssigned"


def test_a_pick_up_reported_after_the_withdrawal_opens_a_return(town: Town) -> None:
    rider = town.rider()
    order_id, delivery_id = town.order()
    rider.is_asked_about(delivery_id)
    rider.report(delivery_id, "accept")
    answer_by = town.now() + timedelta(minutes=2)
    town.hear(WithdrawalRequested(order_id=order_id, by="customer", reason="late", answer_by=answer_by))
    assert rider.work()["deliveries"] == []
    late = rider.report(delivery_id, "picked-up")
    assert (late.status_code, late.json()["stage"]) == (200, "returning")
    assert [entry["delivery_id"] for entry in rider.work()["returns"]] == [delivery_id]
    assert rider.report(delivery_id, "returned").json()["stage"] == "returned"
    assert rider.work()["returns"] == []


def test_an_errand_to_three_places_is_reported_place_by_place(town: Town) -> None:
    rider, stranger = town.rider(), town.rider(on_shift=False)
    order_id, delivery_id = town.errand()
    rider.is_asked_about(delivery_id)
    offer = rider.work()["offers"][0]
    assert [each["stop"] for each in offer["further_pickups"]] == [1, 2]
    assert not any(secret in str(offer) for secret in ("Heron", "Bamboo", "lilies", "Zhao Min"))
    rider.report(delivery_id, "accept")
    doors = rider.work()["deliveries"][0]["further_pickups"]
    assert [(each["address"], each["task"]) for each in doors] == [
        ("3 Heron Street", "White lilies"),
        ("21 Bamboo Court", ""),
    ]
    assert doors[1]["place"] == {"lat": wire.FURTHER[1].lat, "lon": wire.FURTHER[1].lon}
    assert (doors[1]["contact_name"], doors[1]["contact_phone"]) == ("Zhao Min", "+8613712345678")
    town.hear(wire.ready(order_id))
    assert problem(rider.report(delivery_id, "picked-up", receipt_cents=900)) == (409, "delivery.stops_not_collected")
    assert rider.report(delivery_id, "arrived-at-pickup").json()["stage"] == "at_pickup"
    assert rider.report(delivery_id, "collected", stop=0, receipt_cents=900).status_code == 200
    assert problem(rider.report(delivery_id, "collected", stop=3)) == (409, "delivery.no_such_stop")
    assert problem(stranger.report(delivery_id, "collected", stop=1)) == (403, "delivery.not_yours")
    off = town.post(f"/v1/deliveries/{delivery_id}/unassign", town.dispatcher)
    assert problem(off) == (409, "delivery.already_picked_up")
    told = rider.report(delivery_id, "collected", stop=2, empty_handed=True).json()["further_pickups"]
    assert [(each["done_at"] is not None, each["empty_handed"]) for each in told] == [(False, False), (True, True)]
    refused = rider.report(delivery_id, "picked-up").json()
    assert refused["stops"] == [1]
    assert rider.report(delivery_id, "collected", stop=1, receipt_cents=1250).json()["stage"] == "at_pickup"
    assert rider.report(delivery_id, "collected", stop=1, receipt_cents=1250).status_code == 200
    assert rider.report(delivery_id, "picked-up").json()["stage"] == "picked_up"
    events = [(event.type, event.data.get("receipt_cents")) for event in town.parts.store.stream(delivery_id)]
    assert events[-4:] == [
        ("StopCollected", 900),
        ("StopCollected", None),
        ("StopCollected", 1250),
        ("PickedUp", 2150),
    ]
    assert "Heron" not in str(town.parts.store.stream(delivery_id))
    rider.report(delivery_id, "delivered")


def test_positions_that_cannot_be_are_left_out_with_a_reason(town: Town) -> None:
    rider = town.rider()
    now = town.now()
    wait_until(lambda: town.get("/v1/riders?limit=200", town.dispatcher).json()["items"], 5)
    reported = [
        {"lat": 95.0, "lon": SHOP["lon"], "at": now.isoformat()},
        {"lat": SHOP["lat"], "lon": SHOP["lon"], "at": (now + timedelta(hours=1)).isoformat()},
        {**SHOP, "at": (now + timedelta(seconds=30)).isoformat()},
        {"lat": 35.0, "lon": SHOP["lon"], "at": (now + timedelta(seconds=60)).isoformat()},
    ]
    answer = rider.post(f"/v1/riders/{rider.id}/positions", {"positions": reported}).json()
    assert answer["accepted"] == 1
    assert [(each["index"], each["code"]) for each in answer["refused"]] == [
        (0, "out_of_range"),
        (1, "from_the_future"),
        (3, "teleport"),
    ]


def test_where_a_rider_is_goes_out_as_telemetry_and_nowhere_else(town: Town) -> None:
    rider = town.rider()
    events = len(town.parts.store.stream(rider.id))
    at = (town.now() + timedelta(seconds=30)).isoformat()
    connection = pika.BlockingConnection(pika.URLParameters(town.platform.settings["dispatch"].amqp_url))
    try:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "dispatch.telemetry", "RiderMoved")
        answer = rider.post(f"/v1/riders/{rider.id}/positions", {"positions": [{**SHOP, "at": at}]})
        assert answer.json() == {"accepted": 1, "refused": [], "skew_seconds": 0.0}
        heard = wait_until(lambda: channel.basic_get(queue, auto_ack=True)[2], 10, "nobody heard of the rider")
    finally:
        connection.close()
    envelope = Envelope.from_bytes(heard)
    assert (envelope.type, envelope.partitionkey, envelope.data["position"]) == ("RiderMoved", rider.id, SHOP)
    assert len(town.parts.store.stream(rider.id)) == events


@contextmanager
def watching(
    town: Town, path: str, token: str, last_event_id: str | None = None
) -> Iterator[Iterator[dict[str, Any]]]:
    headers = {"Authorization": f"Bearer {token}"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    with town.client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        yield _events(answer)


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    fields: dict[str, Any] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line and name in {"id", "event", "data"}:
            fields[name] = value
        elif not line and "data" in fields:
            yield {**fields, "data": json.loads(fields["data"])}
            fields = {}


def test_a_riders_device_hears_his_work_as_it_changes_and_comes_back_without_a_gap(town: Town) -> None:
    rider = town.rider()
    path = f"/v1/riders/{rider.id}/live"
    with watching(town, path, rider.token) as events:
        first = next(events)
        assert (first["event"], first["data"]["on_shift"], first["data"]["offers"]) == ("work", True, [])
        order_id, delivery_id = town.order()
        asked = next(event for event in events if event["data"]["offers"])
        assert asked["data"]["offers"][0]["delivery_id"] == delivery_id
        rider.report(delivery_id, "accept")
        carrying = next(event for event in events if event["data"]["deliveries"])
        assert carrying["data"]["deliveries"][0]["contact_phone"] == "+8613812345678"
        assert int(carrying["id"]) >= int(asked["id"]) >= int(first["id"])
    town.hear(wire.ready(order_id))
    with watching(town, path, rider.token, carrying["id"]) as events:
        assert next(events)["data"]["deliveries"][0]["goods_ready"]
        town.hear(wire.cancelled(order_id))
        ended = next(event for event in events if not event["data"]["deliveries"])
        assert ended["data"]["on_shift"]


def test_a_dispatchers_screen_says_who_waits_and_why(town: Town) -> None:
    rider = town.rider()
    with watching(town, "/v1/dispatch/live", town.dispatcher) as events:
        next(events)
        _, delivery_id = town.order(skills=("cold_box",))

        def explained(board: dict[str, Any]) -> bool:
            return any(
                entry["delivery_id"] == delivery_id and entry["why"] == {rider.id: "lacks_skills"}
                for entry in board["waiting"]
            )

        board = next(event["data"] for event in events if explained(event["data"]))
    assert rider.id in [entry["rider_id"] for entry in board["riders"]]
    assert board["urgent"] == []


def test_when_a_delivery_is_expected_is_read_by_itself_and_in_the_list(town: Town) -> None:
    rider = town.rider()
    order_id, delivery_id = town.order()

    def shown() -> Any:
        return town.get(f"/v1/deliveries/{delivery_id}", town.dispatcher).json()["eta"]

    eta = wait_until(shown, 20, "nobody said when")
    assert eta["pickup"]["p50"] < eta["pickup"]["p90"] < eta["dropoff"]["p90"]
    assert (eta["stage"], eta["delay_foreseen"]) == ("waiting", False)

    def listed() -> Any:
        page = town.get("/v1/deliveries?stage=waiting", town.dispatcher).json()
        return [entry["eta"] for entry in page["items"] if entry["delivery_id"] == delivery_id]

    wait_until(lambda: listed() == [shown()], 10, "the list never said when")
    rider.is_asked_about(delivery_id)
    assert rider.report(delivery_id, "accept").json()["eta"] is None
    town.hear(wire.ready(order_id))
    for node in ("arrived-at-pickup", "picked-up"):
        assert rider.report(delivery_id, node).status_code == 200
    assert shown()["pickup"] is None
    for node in ("arrived-at-dropoff", "delivered"):
        assert rider.report(delivery_id, node).status_code == 200
    assert shown() is None


def test_lists_page_through_everything_once(town: Town) -> None:
    deliveries = {town.order()[1] for _ in range(5)}

    def listed() -> set[str]:
        seen: list[str] = []
        path = "/v1/deliveries?stage=waiting&limit=2"
        page = town.get(path, town.dispatcher).json()
        while True:
            seen += [entry["delivery_id"] for entry in page["items"]]
            if page["next"] is None:
                assert len(seen) == len(set(seen))
                return set(seen)
            page = town.get(f"{path}&cursor={page['next']}", town.dispatcher).json()

    wait_until(lambda: deliveries <= listed(), 10, "the list never told of all")
