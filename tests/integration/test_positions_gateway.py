"""Positions over HTTP and WebSocket: who may, what is bounded, and what the office reads of a way."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from deploy.local.backends import Backends
from tests.support.dispatch_town import SHOP, Rider, Town, dispatch_town
from tests.support.waiting import wait_until
from tests.unit.dispatch import wire

POLICIES = {"dispatch": {"deliveries_per_tick": 1, "positions": {"skew_tolerated_seconds": 60}}}


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with dispatch_town(backends, session_folder / "positions-gateway", POLICIES) as town:
        yield town


@contextmanager
def talking(
    town: Town, rider_id: str, token: str | None = None, in_header: bool = True
) -> Iterator[ClientConnection]:
    address = f"{town.platform.url('dispatch').replace('http', 'ws')}/v1/riders/{rider_id}/positions/socket"
    headers = {"Authorization": f"Bearer {token}"} if token and in_header else {}
    protocols: list[Any] = ["doorstep", f"bearer.{token}"] if token and not in_header else []
    with connect(address, additional_headers=headers, subprotocols=protocols or None, proxy=None) as connection:
        yield connection


def asked(connection: ClientConnection, message: Any) -> Any:
    connection.send(message if isinstance(message, str) else json.dumps(message))
    return json.loads(connection.recv(timeout=20))


def fix(town: Town, seconds: float = 0, **changes: Any) -> dict[str, Any]:
    return {**SHOP, "at": (town.now() + timedelta(seconds=seconds)).isoformat(), **changes}


def last_seen(town: Town, rider: Rider) -> Any:
    items = town.get("/v1/riders?limit=200", town.dispatcher).json()["items"]
    return next((item["last_seen"] for item in items if item["rider_id"] == rider.id), None)


def test_a_device_tells_message_after_message_over_one_connection(town: Town) -> None:
    rider = town.rider()
    with talking(town, rider.id, rider.token) as connection:
        first = asked(connection, {"id": 1, "positions": [fix(town, 1, accuracy_m=5)]})
        assert first == {"id": 1, "answer": {"accepted": 1, "refused": [], "skew_seconds": 0.0}}
        second = asked(connection, {"id": "b", "positions": [fix(town, 2, accuracy_m=900), fix(town, 3)]})
        assert second["answer"]["refused"] == [{"index": 0, "code": "bad_accuracy"}]
    assert wait_until(lambda: last_seen(town, rider), 10)["lat"] == SHOP["lat"]


def test_a_page_may_offer_its_token_as_a_subprotocol(town: Town) -> None:
    rider = town.rider()
    with talking(town, rider.id, rider.token, in_header=False) as connection:
        assert connection.subprotocol == "doorstep"
        assert asked(connection, {"positions": [fix(town, 1)]})["answer"]["accepted"] == 1


def test_messages_sent_without_waiting_are_answered_in_their_order(town: Town) -> None:
    rider = town.rider()
    with talking(town, rider.id, rider.token) as connection:
        for number in range(20):
            connection.send(json.dumps({"id": number, "positions": [fix(town, number)]}))
        answers = [json.loads(connection.recv(timeout=20)) for _ in range(20)]
    assert [answer["id"] for answer in answers] == list(range(20))
    assert [answer["answer"]["accepted"] for answer in answers[1:]] == [1] * 19


def test_a_message_in_pieces_is_one_message(town: Town) -> None:
    rider = town.rider()
    with talking(town, rider.id, rider.token) as connection:
        text = json.dumps({"positions": [fix(town, 1)]})
        connection.send([text[:10], text[10:30], text[30:]])
        assert json.loads(connection.recv(timeout=20))["answer"]["accepted"] == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [("not json", "malformed_json"), ({"positions": []}, "invalid_input"), ({"positions": "x"}, "invalid_input")],
)
def test_a_wrong_message_is_a_problem_and_no_end(town: Town, message: Any, code: str) -> None:
    rider = town.rider()
    with talking(town, rider.id, rider.token) as connection:
        assert asked(connection, message)["problem"]["code"] == code
        assert asked(connection, {"positions": [fix(town, 1)]})["answer"]["accepted"] == 1


def test_a_message_longer_than_the_bound_ends_the_connection(town: Town) -> None:
    rider = town.rider()
    with talking(town, rider.id, rider.token) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            asked(connection, "x" * 70_000)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    with talking(town, rider.id, rider.token) as connection, pytest.raises(ConnectionClosed):
        asked_in_pieces(connection, ["x" * 1_000] * 70)


def asked_in_pieces(connection: ClientConnection, pieces: list[str]) -> Any:
    connection.send(pieces)
    return connection.recv(timeout=20)


def refused_with(town: Town, rider_id: str, token: str | None) -> int:
    with pytest.raises(InvalidStatus) as refusal, talking(town, rider_id, token):
        pass
    return refusal.value.response.status_code


def test_nobody_talks_for_somebody_else(town: Town) -> None:
    rider, other = town.rider(), town.rider()
    assert refused_with(town, rider.id, None) == 401
    assert refused_with(town, rider.id, "nonsense") == 401
    assert refused_with(town, rider.id, town.dispatcher) == 403
    assert refused_with(town, rider.id, other.token) == 404


def test_who_does_not_ask_for_a_websocket_is_told_so(town: Town) -> None:
    rider = town.rider()
    answer = town.get(f"/v1/riders/{rider.id}/positions/socket", rider.token)
    assert (answer.status_code, answer.json()["code"], answer.headers["upgrade"]) == (
        426,
        "upgrade_required",
        "websocket",
    )
    headers = {"Authorization": f"Bearer {rider.token}", "Connection": "Upgrade", "Upgrade": "websocket"}
    half = town.client.get(f"/v1/riders/{rider.id}/positions/socket", headers=headers)
    assert (half.status_code, half.json()["code"]) == (400, "malformed_handshake")


def test_a_client_that_breaks_off_leaves_no_socket_behind(town: Town) -> None:
    rider = town.rider()
    with talking(town, rider.id, rider.token) as connection:
        asked(connection, {"positions": [fix(town, 1)]})
        connection.socket.shutdown(socket.SHUT_RDWR)

    def none_open() -> bool:
        return "doorstep_http_sockets 0.0" in town.client.get("/metrics").text

    assert wait_until(none_open, 20, "the socket stayed open")


def test_a_clock_that_is_an_hour_slow_is_set_right(town: Town) -> None:
    rider = town.rider()
    slow = -3_600.0
    sent_at = (town.now() + timedelta(seconds=slow)).isoformat()
    body = {"positions": [fix(town, slow - 1), fix(town, slow)], "sent_at": sent_at}
    answer = rider.post(f"/v1/riders/{rider.id}/positions", body).json()
    assert answer["skew_seconds"] == pytest.approx(3_600, abs=20)
    assert answer["accepted"] >= 1


def test_a_process_that_stops_says_so_to_its_devices(town: Town) -> None:
    rider = town.rider()
    address = urlsplit(town.platform.url("dispatch"))
    with talking(town, rider.id, rider.token) as connection:
        asked(connection, {"positions": [fix(town, 1)]})
        pid = town.platform.processes["dispatch"]
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012

    def is_back() -> bool:
        try:
            return httpx.get(f"http://{address.netloc}/health/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    assert wait_until(is_back, 60, "the process did not come back")


def test_a_way_is_suggested_kept_and_read_as_evidence(town: Town) -> None:
    rider = town.rider()
    _, delivery_id = town.order()
    given = town.post(f"/v1/deliveries/{delivery_id}/assign", town.dispatcher, {"rider_id": rider.id})
    assert given.status_code == 200, given.text

    def suggests(report: str, place: dict[str, float]) -> bool:
        rider.post(f"/v1/riders/{rider.id}/positions", {"positions": [{**place, "at": town.now().isoformat()}]})
        deliveries = rider.work()["deliveries"]
        return bool(deliveries) and deliveries[0]["suggested_report"] == report

    assert wait_until(lambda: suggests("arrived_at_pickup", SHOP), 20, "no arrival was seen")
    assert rider.report(delivery_id, "arrived-at-pickup").json()["stage"] == "at_pickup"
    assert rider.report(delivery_id, "picked-up").json()["seen_at_pickup"]
    home = {"lat": wire.SHOP.lat + 0.0002, "lon": wire.SHOP.lon}
    assert not suggests("arrived_at_dropoff", home)
    assert rider.report(delivery_id, "delivered").status_code == 200

    def closed() -> Any:
        track = town.get(f"/v1/deliveries/{delivery_id}/track", town.dispatcher).json()
        return track if track["legs"] and track["legs"][0]["sha256"] else None

    [leg] = wait_until(closed, 20, "the track was not closed")["legs"]
    assert (leg["rider_id"], leg["verified"], leg["lost"]) == (rider.id, True, 0)
    drawn = town.get(f"/v1/deliveries/{delivery_id}/track.geojson", town.dispatcher)
    assert drawn.headers["content-type"] == "application/geo+json"
    [feature] = drawn.json()["features"]
    assert len(feature["geometry"]["coordinates"]) == len(feature["properties"]["coordTimes"]) == len(leg["points"])
    for token, status in ((rider.token, 403), (town.platform.token(("support",)), 200)):
        assert town.get(f"/v1/deliveries/{delivery_id}/track", token).status_code == status
    assert town.get("/v1/deliveries/dlv_nobody/track", town.dispatcher).status_code == 404
