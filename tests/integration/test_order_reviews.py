"""Reviews over HTTP: pictures sent, words held and published, everything gone with its customer."""

from base64 import b64encode
from typing import Any

from shared.contracts import dispatch
from shared.contracts.common import Proof
from shared.kernel.ids import new_id
from tests.integration.test_order_gateway import town
from tests.support.order_town import Town, about
from tests.support.waiting import wait_until
from tests.unit.order.test_reviewing import PNG, SECRET, chunk

__all__ = ["town"]
PHOTO = b64encode(PNG[:33] + chunk(b"tEXt", SECRET) + PNG[33:]).decode()


def completed(town: Town, customer: str) -> str:
    order_id = town.accepted(customer)
    town.kitchen(order_id, "ready")
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    town.say(dispatch.Delivered(**about(order_id), proof=Proof()), order_id)
    town.reaches(order_id, customer, "delivered")
    town.ok("POST", f"/v1/orders/{order_id}/confirm", "customer", customer)
    return order_id


def test_a_review_with_a_picture_is_held_published_shown_and_forgotten(town: Town) -> None:
    customer = new_id("cus")
    order_id = completed(town, customer)
    path = f"/v1/orders/{order_id}"
    photo = town.ok("POST", f"{path}/photos", "customer", customer, json={"content": PHOTO})
    unknown = {"merchant": 5, "rider": 4, "platform": 5, "photos": ["0" * 64]}
    refused = town.ask("POST", f"{path}/review", "customer", customer, json=unknown)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_photo")
    body = {**unknown, "photos": [photo["photo_id"]], "tags": ["tasty"], "comment": "hot!"}
    done = town.ok("POST", f"{path}/review", "customer", customer, json=body)
    assert (done["review"]["standing"], done["review"]["comment"]) == ("held", "hot!")

    def as_merchant() -> Any:
        return town.ok("GET", path, "merchant", town.merchant_id)["review"]

    def listed(role: str, url: str = f"/v1/merchants/{town.merchant_id}/reviews") -> Any:
        found = town.ok("GET", url, role, "x_1")["items"]
        return next((each for each in found if each["order_id"] == order_id), None)

    def picture(role: str, identifier: str = "x_1") -> Any:
        return town.ask("GET", f"{path}/photos/{photo['photo_id']}", role, identifier)

    assert (as_merchant()["merchant"], as_merchant()["comment"], as_merchant()["photos"]) == (5, None, [])
    wait_until(lambda: listed("support", "/v1/reviews"), 20, "nobody was asked to look")
    assert listed("support", "/v1/reviews")["held_for"] == ["photo"]
    assert (listed("customer")["comment"], picture("analyst").status_code) == (None, 404)
    assert picture("customer", customer).status_code == 200

    town.ok("POST", f"{path}/moderate-review", "support", json={"publish": True, "reason": "fits"})
    assert as_merchant()["comment"] == "hot!"
    assert (listed("customer")["comment"], listed("customer")["tags"]) == ("hot!", ["tasty"])
    assert listed("customer")["tag_words"] == {"tasty": {"en": "Tasty", "zh": "味道好"}}
    offered = {tag["code"]: tag["words"] for tag in town.ok("GET", "/v1/review-tags", "customer", "x_1")["items"]}
    assert (offered["tasty"], offered["rude"]["zh"]) == ({"en": "Tasty", "zh": "味道好"}, "态度差")
    shown = picture("analyst")
    assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")

    town.ok("POST", f"{path}/moderate-review", "operations", json={"publish": False, "reason": "insult"})
    assert (listed("customer")["comment"], picture("rider").status_code) == (None, 404)
    town.ok("POST", f"/v1/customers/{customer}/forget", "operator", json={})
    assert listed("support")["comment"] is None
    assert picture("support").status_code == 404


def test_what_is_no_picture_is_refused_and_so_is_too_much(town: Town) -> None:
    customer = new_id("cus")
    path = f"/v1/orders/{town.paid(customer)}/photos"
    wrong = town.ask("POST", path, "customer", customer, json={"content": b64encode(b"GIF89a" * 20).decode()})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "photo.not_a_picture")
    for number in range(5):
        raw = b64encode(PNG[:33] + chunk(b"IDAT", bytes((number,))) + PNG[33:]).decode()
        last = town.ask("POST", path, "customer", customer, json={"content": raw})
    assert (last.status_code, last.json()["code"]) == (409, "photo.too_many")
    assert town.ask("POST", path, "customer", new_id("cus"), json={"content": PHOTO}).status_code == 404


def test_a_mistaken_delivery_is_corrected_by_staff_only(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.accepted(customer)
    town.kitchen(order_id, "ready")
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    town.say(dispatch.Delivered(**about(order_id), proof=Proof()), order_id)
    town.reaches(order_id, customer, "delivered")
    body = {"to": "delivery_exception", "reason": "customer_did_not_receive", "goods": "left"}
    path = f"/v1/orders/{order_id}/correct"
    assert town.ask("POST", path, "customer", customer, json=body).status_code == 403
    assert town.ok("POST", path, "support", json=body)["state"] == "delivery_exception"
    back = town.ok("POST", path, "operations", json={"to": "delivered", "reason": "customer_has_it"})
    assert back["state"] == "delivered"


def test_an_address_changes_over_http_at_its_price(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    wish = town.wish()
    body = {"dropoff": {"lat": 30.30, "lon": 120.17}, "address": "7 Heron Street", "contact": wish["contact"]}
    path = f"/v1/orders/{order_id}/change-address"
    refused = town.ask("POST", path, "customer", customer, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "order.price_changed")
    told = refused.json()
    assert sum(told["parts"].values()) - sum(told["parts_before"].values()) == told["difference_cents"] > 0
    assert told["promised_at"] > told["promised_before"]
    agreed = {**body, "expected_total_cents": refused.json()["total_cents"]}
    done = town.ok("POST", path, "customer", customer, json=agreed)
    assert done["recipient"]["address"] == "7 Heron Street"
    assert done["totals"]["total_cents"] == refused.json()["total_cents"]
    bad = town.ask("POST", path, "customer", customer, json={**body, "contact": {"name": "", "phone": "12"}})
    assert bad.status_code == 422
