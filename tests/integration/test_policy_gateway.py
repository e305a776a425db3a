"""Operations set policies over HTTP: a draft is checked, activated, obeyed by the running service, and undone."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from deploy.local.backends import Backends
from services.dispatch.application import perform_policy
from services.dispatch.domain.policies.commands import ActivatePolicy
from services.dispatch.policy_schemas import EXAMPLE
from shared.eventstore.model import Context, StoredEvent
from tests.support.dispatch_town import Rider, Town, dispatch_town
from tests.support.waiting import wait_until

WHY = "tried in the lab"
AT_ONCE = {"dispatch": {"offer_ahead_seconds": 3_600}}


class Office:
    """An operator at the gateway of a running dispatch service."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.operations = town.platform.token(("operations",), ("ops_1",))

    def ask(self, method: str, path: str, body: Any = None, role: str = "operations", **more: Any) -> httpx.Response:
        token = self.operations if role == "operations" else self.town.platform.token((role,))
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return self.town.client.request(
            method, f"/v1/policies/dispatch{path}", json=body, headers=headers, params=more or None
        )

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.ask(method, path, body, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def draft(self, **defaults: float) -> int:
        drafted = self.ok("POST", "/versions", {"document": {"defaults": defaults}, "reason": WHY})
        return int(drafted["number"])

    def activate(self, number: int, **more: Any) -> Any:
        return self.ok("POST", f"/versions/{number}/activate", {"reason": WHY, **more})


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with dispatch_town(backends, session_folder / "policy-gateway", AT_ONCE) as town:
        yield town


@pytest.fixture
def office(town: Town) -> Office:
    """Each test begins with the settings alone in force."""
    made = Office(town)
    made.ok("POST", "/unschedule", {"reason": WHY})
    made.ok("POST", "/rollback", {"to": 0, "reason": WHY})
    return made


def test_a_faulty_document_is_refused_with_every_fault_and_nothing_is_kept(office: Office) -> None:
    raw = {"defaults": {"offer_minutes": 1, "handover_seconds": -1}, "rules": [{"name": "x", "values": {"y": 1}}]}
    before = office.ok("GET", "")["latest"]
    refused = office.ask("POST", "/versions", {"document": raw, "reason": WHY})
    assert refused.status_code == 422
    assert [(each["field"], each["code"]) for each in refused.json()["errors"]] == [
        ("document.rules.0.values.y", "unknown_name"),
        ("document.defaults.offer_minutes", "wrong_unit"),
        ("document.defaults.handover_seconds", "out_of_range"),
    ]
    verdict = office.ok("POST", "/validate", {"document": raw})
    assert (verdict["valid"], len(verdict["faults"])) == (False, 3)
    verdict = office.ok("POST", "/validate", {"document": EXAMPLE})
    assert verdict["valid"]
    assert {"field": "defaults.offer_seconds", "before": None, "after": 25} in verdict["changes"]
    assert office.ok("GET", "")["latest"] == before


def test_an_active_version_is_obeyed_by_the_running_service_within_a_second(office: Office) -> None:
    number = office.draft(offer_seconds=77)
    view = office.activate(number)
    assert (view["active"], view["policy_version"]) == (number, f"dispatch-{number}")
    town = office.town
    obeyed_from = town.now() + timedelta(seconds=1)
    wait_until(lambda: town.now() >= obeyed_from, timeout=20, message="a second passed")
    town.rider()
    _, delivery_id = town.order()
    [offered, *_] = wait_until(partial(offers_of, town, delivery_id), timeout=20, message="nobody was asked")
    assert offered.data["policy_version"] == f"dispatch-{number}"
    taken = Rider(town, offered.data["rider_id"]).report(delivery_id, "accept")
    assert taken.status_code == 200
    [assigned] = [e for e in town.parts.store.stream(delivery_id) if e.type == "RiderAssigned"]
    assert assigned.data["policy_version"] == f"dispatch-{number}"


def offers_of(town: Town, delivery_id: str) -> list[StoredEvent]:
    """Whoever it is that was asked: another rider may ride there anyway."""
    return [event for event in town.parts.store.stream(delivery_id) if event.type == "DeliveryOffered"]


def test_a_process_follows_within_a_second_what_another_one_activated(office: Office) -> None:
    town, number = office.town, office.draft(offer_seconds=78)
    command = ActivatePolicy(version=number, reason=WHY, now=town.now())
    now = town.now()
    context = Context(actor="test:1", now=now, occurred_at=now, correlation_id="cor_test")
    town.parts.store.run(lambda tx: perform_policy(tx, command, context))
    activated_at = town.parts.store.stream("pol_dispatch")[-1].recorded_at
    label, offers = f"dispatch-{number}", list[StoredEvent]()
    while not offers or offers[-1].data["policy_version"] != label:
        town.rider()
        _, delivery_id = town.order()
        offers += wait_until(partial(offers_of, town, delivery_id), timeout=20, message="nobody was asked")
        late = [e for e in offers if e.recorded_at > activated_at + timedelta(seconds=1)]
        assert {e.data["policy_version"] for e in late} <= {label}


def test_a_version_takes_over_at_its_time(office: Office) -> None:
    number = office.draft(handover_seconds=66)
    at = office.town.now() + timedelta(seconds=2)
    view = office.activate(number, at=at.isoformat())
    assert (view["active"], view["scheduled"]["number"]) == (0, number)
    wait_until(lambda: office.ok("GET", "")["active"] == number, timeout=20, message="it never took over")
    assert office.ok("GET", "/audit")["items"][0]["actor"] == "system:deadline"


def test_a_version_is_rolled_back_and_all_of_it_is_in_the_audit(office: Office) -> None:
    first, second = office.draft(handover_seconds=61), office.draft(handover_seconds=62)
    office.activate(first)
    office.activate(second)
    assert office.ok("GET", "")["back_to"] == first
    assert office.ok("POST", "/rollback", {"reason": "riders were late"})["active"] == first
    latest = office.ok("GET", "/audit", limit=2)
    told = [(each["what"], each["number"], each["actor"], each["reason"]) for each in latest["items"]]
    assert told == [
        ("rolled_back", first, "operations:ops_1", "riders were late"),
        ("activated", second, "operations:ops_1", WHY),
    ]
    older = office.ok("GET", "/audit", limit=1, cursor=latest["next"])["items"]
    assert [(each["what"], each["number"]) for each in older] == [("activated", first)]
    changes = office.ok("GET", "/changes", before=first, after=second)
    assert changes == [{"field": "defaults.handover_seconds", "before": 61, "after": 62}]


def test_two_operators_do_not_overwrite_each_other(office: Office) -> None:
    seen = office.ask("GET", "").headers["ETag"]
    body = {"document": {"defaults": {"handover_seconds": 71}}, "reason": WHY}
    assert office.ask("POST", "/versions", body, headers={"If-Match": seen}).status_code == 201
    late = office.ask(
        "POST", "/versions", body | {"document": {"defaults": {"handover_seconds": 72}}}, headers={"If-Match": seen}
    )
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


def test_versions_are_listed_and_shown_and_asked_what_they_say(office: Office) -> None:
    drafted = office.ok("POST", "/versions", {"document": EXAMPLE, "reason": WHY})
    number = drafted["number"]
    assert drafted["document"] == EXAMPLE
    listed = office.ok("GET", "/versions", limit=1)
    assert [(each["number"], each["state"], each["drafted_by"]) for each in listed["items"]] == [
        (number, "draft", "operations:ops_1")
    ]
    assert office.ok("GET", "/versions", cursor=listed["next"])["items"][-1]["number"] == 0
    monday_noon = "2026-06-01T12:00:00+08:00"
    asked = {"version": number, "lat": 30.25, "lon": 120.16, "at": monday_noon}
    there = office.ok("GET", "/effective", **asked)
    assert (there["values"]["grab_radius_m"], there["sources"]["grab_radius_m"]) == (2500, "rule lunch")
    assert (there["policy_version"], there["local"]) == (f"dispatch-{number}", monday_noon)
    assert office.ask("GET", "/effective", lat=30.25).status_code == 422
    assert office.ask("GET", f"/versions/{number + 1}").json()["code"] == "policy.version_not_found"
    schema = office.ok("GET", "/schema")
    jsonschema.validate(EXAMPLE, schema)


def test_only_operations_change_policies(office: Office) -> None:
    body = {"document": {}, "reason": WHY}
    for role in ("dispatcher", "support", "analyst", "rider", "customer"):
        assert office.ask("POST", "/versions", body, role=role).status_code == 403
        assert office.ask("GET", "", role=role).status_code == (403 if role in {"rider", "customer"} else 200)
    assert office.ask("POST", "/versions/1/activate", {"reason": "x"}).status_code == 422
