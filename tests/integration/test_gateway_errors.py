"""Whatever a client sends, it gets a problem document, the service goes on, and nothing is recorded."""

import json
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.gateway.tokens import generate_keypair, issue, write_jwks
from tests.unit.gateway.probing import Probe, running_probe

DRINKS = "/v1/tabs/tab-1/drinks"
TEA: dict[str, Any] = {"drink": "tea", "cents": 500, "table": 3}


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    with running_probe(tmp_path_factory.mktemp("probe")) as running:
        yield running


@pytest.fixture
def merchant(probe: Probe) -> Iterator[httpx.Client]:
    with probe.client("merchant", ids=("tab-1",)) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_is_recorded(probe: Probe) -> Iterator[None]:
    yield
    assert probe.events_in_log() == 0


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code), document
    assert document["type"] == f"urn:doorstep:problem:{code}"
    assert document["title"]
    assert document["detail"]
    assert document["instance"].startswith("urn:doorstep:trace:")
    return document


@pytest.mark.parametrize(
    "body", [b"{", b"{'drink': 'tea'}", b"\xff\xfe", b'{"cents": NaN}', b'"\\ud800"', b"[" * 10_000]
)
def test_malformed_json_is_a_400(merchant: httpx.Client, body: bytes) -> None:
    answer = merchant.post(DRINKS, content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "malformed_json")


def test_missing_and_wrong_fields_are_all_named_at_once(merchant: httpx.Client) -> None:
    document = problem(merchant.post(DRINKS, json={"cents": "5", "extra": 1}), 422, "invalid_input")
    assert {error["field"]: error["code"] for error in document["errors"]} == {
        "drink": "missing",
        "cents": "int_type",
        "table": "missing",
        "extra": "extra_forbidden",
    }
    assert all(error["detail"] for error in document["errors"])


def test_an_absent_body_names_every_required_field(merchant: httpx.Client) -> None:
    document = problem(merchant.post(DRINKS), 422, "invalid_input")
    assert {error["field"] for error in document["errors"]} == {"drink", "cents", "table"}


@pytest.mark.parametrize("body", [b"[]", b"null", b"3", b'"tea"'])
def test_json_that_is_not_an_object_is_a_422(merchant: httpx.Client, body: bytes) -> None:
    problem(merchant.post(DRINKS, content=body, headers={"Content-Type": "application/json"}), 422, "invalid_input")


def test_a_nul_character_anywhere_is_a_422_and_in_a_path_a_404(merchant: httpx.Client) -> None:
    problem(merchant.post(DRINKS, json={**TEA, "drink": "t\0a"}), 422, "invalid_input")
    problem(merchant.get("/v1/tabs?cursor=%00"), 422, "invalid_input")
    problem(merchant.get("/v1/tabs/%00"), 404, "not_found")


