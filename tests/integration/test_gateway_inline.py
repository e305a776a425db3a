"""What runs in its connection's own greenthread is answered, refused, logged and ended like everything else."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from shared.runtime.extensions import MAX_WORKERS
from tests.support.waiting import wait_until
from tests.unit.gateway.probing import Probe, running_probe

KNOCKS = "/v1/tabs/tab-1/knocks"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    with running_probe(tmp_path_factory.mktemp("probe")) as running:
        yield running


@pytest.fixture
def merchant(probe: Probe) -> Iterator[httpx.Client]:
    with probe.client("merchant", ids=("tab-1",)) as client:
        yield client


def knock(seconds: float = 0.0, says: str = "") -> dict[str, Any]:
    return {"seconds": seconds, "says": says}


def test_it_finds_its_service_and_is_answered_with_a_correlation(merchant: httpx.Client) -> None:
    answer = merchant.post(KNOCKS, json=knock(says="hello"), headers={"X-Correlation-Id": "cor_mine"})
    assert (answer.status_code, answer.json()) == (200, {"says": "hello"})
    assert answer.headers["x-correlation-id"] == "cor_mine"
    assert answer.headers["cache-control"] == "no-store"


def test_a_refusal_of_it_is_a_problem_with_its_facts(merchant: httpx.Client) -> None:
    answer = merchant.post(KNOCKS, json=knock(says="full"))
    assert (answer.status_code, answer.json()["code"]) == (409, "tab.full")
    assert answer.json()["turns"] > 0, "it has the parts of its service"
    stranger = merchant.post("/v1/tabs/tab-2/knocks", json=knock())
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")


def test_a_bug_in_it_is_a_500_that_is_logged_and_the_connection_goes_on(probe: Probe, merchant: httpx.Client) -> None:
    answer = merchant.post(KNOCKS, json=knock(says="bug"), headers={"X-Correlation-Id": "cor_bug"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "is gone" not in answer.text
    [told] = [entry for entry in probe.log_entries("bug") if entry["path"] == KNOCKS]
    assert told["correlation"] == "cor_bug"
    assert merchant.post(KNOCKS, json=knock()).status_code == 200


def test_only_what_goes_wrong_is_in_the_access_log(probe: Probe, merchant: httpx.Client) -> None:
    def told() -> list[int]:
        return [each["status"] for each in probe.log_entries("request") if each["path"] == KNOCKS]

    before = told()
    merchant.post(KNOCKS, json=knock())
    merchant.post(KNOCKS, json=knock(says="full"))
    assert told()[len(before) :] == [409]


def test_more_can_wait_in_it_than_there_are_workers(probe: Probe) -> None:
    waiting = MAX_WORKERS + 44

    def one(number: int) -> int:
        with probe.client("merchant", ids=("tab-1",)) as client:
            return client.post(KNOCKS, json=knock(2.0)).status_code

    with ThreadPoolExecutor(waiting + 1) as crowd:
        knocks = [crowd.submit(one, number) for number in range(waiting)]
        with probe.client("merchant", ids=("tab-1",)) as client:
            # A route with a worker of its own is not held up by those that need none.
            assert client.get("/v1/tabs").status_code == 200
        assert {each.result() for each in knocks} == {200}


def test_who_is_in_it_when_the_process_is_stopped_is_answered(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        running_probe(tmp_path_factory.mktemp("stopping")) as probe,
        probe.client("merchant", ids=("tab-1",)) as client,
        ThreadPoolExecutor(1) as crowd,
    ):
        assert client.post(KNOCKS, json=knock()).status_code == 200
        answer = crowd.submit(client.post, KNOCKS, json=knock(1.0, says="full"))
        # Connections are taken in their order: once another has been answered, this one is in hand.
        wait_until(answer.running, 5, "somebody knocks")
        with probe.client() as other:
            assert other.get("/health/live").status_code == 200
        probe.running.send_signal(signal.SIGTERM)
        assert answer.result().json()["code"] == "tab.full", "its parts were there to the end"
        assert probe.running.wait(timeout=15) == 0


BODIES = {
    '{"seconds": NaN}': (400, "malformed_json"),
    '{"seconds": -Infinity}': (400, "malformed_json"),
    '{"seconds": 0, "says": "a\\u0000b"}': (422, "invalid_input"),
    '{"seconds": 0, "s\\u0000": 1}': (422, "invalid_input"),
    '{"seconds": "x", "says": ': (400, "malformed_json"),
    '{"seconds": "x"}': (422, "invalid_input"),
    "[]": (422, "invalid_input"),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_is_judged_by_its_letters_before_its_fields(merchant: httpx.Client, body: str) -> None:
    answer = merchant.post(KNOCKS, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == BODIES[body]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "a \\\\u0000 that is only spelled out"])
def test_words_that_only_look_like_it_are_taken(merchant: httpx.Client, word: str) -> None:
    body = f'{{"seconds": 0, "says": "{word}"}}'
    answer = merchant.post(KNOCKS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
