"""The order service as one real process with its tail: whole lives over HTTP and over the broker."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.backends import Backends
from shared.contracts import dispatch, support
from shared.contracts.common import AssignmentMode, FailureReason, Goods, Proof
from shared.kernel.ids import new_id
from tests.support.order_town import RIDER, Town, about, open_town
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with open_town(backends, session_folder / "platform-order") as made:
        yield made


def test_an_order_lives_from_placing_to_review(town: Town) -> None:
    customer = new_id("cus")
    placed = town.ok("POST", "/v1/orders", "customer", customer, json=town.wish())
    order_id = placed["order_id"]
    assert placed["state"] == "pending_acceptance"
    assert placed["totals"] == {
        "goods_cents": 5600,
        "packing_cents": 0,
        "service_cents": 0,
        "delivery_fee_cents": 300,
        "time_surcharge_cents": 0,
        "weather_surcharge_cents": 0,
        "discount_cents": 0,
        "tip_cents": 0,
        "total_cents": 5900,
        "currency": "CNY",
    }
    assert placed["recipient"]["phone"] == "+8613812345678"
    wait_until(lambda: town.order(order_id, customer)["answer_by"], 20, "the merchant was never asked")
    town.kitchen(order_id, "accept", preparation_minutes=10)
    town.kitchen(order_id, "start-preparation")
    town.kitchen(order_id, "ready")
    town.say(dispatch.RiderAssigned(**about(order_id), mode=AssignmentMode.ENGINE, policy_version="1"), order_id)
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    town.reaches(order_id, customer, "delivering")
    town.say(dispatch.Delivered(**about(order_id), proof=Proof()), order_id)
    town.reaches(order_id, customer, "delivered")
    town.ok("POST", f"/v1/orders/{order_id}/confirm", "customer", customer)
    scores = {"merchant": 5, "rider": 4, "platform": 5, "comment": "hot!"}
    done = town.ok("POST", f"/v1/orders/{order_id}/review", "customer", customer, json=scores)
    assert done["state"] == "completed"
    assert done["payment"] == {
        "state": "captured",
        "captured_cents": 5900,
        "refunded_cents": 0,
        "due_cents": 0,
    }
    steps = [step["name"] for step in done["steps"]]
    assert steps == [
        "placed",
        "awaiting_merchant",
        "accepted",
        "preparing",
        "ready",
        "rider_assigned",
        "picked_up",
        "delivered",
        "confirmed",
        "completed",
        "reviewed",
    ]
    timeline = town.ok("GET", f"/v1/orders/{order_id}/timeline", "support")
    own = [entry for entry in timeline["entries"] if entry["source"] == "order"]
    assert [entry["version"] for entry in own] == list(range(1, len(own) + 1))
    told = {entry["source"]: entry for entry in timeline["entries"]}
    assert set(told) == {"order", "payment", "dispatch"}
    assert {entry["caused_by"] for entry in own if entry["type"] == "OrderDelivered"} == {told["dispatch"]["id"]}
    assert timeline["entries"][0]["actor"] == f"customer:{customer}"
    for secret in ("Chen", "1381234", "Willow", "ring", "hot!"):
        assert secret not in json.dumps(timeline)


def test_cancelling_with_a_rider_waits_for_dispatch_and_the_money_comes_back(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.accepted(customer)
    town.say(dispatch.RiderAssigned(**about(order_id), mode=AssignmentMode.GRAB, policy_version="1"), order_id)
    wait_until(lambda: town.order(order_id, customer)["rider_id"] == RIDER, 20, "no rider")
    asked = town.ok("POST", f"/v1/orders/{order_id}/cancel", "customer", customer, json={"reason": "changed_mind"})
    assert asked["state"] == "cancelling"
    about_delivery = {name: value for name, value in about(order_id).items() if name != "rider_id"}
    town.say(dispatch.DeliveryWithdrawn(**about_delivery, reason="changed_mind"), order_id)
    town.reaches(order_id, customer, "cancelled")
    wait_until(lambda: town.order(order_id, customer)["payment"]["state"] == "refunded", 20, "never refunded")
    over = town.order(order_id, customer)
    assert (over["ended_by"], over["ending_reason"]) == ("customer", "changed_mind")


def test_support_tries_a_failed_delivery_again_and_then_refunds_it(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.accepted(customer)
    town.kitchen(order_id, "ready")
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    failed = dispatch.DeliveryFailed(
        **about(order_id), reason=FailureReason.CUSTOMER_UNREACHABLE, goods=Goods.WITH_RIDER
    )
    town.say(failed, order_id)
    town.reaches(order_id, customer, "delivery_exception")
    case = {"order_id": order_id, "case_id": "cas_1"}
    town.say(support.RedispatchRequested(**case, reason="again", by="agt_1"), order_id)
    town.reaches(order_id, customer, "ready")
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    town.say(failed, order_id)
    town.reaches(order_id, customer, "delivery_exception")
    town.say(support.CancellationRequested(**case, reason="cannot_be_delivered", by="agt_1"), order_id)
    town.reaches(order_id, customer, "cancelled")
    wait_until(lambda: town.order(order_id, customer)["payment"]["state"] == "refunded", 20, "never refunded")


def test_impossible_transitions_are_clear_conflicts(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    path = f"/v1/orders/{order_id}"

    def refused(verb: str, role: str, identifier: str, body: dict[str, Any]) -> str:
        answer = town.ask("POST", f"{path}/{verb}", role, identifier, json=body)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["code"])

    scores = {"merchant": 5, "rider": 5, "platform": 5}
    assert refused("confirm", "customer", customer, {}) == "order.cannot_confirm_when_pending_acceptance"
    assert refused("review", "customer", customer, scores) == "order.cannot_review_when_pending_acceptance"
    assert refused("ready", "merchant", town.merchant_id, {}) == "order.cannot_ready_when_pending_acceptance"
    town.kitchen(order_id, "reject", reason="sold_out")
    late = refused("accept", "merchant", town.merchant_id, {"preparation_minutes": 1})
    assert late == "order.cannot_accept_when_rejected"
    assert refused("cancel", "customer", customer, {}) == "order.cannot_cancel_when_rejected"
    wait_until(lambda: town.order(order_id, customer)["payment"]["state"] == "released", 20, "never released")


def test_the_same_key_places_one_order(town: Town) -> None:
    customer, key = new_id("cus"), {"Idempotency-Key": str(uuid.uuid4())}
    first = town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(), headers=key)
    again = town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    other = town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(note="other"), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


def test_a_stale_version_is_refused_before_anything_happens(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    path = f"/v1/orders/{order_id}/accept"
    seen = town.ask("GET", f"/v1/orders/{order_id}", "merchant", town.merchant_id).headers["ETag"]
    body = {"preparation_minutes": 10}
    old = town.ask("POST", path, "merchant", town.merchant_id, json=body, headers={"If-Match": '"1"'})
    assert old.status_code == 412
    fresh = town.ask("POST", path, "merchant", town.merchant_id, json=body, headers={"If-Match": seen})
    assert fresh.status_code == 200


def test_nothing_was_parked_and_every_process_is_still_the_first(town: Town) -> None:
    import psycopg

    with psycopg.connect(town.platform.settings["order"].postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM parked").fetchone() == (0,)
    assert town.platform.restarts("order") == 0
