"""The routes of money on a real process: each sees its own, and what others tell of money has its effect once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.order.payments.configuration import sandbox_secret
from services.order.payments.signing import signature_of
from shared.contracts import dispatch, support
from shared.contracts.common import AssignmentMode, Proof
from shared.kernel.ids import new_id, sibling_id
from tests.support.order_town import RIDER, SHOP, Town, about
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with Platform(session_folder / "platform-money", backends=backends, services=("order",)) as platform:
        made = Town(platform, "", {})
        made.merchant_id = made.ok("POST", "/v1/merchants", "operations", json=SHOP)["merchant_id"]
        yield made


def ledger(town: Town, order_id: str) -> Any:
    return town.ok("GET", f"/v1/orders/{order_id}/ledger", "support")


def balances(town: Town, order_id: str) -> dict[str, int]:
    found = {each["account"]: each["cents"] for each in ledger(town, order_id)["balances"]}
    assert sum(found.values()) == 0
    return found


def captured(town: Town, customer: str) -> str:
    order_id = town.accepted(customer)
    wait_until(lambda: ledger(town, order_id)["state"] == "captured", 20, "never captured")
    return order_id


def delivered(town: Town, customer: str) -> str:
    order_id = captured(town, customer)
    town.kitchen(order_id, "ready")
    town.say(dispatch.RiderAssigned(**about(order_id), mode=AssignmentMode.ENGINE, policy_version="1"), order_id)
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    town.say(dispatch.Delivered(**about(order_id), proof=Proof()), order_id)
    town.reaches(order_id, customer, "delivered")
    return order_id


def test_the_book_of_an_order_tells_to_whom_each_cent_belongs(town: Town) -> None:
    order_id = captured(town, new_id("cus"))
    view = ledger(town, order_id)
    assert [entry["entry"] for entry in view["entries"]] == ["capture"]
    assert view["captured_cents"] == view["refundable_cents"] == 5900
    found = balances(town, order_id)
    assert found == {
        "provider_clearing": 5900,
        f"merchant_payable:{town.merchant_id}": -5600,
        "delivery_fees": -300,
    }


def test_only_staff_read_books_and_each_only_its_own_balance(town: Town) -> None:
    customer = new_id("cus")
    order_id = captured(town, customer)
    assert town.ask("GET", f"/v1/orders/{order_id}/ledger", "customer", customer).status_code == 403
    assert town.ask("GET", f"/v1/orders/{new_id('ord')}/ledger", "support").status_code == 404
    mine = f"/v1/merchants/{town.merchant_id}/balance"
    assert town.ask("GET", mine, "merchant", "mer_other").status_code == 404
    assert town.ask("GET", mine, "customer", customer).status_code == 403

    def earned() -> int:
        return sum(each["cents"] for each in town.ok("GET", mine, "merchant", town.merchant_id)["balances"])

    wait_until(lambda: earned() >= 5600, 20, "the balance never came")
    assert town.ask("GET", f"/v1/riders/{RIDER}/tips", "rider", "rid_other").status_code == 404


def test_a_refund_in_part_is_given_once_and_never_beyond_what_was_taken(town: Town) -> None:
    order_id = captured(town, new_id("cus"))
    path = f"/v1/orders/{order_id}/refunds"
    wish = {"amount_cents": 900, "reason": "cold", "refund_id": "rfd_1"}
    for _ in range(2):
        town.ok("POST", path, "support", json=wish)
    wait_until(lambda: ledger(town, order_id)["refunded_cents"] == 900, 20, "never refunded")
    assert ledger(town, order_id)["state"] == "partly_refunded"
    too_much = town.ask("POST", path, "support", json={"amount_cents": 5001, "reason": "cold"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "payment.refund_exceeds_captured")
    assert too_much.json()["refundable_cents"] == 5000
    assert town.ask("POST", path, "customer", new_id("cus"), json=wish).status_code == 403


def test_a_customer_tips_the_rider_who_delivered_and_nobody_before(town: Town) -> None:
    customer = new_id("cus")
    early = captured(town, customer)
    refused = town.ask("POST", f"/v1/orders/{early}/tips", "customer", customer, json={"amount_cents": 500})
    assert (refused.status_code, refused.json()["code"]) == (409, "payment.no_tip_possible")
    order_id = delivered(town, customer)
    path = f"/v1/orders/{order_id}/tips"
    stranger = town.ask("POST", path, "customer", new_id("cus"), json={"amount_cents": 500})
    assert stranger.status_code == 404
    told = town.ok("POST", path, "customer", customer, json={"amount_cents": 500, "tip_id": "tip_1"})
    assert (told["rider_id"], told["amount_cents"], told["taken"]) == (RIDER, 500, False)
    account = f"rider_tips_payable:{RIDER}"
    wait_until(lambda: balances(town, order_id).get(account) == -500, 20, "the tip never reached the rider")

    def tips() -> list[Any]:
        return list(town.ok("GET", f"/v1/riders/{RIDER}/tips", "rider", RIDER)["balances"])

    wait_until(lambda: tips() == [{"currency": "CNY", "cents": 500}], 20, "the rider never saw it")


def test_compensation_that_support_grants_is_paid_once(town: Town) -> None:
    order_id = captured(town, new_id("cus"))
    granted = support.CompensationGranted(
        case_id="cas_1", order_id=order_id, amount_cents=400, currency="CNY", reason="late", by="agt_1"
    )
    town.say(granted, order_id)
    wait_until(lambda: ledger(town, order_id)["refunded_cents"] == 400, 20, "never paid")
    assert balances(town, order_id)["compensation"] == 400


def webhook(town: Town, order_id: str, name: str, event_id: str) -> bytes:
    errand = f"{sibling_id('pay', order_id)}:{name}"
    data = {"errand": errand, "declined": None, "reference": "sbx_told"}
    return json.dumps({"id": event_id, "type": f"{name}.approved", "data": data}).encode()


def post(town: Town, body: bytes, signature: str | None) -> httpx.Response:
    headers = {"Content-Type": "application/json"} | ({"Doorstep-Signature": signature} if signature else {})
    return httpx.post(f"{town.url}/v1/payments/webhooks", content=body, headers=headers, timeout=20)


def test_a_signed_webhook_answers_an_errand_once_and_others_are_refused_with_their_code(town: Town) -> None:
    settings = town.platform.settings["order"]
    order_id = town.place(new_id("cus"), payment={"method": "sandbox_by_webhook"})
    wait_until(lambda: ledger(town, order_id)["waiting"], 20, "nothing was asked")
    body, now = webhook(town, order_id, "authorize", new_id("sbe")), settings.clock.now()
    refused = {
        "webhook.unsigned": None,
        "webhook.signature_wrong": signature_of(body, "a guess", now),
        "webhook.too_old": signature_of(body, sandbox_secret(settings), now - timedelta(minutes=6)),
    }
    for code, signature in refused.items():
        answer = post(town, body, signature)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
    signature = signature_of(body, sandbox_secret(settings), now)
    assert [post(town, body, signature).json()["new"] for _ in range(2)] == [True, False]
    assert ledger(town, order_id)["state"] == "authorized"


def test_the_sandbox_sends_its_own_webhooks(town: Town) -> None:
    order_id = town.place(new_id("cus"), payment={"method": "sandbox_by_webhook"})
    wait_until(lambda: ledger(town, order_id)["state"] == "authorized", 30, "no webhook ever came")


def test_operators_reconcile_a_day_by_route_and_by_command(town: Town) -> None:
    captured(town, new_id("cus"))
    today = datetime.now(UTC).date().isoformat()

    def report() -> Any:
        [made] = town.ok("POST", "/v1/payments/reconciliations", "operations", json={"day": today})["items"]
        return made

    wait_until(lambda: report()["movements"] > 0 and not report()["differences"], 30, "the books never agreed")
    listed = town.ok("GET", "/v1/payments/reconciliations", "operator")
    assert today in [each["day"] for each in listed["items"]]
    command = [sys.executable, "-m", "deploy.cli", "payments", "reconcile", "--day", today]
    run_dir = str(town.platform.mail_dir.parent)
    done = subprocess.run([*command, "--run-dir", run_dir], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "the books agree"), done.stderr


def test_what_waits_for_the_provider_is_listed_and_asked_again(town: Town) -> None:
    order_id = town.place(new_id("cus"), payment={"method": "sandbox_unavailable_once"})

    def waits() -> list[Any]:
        found = town.ok("GET", "/v1/payments/waiting?limit=100", "operator")["items"]
        return [each for each in found if each["order_id"] == order_id]

    [waiting] = wait_until(waits, 20, "it never waited")
    assert (waiting["errand"], waiting["why"], waiting["stuck"]) == ("authorize", "unavailable", False)
    town.ok("POST", f"/v1/orders/{order_id}/payment/retry", "operator")
    wait_until(lambda: ledger(town, order_id)["state"] == "authorized", 20, "never asked again")
