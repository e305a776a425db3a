"""What the pages of customers and merchants are told as it happens, and after they were away."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.backends import Backends
from shared.contracts import dispatch
from shared.contracts.common import Proof
from shared.kernel.ids import new_id
from tests.support.order_town import RIDER, SHOP, Town, about, listening, open_town


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with open_town(backends, session_folder / "platform-order-live") as made:
        yield made


def test_a_tracking_page_sees_each_change_and_misses_none_while_away(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    path = f"/v1/orders/{order_id}/live"
    with listening(town, path, "customer", customer) as page:
        version, kind, shown = page.next()
        assert (kind, shown["state"], shown["can_cancel"]) == ("tracking", "pending_acceptance", True)
        assert shown["late"] is False
        town.kitchen(order_id, "accept", preparation_minutes=10)
        accepted_version, _, shown = page.next()
        assert (shown["state"], int(accepted_version) > int(version)) == ("accepted", True)
        town.kitchen(order_id, "start-preparation")
        last_id, _, shown = page.next()
        assert [step["name"] for step in shown["steps"]][-1] == "preparing"
    town.kitchen(order_id, "ready")
    with listening(town, path, "customer", customer, last_id) as page:
        newer, _, shown = page.next()
        assert (shown["state"], int(newer) > int(last_id)) == ("ready", True)
    with listening(town, path, "customer", customer, newer) as page:
        town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
        _, _, shown = page.next()
        assert (shown["state"], shown["rider_id"], shown["can_cancel"]) == ("delivering", RIDER, False)
    assert "Willow" not in json.dumps(shown)


def test_a_tracking_page_is_told_when_to_expect_the_order_and_when_that_moves(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    with listening(town, f"/v1/orders/{order_id}/live", "customer", customer) as page:
        town.kitchen(order_id, "accept", preparation_minutes=10)
        shown = page.until(lambda shown: shown["state"] == "accepted")
        assert shown["expected"] is None
        promised_at = datetime.fromisoformat(shown["promised_at"])
        for minutes in (10, 25):
            town.say(dispatch.EtaChanged(**expected(order_id, promised_at + timedelta(minutes=minutes))), order_id)
            p50 = promised_at + timedelta(minutes=minutes)
            assert told(page.until(_at(p50))) == (p50, p50 + timedelta(minutes=15), False)
        late = expected(order_id, promised_at) | {"promised_at": promised_at, "probability": 0.9}
        del late["cause"]
        town.say(dispatch.DelayPredicted(**late), order_id)
        assert page.until(lambda shown: told(shown)[-1])["expected"]["p50"]
        town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
        town.say(dispatch.Delivered(**about(order_id), proof=Proof()), order_id)
        assert page.until(lambda shown: shown["state"] == "delivered")["expected"] is None
    timeline = town.ok("GET", f"/v1/orders/{order_id}/timeline", "customer", customer)
    assert [entry["type"] for entry in timeline["entries"]].count("EtaChanged") == 2


def expected(order_id: str, p50: datetime) -> dict[str, Any]:
    delivery = {"order_id": order_id, "delivery_id": order_id.replace("ord_", "dlv_")}
    return delivery | {"p50": p50, "p90": p50 + timedelta(minutes=15), "cause": "waiting"}


def _at(p50: datetime) -> Callable[[Any], bool]:
    return lambda shown: told(shown)[0] == p50


def told(shown: dict[str, Any]) -> tuple[Any, ...]:
    """What a page says of when to expect the order."""
    times = shown["expected"]
    if times is None:
        return (None, None, False)
    return (*(datetime.fromisoformat(times[name]) for name in ("p50", "p90")), times["delay_foreseen"])


def test_a_merchant_sees_its_open_orders_and_then_each_change(town: Town) -> None:
    customer = new_id("cus")
    shop = town.ok("POST", "/v1/merchants", "operations", json=SHOP)["merchant_id"]
    path = f"/v1/merchants/{shop}/live"
    first = town.place(customer, merchant_id=shop)
    with listening(town, path, "merchant", shop) as page:
        seen: dict[str, Any] = {}
        _, kind, told = page.next()
        assert (kind, told["merchant_id"], told["pause"]) == ("shop", shop, None)
        last_id, kind, orders = page.next()
        assert kind == "orders"
        seen |= {order["order_id"]: order for order in orders}
        second = town.place(customer, merchant_id=shop)
        while not {first, second} <= {key for key, order in seen.items() if order["answer_by"]}:
            last_id, kind, order = page.next()
            # The shop's own beginning may reach the log after the page was opened.
            assert kind in ("order", "shop")
            if kind == "order":
                seen[order["order_id"]] = order
        assert seen[first]["payment"]["state"] == "authorized"
        assert seen[first]["recipient"] is None
    town.ok("POST", f"/v1/orders/{first}/reject", "merchant", shop, json={"reason": "sold_out"})
    with listening(town, path, "merchant", shop, last_id) as page:
        assert page.next()[1] == "shop"
        position, kind, order = page.next()
        assert (kind, order["order_id"], order["state"]) == ("order", first, "rejected")
        assert int(position) > int(last_id)
    with listening(town, path, "merchant", shop) as page:
        assert page.next()[1] == "shop"
        _, _, orders = page.next()
        wanted = [order["order_id"] for order in orders if order["state"] == "pending_acceptance"]
        assert wanted == [second]


def test_the_tracking_page_and_the_documentation_are_served(town: Town) -> None:
    page = httpx.get(f"{town.url}/track/ord_1")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert httpx.get(f"{town.url}/web/track.js").status_code == 200
    assert httpx.get(f"{town.url}/docs").status_code == 200
    paths = httpx.get(f"{town.url}/openapi.json").json()["paths"]
    verbs = ("accept", "reject", "extend-preparation", "start-preparation", "ready", "cancel", "confirm", "review")
    for verb in verbs:
        assert f"/v1/orders/{{order_id}}/{verb}" in paths
