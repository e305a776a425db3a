"""Commands over real HTTP: done once, in the caller's name, on the version that the caller has seen."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import pytest

from tests.unit.gateway.probing import Probe, running_probe

TEA: dict[str, Any] = {"drink": "tea", "cents": 500, "table": 3}
_names = count(1)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    with running_probe(tmp_path_factory.mktemp("probe")) as running:
        yield running


@pytest.fixture
def boss(probe: Probe) -> Iterator[httpx.Client]:
    """Operations may write on any tab."""
    with probe.client("operations", "merchant") as client:
        yield client


@pytest.fixture
def drinks() -> str:
    """The address of a tab that no other test uses."""
    return f"/v1/tabs/tab-{next(_names)}/drinks"


def test_a_command_is_answered_with_its_view_and_the_version_as_etag(boss: httpx.Client, drinks: str) -> None:
    answer = boss.post(drinks, json=TEA)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert answer.json() | {"tab_id": ""} == {
        "tab_id": "",
        "drinks": 1,
        "cents": 500,
        "version": 1,
        "actor": "merchant:lin",
    }


def test_the_same_key_and_body_get_the_same_answer_and_one_event(
    probe: Probe, boss: httpx.Client, drinks: str
) -> None:
    before = probe.events_in_log()
    first = boss.post(drinks, json=TEA, headers={"Idempotency-Key": "k1"})
    # The same JSON, spaced and ordered otherwise, is the same request.
    text = json.dumps(dict(reversed(TEA.items())), indent=3)
    again = boss.post(drinks, content=text, headers={"Idempotency-Key": "k1", "Content-Type": "application/json"})
    assert again.content == first.content
    assert (again.status_code, again.headers["etag"]) == (201, first.headers["etag"])
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert probe.events_in_log() == before + 1


def test_the_same_key_with_another_request_is_a_422(probe: Probe, boss: httpx.Client, drinks: str) -> None:
    key = {"Idempotency-Key": f"k-{drinks}"}
    assert boss.post(drinks, json=TEA, headers=key).status_code == 201
    before = probe.events_in_log()
    for address, body in ((drinks, TEA | {"cents": 1}), ("/v1/tabs/another/drinks", TEA)):
        answer = boss.post(address, json=body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key_reused")
    assert probe.events_in_log() == before


def test_two_callers_may_use_the_same_key(probe: Probe, boss: httpx.Client, drinks: str) -> None:
    key = {"Idempotency-Key": "mine"}
    assert boss.post(drinks, json=TEA, headers=key).json()["drinks"] == 1
    other = {"Authorization": f"Bearer {probe.token('operations', subject='mei')}", **key}
    assert boss.post(drinks, json=TEA, headers=other).json()["drinks"] == 2


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_a_key_that_cannot_be_kept_is_a_400(boss: httpx.Client, drinks: str, key: str) -> None:
    answer = boss.post(drinks, json=TEA, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_invalid")


def test_twenty_concurrent_requests_with_one_key_lead_to_one_event(probe: Probe, drinks: str) -> None:
    before = probe.events_in_log()

    def send(_: int) -> bytes:
        with probe.client("operations") as client:
            answer = client.post(drinks, json=TEA, headers={"Idempotency-Key": "storm"})
            assert answer.status_code == 201, answer.text
            return answer.content

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(send, range(20)))
    assert len(answers) == 1
    assert probe.events_in_log() == before + 1


def test_a_refusal_is_a_409_with_its_facts_and_records_nothing(probe: Probe, boss: httpx.Client, drinks: str) -> None:
    for _ in range(100):
        assert boss.post(drinks, json=TEA).status_code == 201
    before = probe.events_in_log()
    document = boss.post(drinks, json=TEA, headers={"Idempotency-Key": "one more"}).json()
    assert (document["status"], document["code"], document["drinks"]) == (409, "tab.full", 100)
    assert document["detail"] == "this tab takes no more drinks"
    assert probe.events_in_log() == before


def test_if_match_guards_what_two_people_edit(boss: httpx.Client, drinks: str) -> None:
    tag = boss.post(drinks, json=TEA).headers["etag"]
    assert boss.post(drinks, json=TEA, headers={"If-Match": tag}).status_code == 201
    late = boss.post(drinks, json=TEA, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (412, "precondition_failed", 2)
    assert boss.post(drinks, json=TEA, headers={"If-Match": "*"}).status_code == 201


def test_a_get_with_the_known_etag_is_a_304(boss: httpx.Client, drinks: str) -> None:
    tag = boss.post(drinks, json=TEA).headers["etag"]
    answer = boss.get(drinks.removesuffix("/drinks"), headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_the_devices_time_must_name_its_offset(boss: httpx.Client, drinks: str) -> None:
    answer = boss.post(drinks, json=TEA | {"occurred_at": "2026-03-01T11:30:00"})
    assert [error["field"] for error in answer.json()["errors"]] == ["occurred_at"]
    assert boss.post(drinks, json=TEA | {"occurred_at": "2026-03-01T11:30:00+08:00"}).status_code == 201


def test_a_list_is_read_page_by_page_without_gaps(boss: httpx.Client) -> None:
    for name in ("page-a", "page-b", "page-c"):
        boss.post(f"/v1/tabs/{name}/drinks", json=TEA)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        shown = boss.get("/v1/tabs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        assert len(shown["items"]) <= 2
        seen += shown["items"]
        cursor = shown["next"]
    assert seen == sorted(set(seen))
    assert {"page-a", "page-b", "page-c"} <= set(seen)


def test_the_correlation_id_of_the_caller_is_kept(boss: httpx.Client) -> None:
    assert boss.get("/v1/tabs", headers={"X-Correlation-Id": "c-17"}).headers["x-correlation-id"] == "c-17"
    assert boss.get("/v1/tabs").headers["x-correlation-id"].startswith("cor_")


def test_many_requests_go_over_one_connection(probe: Probe) -> None:
    with probe.client("merchant") as client:
        addresses = {
            client.get("/v1/tabs").extensions["network_stream"].get_extra_info("client_addr") for _ in range(5)
        }
    assert len(addresses) == 1


def test_the_access_log_has_one_line_a_request_without_the_query(probe: Probe, boss: httpx.Client) -> None:
    boss.get("/v1/tabs?limit=7")
    last = probe.log_entries("request")[-1]
    assert (last["method"], last["path"], last["status"], last["caller"]) == ("GET", "/v1/tabs", 200, "lin")
    assert last["service"] == "probe"
    assert "limit=7" not in probe.log.read_text()
