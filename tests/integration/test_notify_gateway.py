"""Notify's gateway as a process on real backends: inboxes, alerts, preferences, and both live."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from services.notify.inbound import SUBSCRIBED
from shared.contracts import dispatch, order
from shared.contracts.message import Message
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until
from tests.unit.notify.story import CUSTOMER, MERCHANT
from tests.unit.notify.town import Town, news, open_town
from tests.unit.notify.wire import message


@pytest.fixture(scope="module")
def town(database: Database, broker: VirtualHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("notify")
    with open_town("notify", lambda: message(order.MerchantRegistered), database, broker, folder) as opened:
        yield opened


def say(town: Town, message_class: type[Message], order_id: str, /, **changes: Any) -> None:
    town.say(message(message_class, order_id=order_id, **changes), order_id)


def test_each_person_reads_their_own_inbox_in_their_language(town: Town) -> None:
    say(town, order.OrderPlaced, "ord_read01")
    say(town, order.OrderAwaitingMerchant, "ord_read01")
    with town.client("customer", CUSTOMER) as customer, town.client("merchant", MERCHANT) as merchant:
        (placed,) = town.listed(customer, "/v1/notifications", 1, order_id="ord_read01")
        assert placed["title"] == "Order READ01 received"
        assert (placed["state"], placed["medium"], placed["role"]) == ("sent", "in_app", "customer")
        (waiting,) = town.listed(merchant, "/v1/notifications", 1, order_id="ord_read01", language="zh")
        assert waiting["title"] == "新订单 READ01"
        assert customer.get("/v1/preferences/" + CUSTOMER).json()["language"] is None
        chosen = customer.put("/v1/preferences/" + CUSTOMER, json={"language": "zh"})
        assert (chosen.status_code, chosen.json()["language"]) == (200, "zh")
        wait_until(
            lambda: town.listed(customer, "/v1/notifications", 1, order_id="ord_read01")[0]["language"] == "zh", 10
        )
        assert customer.put("/v1/preferences/" + CUSTOMER, json={"language": "fr"}).status_code == 422
        customer.put("/v1/preferences/" + CUSTOMER, json={"language": "en"})


def test_nobody_reads_the_inbox_of_a_stranger(town: Town) -> None:
    say(town, order.OrderPlaced, "ord_own001")
    with town.client("customer", CUSTOMER) as customer:
        (mine,) = town.listed(customer, "/v1/notifications", 1, order_id="ord_own001")
    with town.client("customer", "cus_other") as other:
        assert other.get("/v1/notifications", params={"recipient_id": CUSTOMER}).status_code == 404
        assert other.get("/v1/notifications").json()["items"] == []
        assert other.post(f"/v1/notifications/{mine['notification_id']}/read").status_code == 404
        assert other.get(f"/v1/preferences/{CUSTOMER}").status_code == 404
        assert other.get("/v1/notifications/live", params={"recipient_id": CUSTOMER}).status_code == 404
        assert other.get("/v1/alerts").status_code == 403
    with town.client("support", "agt_1") as staff:
        assert town.listed(staff, "/v1/notifications", 1, recipient_id=CUSTOMER)


def test_reading_twice_changes_nothing(town: Town) -> None:
    say(town, order.OrderPlaced, "ord_twice1")
    with town.client("customer", CUSTOMER) as customer:
        (item,) = town.listed(customer, "/v1/notifications", 1, order_id="ord_twice1")
        path = f"/v1/notifications/{item['notification_id']}/read"
        first, second = customer.post(path), customer.post(path)
        assert first.status_code == second.status_code == 200
        assert first.json()["read_at"] == second.json()["read_at"] is not None
        assert customer.post("/v1/notifications/ntf_none/read").status_code == 404

        def all_read() -> bool:
            town.sequence()
            answer = customer.get("/v1/notifications", params={"order_id": "ord_twice1", "unread": "true"})
            return answer.json()["items"] == []

        wait_until(all_read, 10, "the list shows that it was read")


def test_a_long_inbox_is_paged_without_a_gap_or_a_repeat(town: Town) -> None:
    for _ in range(7):
        say(town, order.OrderReady, "ord_page01", merchant_id=MERCHANT)
    with town.client("customer", CUSTOMER) as customer:
        everything = town.listed(customer, "/v1/notifications", 7, order_id="ord_page01")
        seen: list[str] = []
        cursor = None
        while True:
            query = {"order_id": "ord_page01", "limit": "3"} | ({"cursor": cursor} if cursor else {})
            page = customer.get("/v1/notifications", params=query).json()
            seen += [item["notification_id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [item["notification_id"] for item in everything]
        assert customer.get("/v1/notifications", params={"cursor": "bm9uc2Vuc2U"}).status_code == 422


def test_the_first_dispatcher_who_acknowledges_an_alert_has_it(town: Town) -> None:
    say(town, dispatch.DispatcherNeeded, "ord_alert1")
    with town.client("dispatcher", "dis_1") as one, town.client("dispatcher", "dis_2") as two:
        alerts = town.listed(one, "/v1/alerts", 1, state="open")
        alert = next(item for item in alerts if item["order_id"] == "ord_alert1")
        assert (alert["kind"], alert["level"], alert["asked"]) == ("dispatcher_needed", 1, "dispatcher")
        assert "5 minutes" in alert["text"]
        path = f"/v1/alerts/{alert['alert_id']}/acknowledge"
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda client: client.post(path), (one, two)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (loser,) = [answer for answer in answers if answer.status_code == 409]
        assert loser.json()["code"] == "alert.already_acknowledged"
        assert one.post("/v1/alerts/alr_none/acknowledge").status_code == 404


def test_the_live_inbox_shows_what_is_unread_then_the_news_and_resumes_where_it_broke_off(town: Town) -> None:
    say(town, order.OrderPlaced, "ord_live01", customer_id="cus_live")
    with town.client("customer", "cus_live") as customer:
        town.listed(customer, "/v1/notifications", 1)
        with customer.stream("GET", "/v1/notifications/live") as response:
            live = news(response)
            assert next(live)["data"]["template"] == "order_placed.customer"
            ready = next(live)
            assert ready["event"] == "ready"
            say(town, order.OrderAccepted, "ord_live01", customer_id="cus_live")
            town.listed(customer, "/v1/notifications", 2)
            accepted = next(live)
            assert (accepted["event"], accepted["data"]["template"]) == ("notification", "order_accepted.customer")
        say(town, order.OrderReady, "ord_live01", customer_id="cus_live")
        town.listed(customer, "/v1/notifications", 3)
        with customer.stream("GET", "/v1/notifications/live", headers={"Last-Event-ID": accepted["id"]}) as response:
            assert next(news(response))["data"]["template"] == "order_ready.customer"


def test_those_on_duty_see_alerts_live(town: Town) -> None:
    with (
        town.client("dispatcher", "dis_1") as dispatcher,
        dispatcher.stream("GET", "/v1/notifications/live") as response,
    ):
        live = news(response)
        while next(live)["event"] != "ready":
            pass
        say(town, dispatch.RiderWentSilent, "ord_alert2")
        town.listed(dispatcher, "/v1/alerts", 1, state="open")
        told = next(live)
        assert (told["event"], told["data"]["kind"]) == ("alert", "rider_silent")


def test_the_gateway_describes_itself_and_says_that_it_is_ready(town: Town) -> None:
    document = httpx.get(f"{town.service.url}/openapi.json").json()
    assert {"/v1/notifications", "/v1/notifications/live", "/v1/alerts"} <= set(document["paths"])
    assert httpx.get(f"{town.service.url}/health/ready").status_code == 200
    assert len(SUBSCRIBED) > 30
