"""A route that is declared wrongly is an error when its module is imported, not when somebody calls it."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from shared.gateway.auth import PUBLIC
from shared.gateway.call import Call
from shared.gateway.route import page, route, routes_of
from shared.gateway.sse import Stream
from tests.unit.gateway.probe_service import ProbeGateway, ProbeService


class Body(BaseModel):
    text: str


def handler(_self: object, call: Call, thing_id: str) -> None: ...


def test_a_route_without_roles_is_refused() -> None:
    with pytest.raises(TypeError, match="roles"):
        route("GET", "/v1/things", summary="Things")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="name the roles"):
        route("GET", "/v1/things", roles=set(), summary="Things")


def test_a_role_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown roles marchant"):
        route("GET", "/v1/things", roles={"marchant", "rider"}, summary="Things")
    with pytest.raises(ValueError, match="name the roles"):
        route("GET", "/v1/things", roles="rider", summary="Things")  # type: ignore[arg-type]


def test_a_method_that_does_not_take_the_parameters_of_its_path_is_refused() -> None:
    with pytest.raises(TypeError, match=r"\(self, call, order_id\)"):
        route("GET", "/v1/things/<order_id>", roles=PUBLIC, summary="A thing")(handler)
    with pytest.raises(TypeError):
        route("GET", "/v1/things", roles=PUBLIC, summary="A thing")(handler)


def test_a_get_with_a_body_is_refused() -> None:
    with pytest.raises(TypeError, match="GET takes no body"):
        route("GET", "/v1/things/<thing_id>", roles=PUBLIC, body=Body, summary="A thing")(handler)


def test_a_page_without_its_file_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.html"):
        page("/here", Path("nowhere.html"), summary="A page")


def test_a_method_that_returns_a_stream_is_a_live_route() -> None:
    kinds = {spec.template: spec.kind for spec in routes_of(ProbeGateway)}
    assert kinds["/v1/tabs/{tab_id}/live"] == "stream"
    assert kinds["/v1/tabs/{tab_id}"] == "json"
    assert kinds["/tab/{tab_id}"] == "page"
    assert Stream.__name__ == "Stream"


def test_every_service_has_the_standard_routes() -> None:
    paths = {spec.template for spec in routes_of(ProbeService)}
    assert {
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/static/{path}",
        "/v1/parked",
        "/v1/parked/{parked_id}",
        "/v1/parked/{parked_id}/retry",
        "/v1/parked/{parked_id}/skip",
    } <= paths
