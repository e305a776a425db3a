"""The office and riders say over HTTP what hinders; the running service ends it by itself and tells the world."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.backends import Backends
from services.dispatch.codec import DISRUPTION_CODEC
from services.dispatch.outbound import messages_for
from shared.kernel.ids import new_id
from tests.support.dispatch_town import SHOP, Rider, Town, dispatch_town, problem
from tests.support.waiting import wait_until

AREA = {"centre": SHOP, "radius_m": 200}
PATH = "/v1/disruptions"


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with dispatch_town(backends, session_folder / "disruptions") as town:
        yield town


def until(town: Town, seconds: float) -> str:
    return (town.now() + timedelta(seconds=seconds)).isoformat()


def closed(town: Town, seconds: float = 600, **more: Any) -> dict[str, Any]:
    return {"kind": "closed", "area": AREA, "until": until(town, seconds), "reason": "burst_pipe"} | more


def listed(town: Town, **query: Any) -> list[str]:
    token = town.dispatcher
    answer = town.client.get(PATH, headers={"Authorization": f"Bearer {token}"}, params=query)
    assert answer.status_code == 200, answer.text
    return [each["disruption_id"] for each in answer.json()["items"]]


def types(town: Town, disruption_id: str) -> list[str]:
    return [event.type for event in town.parts.store.stream(disruption_id)]


def report(town: Town, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    return town.post(PATH, town.dispatcher, body, key)


def test_a_closed_road_is_reported_once_seen_extended_and_lifted(town: Town) -> None:
    body, key = closed(town), new_id("key")
    first, again = report(town, body, key), report(town, body, key)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    view = first.json()
    disruption_id, path = view["disruption_id"], f"{PATH}/{view['disruption_id']}"
    assert (view["in_force"], view["area"]["radius_m"], view["seen_by"]) == (True, 200.0, None)
    wait_until(lambda: disruption_id in listed(town), 20, "it was never listed")
    later = until(town, 900)
    extended = town.post(f"{path}/extend", town.dispatcher, {"until": later, "reason": "still_there"})
    assert extended.status_code == 200, extended.text
    lifted = town.post(f"{path}/lift", town.dispatcher, {"reason": "repaired"})
    assert (lifted.status_code, lifted.json()["in_force"]) == (200, False)
    assert town.post(f"{path}/lift", town.dispatcher, {}).json()["version"] == lifted.json()["version"]
    assert problem(town.post(f"{path}/extend", town.dispatcher, {"until": later})) == (409, "disruption.over")
    wait_until(lambda: disruption_id not in listed(town), 20, "it is listed for ever")
    assert disruption_id in listed(town, over=True)
    assert town.get(path, town.dispatcher).json()["lifted_at"] is not None


def test_it_ends_by_itself_and_the_world_is_told_without_names(town: Town) -> None:
    rider = town.rider()
    answer = rider.post(PATH, closed(town, 1.5))
    assert (answer.status_code, answer.json()["seen_by"]) == (201, rider.id)
    disruption_id = answer.json()["disruption_id"]
    wait_until(lambda: types(town, disruption_id) == ["RoadDisrupted", "DisruptionLifted"], 20, "it never ended")
    other = town.rider()
    assert town.get(f"{PATH}/{disruption_id}", other.token).json()["seen_by"] is None
    with town.parts.store.reading() as reading:
        told = [
            outgoing.message
            for stored in reading.stream(disruption_id)
            for outgoing in messages_for(stored, decoded(stored, reading.vault))
        ]
    assert [type(message).__name__ for message in told] == ["RoadDisrupted", "DisruptionLifted"]
    assert rider.id not in "".join(message.model_dump_json() for message in told)


def decoded(stored: Any, vault: Any) -> Any:
    return DISRUPTION_CODEC.decode(stored.type, stored.schema_version, stored.data, vault)


def test_every_fault_is_told_and_nothing_is_kept(town: Town) -> None:
    before = listed(town, over=True)
    refused = report(town, {"kind": "jam", "weather": "rain", "until": until(town, -5)})
    assert refused.status_code == 422
    assert sorted((each["field"], each["code"]) for each in refused.json()["errors"]) == [
        ("area", "required"),
        ("factor", "required"),
        ("until", "in_the_past"),
        ("weather", "not_of_this_kind"),
    ]
    rider: Rider = town.rider()
    refused = rider.post(PATH, {"kind": "weather", "weather": "rain", "until": until(town, 600)})
    assert [each["code"] for each in refused.json()["errors"]] == ["not_a_riders", "not_a_circle"]
    assert listed(town, over=True) == before


def test_only_those_who_may_report_lift_or_see(town: Town) -> None:
    rider: Rider = town.rider()
    customer = town.platform.token(("customer",), ("cus_1",))
    assert town.post(PATH, customer, closed(town)).status_code == 403
    disruption_id = report(town, closed(town)).json()["disruption_id"]
    assert rider.post(f"{PATH}/{disruption_id}/lift", {}).status_code == 403
    assert problem(town.get(f"{PATH}/{new_id('dis')}", town.dispatcher)) == (404, "disruption.not_found")
    assert problem(town.get(f"{PATH}/dlv_1", town.dispatcher)) == (404, "disruption.not_found")
    assert town.post(f"{PATH}/{disruption_id}/lift", town.dispatcher, {}).status_code == 200


def assign(town: Town, delivery_id: str, rider: Rider) -> None:
    """By hand, whatever the engine thinks."""
    path = f"/v1/deliveries/{delivery_id}/assign"
    assigned = town.post(path, town.dispatcher, {"rider_id": rider.id})
    assert assigned.status_code == 200, assigned.text


def test_a_rider_who_breaks_down_hands_over_and_another_one_sees_where_to_fetch_it(town: Town) -> None:
    rider: Rider = town.rider()
    _, delivery_id = town.order()
    assign(town, delivery_id, rider)
    assert rider.report(delivery_id, "picked-up").status_code == 200
    where = {"lat": SHOP["lat"] + 0.004, "lon": SHOP["lon"]}
    body = {"reason": "rider_vehicle", "hands_over": True, "place": where}
    broken = rider.post(f"/v1/riders/{rider.id}/breakdown", body)
    assert (broken.status_code, broken.json()["on_shift"]) == (200, False)
    other: Rider = town.rider()
    assert other.post(f"/v1/riders/{rider.id}/breakdown", body).status_code == 404
    assign(town, delivery_id, other)
    [work] = other.work()["deliveries"]
    assert (work["goods_with"], work["pickup_address"]) == (rider.id, "")
    assert (work["pickup"]["lat"], work["pickup"]["lon"]) == (where["lat"], where["lon"])
    assert other.report(delivery_id, "picked-up").status_code == 200
    [work] = other.work()["deliveries"]
    assert work["goods_with"] is None
