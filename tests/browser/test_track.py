"""The customer's tracking page on the running platform: every step as it happens, and what the customer can do."""

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from deploy.local.platform import Platform
from shared.kernel.ids import new_id
from tests.browser.cable import Cable
from tests.browser.conftest import OpenPage
from tests.browser.looking import barriers, cut_off, lengthen, overflow, small_targets, state_of, texts
from tests.support.waiting import wait_until

DOOR = {"lat": 30.2741, "lon": 120.1551}
HOME = {"lat": 30.2790, "lon": 120.1600}
WAITING = {"en": "Waiting for the merchant", "zh": "等待商家接单"}
ACCEPTED = {"en": "The merchant has accepted", "zh": "商家已接单"}

EXPECTED = {
    "en": re.compile(r"Expected (between \d\d:\d\d and|by) \d\d:\d\d"),
    "zh": re.compile(r"预计 (\d\d:\d\d 至 )?\d\d:\d\d (前)?送达"),
}


@dataclass
class Town:
    """A merchant and a rider on shift, and what they do."""

    platform: Platform
    merchant_id: str = ""
    rider_id: str = ""

    def ask(
        self,
        method: str,
        service: str,
        path: str,
        role: str,
        identifier: str = "",
        body: dict[str, Any] | None = None,
    ) -> Any:
        token = self.platform.token((role,), (identifier,) if identifier else ())
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}
        answer = httpx.request(
            method,
            self.platform.url(service) + path,
            headers=headers,
            json=body if method == "POST" else None,
            timeout=20,
        )
        assert answer.status_code < 400, answer.text
        return answer.json()

    def open(self) -> None:
        shop = {
            "name": "Lakeside Noodles",
            "phone": "+8657187654321",
            "place": DOOR,
            "address": "1 Lotus Road",
            "menu": [
                {"sku": "noodles", "name": "Beef noodles", "unit_cents": 2800},
                {"sku": "tea", "name": "Jasmine tea", "unit_cents": 600},
            ],
            "preparation_minutes": 8,
        }
        self.merchant_id = self.ask("POST", "order", "/v1/merchants", "operations", body=shop)["merchant_id"]
        rider = {
            "name": "Li Wei",
            "phone": "+8613900000000",
            "skills": [],
            "vehicle": "scooter",
            "capacity": {"weight_g": 20000, "volume_ml": 60000},
        }
        self.rider_id = self.ask("POST", "dispatch", "/v1/riders", "dispatcher", body=rider)["rider_id"]
        until = (self.platform.clock.now() + timedelta(hours=8)).isoformat()
        start = {"place": DOOR, "until": until}
        self.rider("POST", f"/v1/riders/{self.rider_id}/shift/start", start)

    def rider(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.ask(method, "dispatch", path, "rider", self.rider_id, body or {})

    def place(self, **changes: Any) -> "Order":
        customer_id = new_id("cus")
        body = {
            "merchant_id": self.merchant_id,
            "kind": "food",
            "items": [{"sku": "noodles", "quantity": 2}, {"sku": "tea", "quantity": 1}],
            "dropoff": HOME,
            "address": "18 Willow Lane, room 502",
            "contact": {"name": "Chen Yu", "phone": "+8613812345678", "language": "zh"},
            "payment": {"method": "sandbox_ok"},
            **changes,
        }
        placed = self.ask("POST", "order", "/v1/orders", "customer", customer_id, body)
        order = Order(self, placed["order_id"], customer_id)
        wait_until(lambda: order.view()["payment"]["state"] == "authorized", 30, "the order is paid")
        return order


@dataclass
class Order:
    """One order, and what the others do to it."""

    town: Town
    order_id: str
    customer_id: str

    def view(self) -> Any:
        return self.town.ask("GET", "order", f"/v1/orders/{self.order_id}", "customer", self.customer_id)

    def merchant(self, what: str, body: dict[str, Any] | None = None) -> None:
        path = f"/v1/orders/{self.order_id}/{what}"
        self.town.ask("POST", "order", path, "merchant", self.town.merchant_id, body or {})

    def call_off(self) -> None:
        """So that it does not take the only rider from the next test's order."""
        path = f"/v1/orders/{self.order_id}/cancel"
        self.town.ask("POST", "order", path, "customer", self.customer_id, {"reason": "changed_mind"})
        self.is_now("cancelled")

    def is_now(self, state: str) -> None:
        wait_until(lambda: self.view()["state"] == state, 30, f"the order is {state}")

    def work(self) -> Any:
        return self.town.rider("GET", f"/v1/riders/{self.town.rider_id}/work")

    def offered(self) -> str:
        """The path of the delivery, once it is offered to the rider."""

        def offer() -> str | None:
            found = [o["delivery_id"] for o in self.work()["offers"] if o["delivery_id"][4:] == self.order_id[4:]]
            return found[0] if found else None

        return f"/v1/deliveries/{wait_until(offer, 40, 'the rider is asked')}"

    def to_the_rider(self) -> str:
        self.merchant("accept", {"preparation_minutes": 1})
        delivery = self.offered()
        self.town.rider("POST", f"{delivery}/accept")
        self.merchant("ready")
        return delivery

    def to_the_road(self) -> str:
        delivery = self.to_the_rider()
        self.town.rider("POST", f"{delivery}/arrived-at-pickup")
        self.town.rider("POST", f"{delivery}/picked-up", {"proof": {"kind": "code", "reference": "1234"}})
        self.is_now("delivering")
        return delivery

    def arrive(self, delivery: str) -> None:
        self.town.rider("POST", f"{delivery}/arrived-at-dropoff")
        self.town.rider("POST", f"{delivery}/delivered", {"proof": {"kind": "photo", "reference": "p"}})
        self.is_now("delivered")

    def address(self, url: str | None = None) -> str:
        token = self.town.platform.token(("customer",), (self.customer_id,))
        return f"{url or self.town.platform.url('order')}/track/{self.order_id}#token={token}"


@pytest.fixture(scope="module")
def town(platform: Platform) -> Town:
    opened = Town(platform)
    opened.open()
    return opened


def headline(page: Page, text: str) -> None:
    expect(page.locator(".hero h1")).to_have_text(text, timeout=15_000)


def done(page: Page) -> list[str]:
    found: list[str] = page.locator('.steps [data-kind="done"]').evaluate_all("all => all.map(e => e.dataset.step)")
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_a_new_order_is_shown_whole(town: Town, open_page: OpenPage, language: str, size: str) -> None:
    order = town.place()
    opened = open_page(order.address(), language=language, size=size)
    page, view = opened.page, order.view()
    headline(page, WAITING[language])
    expect(page).to_have_title(re.compile(re.escape(WAITING[language])))
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
    expect(page.locator(".hero .merchant")).to_have_text("Lakeside Noodles")
    assert page.locator(".promise time").inner_text() == view["promised_at"][11:16]
    assert texts(page, ".bill tbody tr")[0].split("\t")[:2] == ["2×", "Beef noodles"]
    assert "¥56.00" in texts(page, ".bill tbody tr")[0]
    assert f"¥{view['totals']['total_cents'] / 100:.2f}" in page.locator(".bill tfoot").inner_text()
    assert done(page) == ["placed"]
    assert overflow(page) == []
    assert small_targets(page) == []
    assert barriers(page) == []
    lengthen(opened.context)
    page.reload()
    expect(page.locator(".hero h1")).to_be_visible()
    assert overflow(page) == []
    assert cut_off(page) == []


def test_every_step_is_seen_as_it_happens_until_the_review(town: Town, open_page: OpenPage) -> None:
    order = town.place()
    page = open_page(order.address(), size="phone").page
    headline(page, WAITING["en"])
    delivery = order.to_the_rider()
    headline(page, "Ready, waiting for the rider")
    expect(page.locator(".hero .expected")).to_have_text(EXPECTED["en"], timeout=15_000)
    page.locator('.switch button[lang="zh-CN"]').click()
    expect(page.locator(".hero .expected")).to_have_text(EXPECTED["zh"])
    page.locator('.switch button[lang="en"]').click()
    town.rider("POST", f"{delivery}/arrived-at-pickup")
    town.rider("POST", f"{delivery}/picked-up", {"proof": {"kind": "code", "reference": "1234"}})
    headline(page, "On its way to you")
    assert page.get_by_role("button", name="I have received it").count() == 0
    order.arrive(delivery)
    headline(page, "Delivered")
    expect(page.locator(".hero .expected")).to_have_count(0)
    assert done(page) == ["placed", "accepted", "ready", "picked_up", "delivered"]
    assert [len(text) for text in texts(page, ".steps time")] == [5] * 5
    page.get_by_role("button", name="I have received it").press("Enter")
    headline(page, "Completed")
    assert barriers(page) == []
    review(page)
    expect(page.locator(".thanks")).to_have_text("Thank you for your review.", timeout=15_000)
    expect(page.locator("form.review")).to_have_count(0)
    reviewed = order.view()["review"]
    assert (reviewed["merchant"], reviewed["rider"], reviewed["platform"]) == (5, 4, 3)
    assert (reviewed["comment"], reviewed["standing"]) == ("Warm and quick.", "published")


def review(page: Page) -> None:
    """With the keyboard alone: a star for each, a word, and off."""
    send = page.get_by_role("button", name="Send the review")
    expect(send).to_be_disabled()
    for whom, stars in (("merchant", 5), ("rider", 4), ("platform", 3)):
        page.locator(f'input[name="review-{whom}"]').first.focus()
        for _ in range(stars - 1):
            page.keyboard.press("ArrowRight")
        if stars == 1:
            page.keyboard.press("Space")
    page.locator(".comment textarea").fill("Warm and quick.")
    send.press("Enter")


def test_an_order_is_cancelled_after_asking_whether_it_is_meant(town: Town, open_page: OpenPage) -> None:
    order = town.place()
    page = open_page(order.address(), size="phone").page
    headline(page, WAITING["en"])
    page.get_by_role("button", name="Cancel the order").press("Enter")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    assert order.view()["state"] == "pending_acceptance"
    page.get_by_role("button", name="Cancel the order").press("Enter")
    assert overflow(page) == []
    page.get_by_role("button", name="Yes, cancel it").press("Enter")
    headline(page, "Cancelled")
    order.is_now("cancelled")
    assert page.get_by_role("button", name="Cancel the order").count() == 0


def test_a_page_that_lost_its_connection_shows_what_happened_meanwhile(town: Town, open_page: OpenPage) -> None:
    order = town.place()
    with Cable(town.platform.url("order")) as cable:
        opened = open_page(order.address(cable.url), size="phone", language="zh")
        opened.loses_connection = True
        headline(opened.page, WAITING["zh"])
        cable.pull()
        expect(opened.page.locator(".banner")).to_be_visible(timeout=5_000)
        order.merchant("accept", {"preparation_minutes": 5})
        headline(opened.page, WAITING["zh"])
        cable.plug()
        headline(opened.page, ACCEPTED["zh"])
        assert done(opened.page) == ["placed", "accepted"]
        expect(opened.page.locator(".banner")).to_have_count(0)


def test_a_page_outlives_a_crash_of_the_order_service(town: Town, open_page: OpenPage) -> None:
    order = town.place()
    opened = open_page(order.address(), size="phone")
    opened.loses_connection = True
    headline(opened.page, WAITING["en"])
    town.platform.kill("order")
    expect(opened.page.locator('.freshness:not([data-state="live"])')).to_be_visible(timeout=5_000)
    town.platform.wait_ready()
    order.merchant("accept", {"preparation_minutes": 5})
    headline(opened.page, ACCEPTED["en"])
    expect(opened.page.locator(".freshness")).to_have_attribute("data-state", "live", timeout=15_000)
    assert done(opened.page) == ["placed", "accepted"]


def test_a_command_that_could_not_be_sent_says_so_and_is_sent_once_when_tried_again(
    town: Town, open_page: OpenPage
) -> None:
    order = town.place()
    with Cable(town.platform.url("order")) as cable:
        opened = open_page(order.address(cable.url), size="phone")
        opened.loses_connection = True
        page = opened.page
        headline(page, WAITING["en"])
        keys: list[str] = []
        page.on("request", lambda sent: keys.append(sent.headers["idempotency-key"]) if _commands(sent) else None)
        cable.pull()
        cancel(page)
        expect(page.locator(".failure")).to_have_text(re.compile("could not be sent"))
        cable.plug()
        cancel(page)
        headline(page, "Cancelled")
        assert len(keys) == 2
        assert len(set(keys)) == 1


def _commands(sent: Any) -> bool:
    return bool(sent.method == "POST")


def cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel the order").press("Enter")
    page.get_by_role("button", name="Yes, cancel it").press("Enter")


def test_a_customer_is_told_when_it_is_late_by_the_clock_alone(town: Town, open_page: OpenPage) -> None:
    order = town.place()
    page = open_page("about:blank", size="phone").page
    page.clock.install()
    page.goto(order.address())
    headline(page, WAITING["en"])
    assert page.locator(".late").count() == 0
    promised = page.locator(".left").inner_text()
    minutes = int(re.findall(r"\d+", promised)[0])
    # The page's clock runs ahead; the next word from the server would set it right again.
    page.route("**/live", lambda route: route.abort())
    page.clock.fast_forward((minutes + 2) * 60_000)
    expect(page.locator(".late")).to_contain_text("past the promised time")
    page.close()


@pytest.mark.parametrize(("language", "title"), [("en", "There is nothing here."), ("zh", "此处没有内容。")])
def test_somebody_elses_order_is_not_shown(town: Town, open_page: OpenPage, language: str, title: str) -> None:
    order = town.place()
    stranger = Order(town, order.order_id, new_id("cus"))
    opened = open_page(stranger.address(), size="phone", language=language)
    expect(opened.page.locator(".banner strong")).to_have_text(title)
    assert state_of(opened.page) == "missing"
    assert opened.page.locator(".hero").count() == 0
    assert all("404" in complaint for complaint in opened.complaints)
    opened.complaints.clear()


def test_the_page_runs_under_its_own_strict_policy(town: Town, open_page: OpenPage) -> None:
    order = town.place()
    page = open_page(order.address(), size="phone", bypass_csp=False).page
    headline(page, WAITING["en"])


def test_what_the_customer_sees_reaches_the_war_room_too(town: Town, open_page: OpenPage) -> None:
    platform = town.platform
    page = open_page(f"{platform.url('analytics')}/#token={platform.token(('operations',))}").page
    expect(page.locator(".freshness")).to_have_attribute("data-state", "live", timeout=15_000)
    order = town.place()
    line = page.locator(f'.feed [data-type="OrderPlaced"] [title="{order.order_id}"]')
    expect(line).to_be_visible(timeout=15_000)
