"""Support's gateway as a process on real backends: agents, their cases, and the live list."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from shared.contracts.common import FailureReason
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until
from tests.unit.notify.town import Town, news, open_town
from tests.unit.support.telling import cancelled, compensated, delivered, failed, placed


@pytest.fixture(scope="module")
def town(database: Database, broker: VirtualHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("support")
    with open_town("support", lambda: placed("ord_first"), database, broker, folder) as opened:
        yield opened


def fail(town: Town, agent: httpx.Client, order_id: str, reason: FailureReason = FailureReason.WEATHER) -> str:
    """An order whose delivery has failed; returns its case."""
    town.say(placed(order_id), order_id)
    town.say(failed(order_id, reason), order_id)
    (case,) = town.listed(agent, "/v1/cases", 1, order_id=order_id)
    return str(case["case_id"])


def test_a_case_goes_from_open_to_closed(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        case = fail(town, agent, "ord_way")
        assert agent.get(f"/v1/cases/{case}").json()["state"] == "open"
        taken = agent.post(f"/v1/cases/{case}/take")
        assert (taken.status_code, taken.json()["state"], taken.json()["agent_id"]) == (200, "taken", "agt_1")
        assert agent.post(f"/v1/cases/{case}/take").json()["version"] == taken.json()["version"]
        decided = agent.post(f"/v1/cases/{case}/redispatch", json={"reason": "new_rider_sent"})
        assert (decided.status_code, decided.json()["state"]) == (200, "decided")
        refused = agent.post(f"/v1/cases/{case}/close")
        assert (refused.status_code, refused.json()["code"]) == (409, "case.already_decided")
        town.say(delivered("ord_way"), "ord_way")
        (closed,) = town.listed(agent, "/v1/cases", 1, order_id="ord_way", state="closed")
        assert (closed["outcome"], closed["closed_by"]) == ("redelivered", "system")
        late = agent.post(f"/v1/cases/{case}/refund")
        assert (late.status_code, late.json()["code"]) == (409, "case.closed")


def test_two_agents_who_take_one_case_at_once_get_one_yes_and_one_clear_no(town: Town) -> None:
    with town.client("support", "agt_1") as one, town.client("support", "agt_2") as two:
        case = fail(town, one, "ord_two")
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda agent: agent.post(f"/v1/cases/{case}/take"), (one, two)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (loser,) = [answer for answer in answers if answer.status_code == 409]
        assert loser.json()["code"] == "case.already_taken"
        assert loser.json()["agent_id"] == one.get(f"/v1/cases/{case}").json()["agent_id"]


def test_the_same_command_with_the_same_key_is_answered_the_same_and_done_once(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        case = fail(town, agent, "ord_key")
        headers = {"Idempotency-Key": "refund-1"}
        answers = [
            agent.post(f"/v1/cases/{case}/refund", json={"reason": "sorry"}, headers=headers) for _ in range(2)
        ]
        assert answers[0].content == answers[1].content
        other = agent.post(f"/v1/cases/{case}/refund", json={"reason": "other"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")
        stale = agent.post(f"/v1/cases/{case}/close", headers={"If-Match": '"1"'})
        assert stale.status_code == 412


def test_an_agent_opens_a_complaint_and_an_order_has_one_open_case(town: Town) -> None:
    town.say(placed("ord_cold"), "ord_cold")
    said = town.say(delivered("ord_cold"), "ord_cold")
    with town.client("support", "agt_1") as agent:
        wait_until(lambda: town.heard(said), 20, "support has heard")
        body = {"order_id": "ord_cold", "reason": "cold_food", "note": "says it was cold"}
        opened = agent.post("/v1/cases", json=body)
        assert (opened.status_code, opened.json()["kind"], opened.json()["severity"]) == (201, "complaint", "P3")
        assert opened.json()["note"] == "says it was cold"
        (listed,) = town.listed(agent, "/v1/cases", 1, order_id="ord_cold")
        assert listed["note"] == "says it was cold"
        again = agent.post("/v1/cases", json=body)
        assert (again.status_code, again.json()["code"]) == (409, "case.already_open")
        assert again.json()["case_id"] == opened.json()["case_id"]
        nothing = agent.post(f"/v1/cases/{opened.json()['case_id']}/redispatch")
        assert (nothing.status_code, nothing.json()["code"]) == (409, "case.nothing_to_redispatch")
        closed = agent.post(f"/v1/cases/{opened.json()['case_id']}/close")
        assert (closed.json()["state"], closed.json()["outcome"]) == ("closed", "no_action")


def test_bad_input_gets_its_problem_document(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        assert agent.get("/v1/cases/cas_none").status_code == 404
        assert agent.post("/v1/cases/cas_none/take").status_code == 404
        assert agent.post("/v1/cases", json={"order_id": "ord_unknown"}).status_code == 404
        assert agent.post("/v1/cases", json={"order_id": "nonsense"}).status_code == 422
        assert agent.post("/v1/cases", content=b"{").status_code == 400
        assert agent.get("/v1/cases", params={"state": "lost"}).status_code == 422
        assert agent.get("/v1/cases", params={"cursor": "bm9uc2Vuc2U"}).status_code == 422
    with town.client("dispatcher", "dis_1") as dispatcher:
        assert dispatcher.get("/v1/cases").status_code == 200
        assert dispatcher.post("/v1/cases/cas_none/take").status_code == 403
    with town.client("customer", "cus_1") as customer:
        assert customer.get("/v1/cases").status_code == 403


def test_the_list_is_by_urgency_and_paged_without_a_gap_or_a_repeat(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        for number in range(3):
            fail(town, agent, f"ord_page{number}")
        urgent = fail(town, agent, "ord_page3", FailureReason.RIDER_ACCIDENT)
        everything = town.listed(agent, "/v1/cases", 4, state="open")
        assert everything[0]["case_id"] == urgent
        seen: list[str] = []
        query = {"state": "open", "limit": "2"}
        while True:
            page = agent.get("/v1/cases", params=query).json()
            seen += [case["case_id"] for case in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert seen == [case["case_id"] for case in everything]


def test_the_live_list_shows_what_is_unsolved_then_each_change_and_resumes(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        case = fail(town, agent, "ord_live")
        with agent.stream("GET", "/v1/cases/live") as response:
            live = news(response)
            shown = set()
            while (event := next(live))["event"] != "ready":
                assert event["event"] == "case"
                shown.add(event["data"]["case_id"])
            assert case in shown
            agent.post(f"/v1/cases/{case}/take")
            town.sequence()
            taken = next(live)
            assert (taken["event"], taken["data"]["case_id"], taken["data"]["state"]) == ("case", case, "taken")
        town.say(cancelled("ord_live"), "ord_live")
        town.listed(agent, "/v1/cases", 1, order_id="ord_live", state="closed")
        with agent.stream("GET", "/v1/cases/live", headers={"Last-Event-ID": taken["id"]}) as response:
            assert next(news(response))["data"]["outcome"] == "cancelled"


def test_an_agent_compensates_once_within_the_limit_and_sees_what_became_of_it(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        case = fail(town, agent, "ord_sorry")
        grant = {"amount_cents": 60, "reason": "late", "compensation_id": "cmp_1"}
        for _ in range(2):
            answer = agent.post(f"/v1/cases/{case}/compensation", json=grant)
            assert (answer.status_code, answer.json()["state"]) == (200, "taken")
            [granted] = answer.json()["compensations"]
            assert (granted["amount_cents"], granted["by"], granted["paid_cents"]) == (60, "agt_1", None)
        beyond = agent.post(f"/v1/cases/{case}/compensation", json={"amount_cents": 41, "reason": "late"})
        assert (beyond.status_code, beyond.json()["code"]) == (409, "case.compensation_exceeds_limit")
        assert beyond.json()["left_cents"] == 40
        town.say(compensated("ord_sorry", "cmp_1", 50, 10), "ord_sorry")
        wait_until(
            lambda: agent.get(f"/v1/cases/{case}").json()["compensations"][0]["paid_cents"] == 50,
            20,
            "support was told what was paid",
        )
        told = agent.get(f"/v1/cases/{case}/timeline").json()["entries"]
        assert [entry["type"] for entry in told] == [
            "CaseOpened",
            "CaseAssigned",
            "CompensationGranted",
            "CompensationSettled",
        ]
        assert (told[2]["actor"], told[2]["facts"]["amount_cents"]) == ("support:agt_1", 60)
        assert agent.post(f"/v1/cases/{case}/close").json()["outcome"] == "compensated"
        (listed,) = town.listed(agent, "/v1/cases", 1, order_id="ord_sorry", state="closed")
        assert (listed["compensations"][0]["paid_cents"], listed["compensations"][0]["refused_cents"]) == (50, 10)
        assert agent.get("/v1/cases/cas_none/timeline").status_code == 404
    with town.client("dispatcher", "dis_1") as dispatcher:
        assert dispatcher.post(f"/v1/cases/{case}/compensation", json=grant).status_code == 403


def test_compensations_granted_at_once_never_exceed_the_orders_limit_together(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        case = fail(town, agent, "ord_many")
        agent.post(f"/v1/cases/{case}/take")
        wish = {"amount_cents": 60, "reason": "late"}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: agent.post(f"/v1/cases/{case}/compensation", json=wish), range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


def test_of_a_refund_and_a_compensation_at_once_there_is_never_a_compensation_after_the_refund(town: Town) -> None:
    with town.client("support", "agt_1") as agent:
        for number in range(4):
            case = fail(town, agent, f"ord_race{number}")
            agent.post(f"/v1/cases/{case}/take")
            with ThreadPoolExecutor(2) as pool:
                refund = pool.submit(agent.post, f"/v1/cases/{case}/refund", json={"reason": "sorry"})
                grant = pool.submit(agent.post, f"/v1/cases/{case}/compensation", json={"amount_cents": 60})
                assert refund.result().status_code == 200
                assert (grant.result().status_code, grant.result().json().get("code")) in (
                    (200, None),
                    (409, "case.already_decided"),
                )
            types = [entry["type"] for entry in agent.get(f"/v1/cases/{case}/timeline").json()["entries"]]
            assert "CompensationGranted" not in types[types.index("CancellationRequested") :]