def test_a_body_that_is_not_json_by_its_own_account_is_a_415(merchant: httpx.Client) -> None:
    problem(merchant.post(DRINKS, data={"drink": "tea"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("nonsense=1", "nonsense"),
        ("kind=ajar", "kind.0"),
        ("cursor=xyz", "cursor"),
        ("cursor=eyJhIjoxfQ", "cursor"),
    ],
)
def test_a_wrong_query_names_the_parameter(merchant: httpx.Client, query: str, field: str) -> None:
    document = problem(merchant.get(f"/v1/tabs?{query}"), 422, "invalid_input")
    assert [error["field"] for error in document["errors"]] == [field]


def test_an_unknown_address_is_a_404_document(merchant: httpx.Client) -> None:
    problem(merchant.get("/v1/nothing"), 404, "no_such_route")
    problem(merchant.post("/"), 404, "no_such_route")


def test_a_wrong_method_is_a_405_that_names_the_right_ones(merchant: httpx.Client) -> None:
    answer = merchant.put(DRINKS, json=TEA)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "OPTIONS, POST"


def test_options_names_the_methods_and_head_has_the_headers_of_get(merchant: httpx.Client) -> None:
    options = merchant.options("/v1/tabs")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    head, get = merchant.head("/v1/tabs"), merchant.get("/v1/tabs")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def unsigned(probe: Probe) -> str:
    def part(content: dict[str, Any]) -> str:
        return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    claims = {"sub": "eve", "iss": "doorstep", "exp": time.time() + 99, "roles": ["merchant"]}
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': probe.key.kid})}.{part(claims)}."


def test_no_token_is_a_401_with_a_challenge(probe: Probe) -> None:
    with probe.client() as client:
        answer = client.post(DRINKS, json=TEA)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="doorstep"'


def test_tokens_that_are_not_ours_are_a_401(probe: Probe) -> None:
    stranger = generate_keypair(probe.key.kid)
    claims: dict[str, Any] = {"subject": "eve", "roles": ["merchant"], "ids": ["tab-1"]}
    refused = {
        "expired": (issue(probe.key, **claims, now_unix=time.time() - 7200), "token_expired"),
        "signed by a foreign key": (issue(stranger, **claims), "token_invalid"),
        "without a signature": (unsigned(probe), "token_invalid"),
        "of another issuer": (issue(probe.key, **claims, issuer="elsewhere"), "token_invalid"),
        "not a token": ("abc.def", "token_invalid"),
        "not text": ("ÿ" * 9, "token_invalid"),
    }
    with probe.client() as client:
        for kind, (token, code) in refused.items():
            answer = client.post(DRINKS, json=TEA, headers={b"Authorization": f"Bearer {token}".encode("latin-1")})
            assert answer.json()["code"] == code, kind
            problem(answer, 401, code)
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_with_one_changed_letter_is_a_401(probe: Probe) -> None:
    head, claims, signature = probe.token("merchant", ids=("tab-1",)).split(".")
    forged = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    with probe.client(Authorization=f"Bearer {forged}") as client:
        problem(client.post(DRINKS, json=TEA), 401, "token_invalid")


def test_the_wrong_role_is_a_403_and_somebody_elses_thing_a_404(probe: Probe) -> None:
    with probe.client("customer", "rider") as client:
        document = problem(client.post(DRINKS, json=TEA), 403, "wrong_role")
    assert document["roles"] == ["merchant", "operations"]
    with probe.client("merchant", ids=("tab-2",)) as client:
        problem(client.post(DRINKS, json=TEA), 404, "not_found")


def test_a_body_of_10_mb_is_a_413_and_the_next_connection_works(probe: Probe, merchant: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    problem(merchant.post(DRINKS, content=b"x" * 10_000_000, headers=headers), 413, "body_too_large")
    problem(merchant.get("/v1/nothing"), 404, "no_such_route")
    with probe.client("merchant") as another:
        assert another.get("/v1/tabs").status_code == 200


def test_an_address_of_10_kb_is_a_414_and_the_next_connection_works(probe: Probe, merchant: httpx.Client) -> None:
    problem(merchant.get(DRINKS, params={"name": "x" * 10_000}), 414, "address_too_long")
    assert merchant.get(f"{probe.url}/health/live").status_code == 200


def test_a_chunked_body_of_10_mb_is_a_413_too(probe: Probe, merchant: httpx.Client) -> None:
    pieces = (b"x" * 10_000 for _ in range(1_000))
    answer = merchant.post(DRINKS, content=pieces, headers={"Content-Type": "application/json"})
    problem(answer, 413, "body_too_large")
    with probe.client("merchant") as another:
        assert another.get("/v1/tabs").status_code == 200


def test_a_large_body_without_a_token_is_refused_unread(probe: Probe) -> None:
    with probe.client() as client:
        problem(client.post(DRINKS, content=b"x" * 10_000_000), 401, "unauthenticated")


def raw(probe: Probe, request: bytes) -> bytes:
    """Sends bytes as they are and reads until the server closes or falls silent."""
    with socket.create_connection((probe.host, probe.port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"this is not http\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBig: " + b"x" * 20_000 + b"\r\n\r\n", b"400"),
    ],
)
def test_bytes_that_are_not_a_proper_request_end_the_connection(
    probe: Probe, request_head: bytes, status: bytes
) -> None:
    answer = raw(probe, request_head)
    assert answer.startswith(b"HTTP/1."), answer
    assert answer.split(b" ", 2)[1] == status
    assert b"onnection: close" in answer


def test_a_badly_chunked_body_is_a_400(probe: Probe) -> None:
    token = probe.token("merchant", ids=("tab-1",))
    head = f"POST {DRINKS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(probe, head.encode() + b"zz\r\nhello\r\n0\r\n\r\n")
    assert b" 400 " in answer
    assert b"malformed_body" in answer


def test_domain_errors_name_every_fault(merchant: httpx.Client) -> None:
    document = problem(merchant.post("/v1/trouble/several_faults"), 422, "invalid_input")
    assert [(error["field"], error["code"]) for error in document["errors"]] == [("a", "bad"), ("b.c", "worse")]


def test_a_stale_version_is_a_409(merchant: httpx.Client) -> None:
    problem(merchant.post("/v1/trouble/stale"), 409, "stale_version")


def test_an_outage_is_a_503_that_says_when_to_come_back(merchant: httpx.Client) -> None:
    answer = merchant.post("/v1/trouble/outage")
    assert "10.0.0.7" not in str(problem(answer, 503, "unavailable"))
    assert int(answer.headers["retry-after"]) > 0


def test_a_bug_is_a_500_that_tells_nothing_and_is_logged_with_its_trace(probe: Probe, merchant: httpx.Client) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = merchant.post("/v1/trouble/bug", headers={"traceparent": traceparent})
    assert "swordfish" not in str(problem(answer, 500, "internal_error"))
    bugs = [entry for entry in probe.log_entries("bug") if entry["trace"] == traceparent.split("-")[1]]
    assert len(bugs) == 1
    assert "RuntimeError: the password is" in bugs[0]["exception"]


def test_keys_can_be_rotated_while_the_service_runs(probe: Probe) -> None:
    fresh = generate_keypair("fresh")
    token = issue(fresh, subject="lin", roles=["merchant"])
    with probe.client(Authorization=f"Bearer {token}") as client:
        problem(client.get("/v1/tabs"), 401, "token_invalid")
        write_jwks(probe.jwks, [probe.key, fresh])
        assert client.get("/v1/tabs").status_code == 200
        probe.jwks.write_text("{ half a file")
        assert client.get("/v1/tabs").status_code == 200
        write_jwks(probe.jwks, [probe.key])
        problem(client.get("/v1/tabs"), 401, "token_invalid")


def test_no_token_is_ever_logged(probe: Probe, merchant: httpx.Client) -> None:
    merchant.get("/v1/tabs?cursor=" + probe.token("merchant"))
    assert "eyJ" not in Path(probe.log).read_text()
