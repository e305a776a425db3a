"""The OpenAPI document says what the gateway does, all of it, and holds together."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from shared.gateway import docs
from shared.gateway.examples import example_of
from shared.gateway.openapi import document
from shared.gateway.route import routes_of
from tests.unit.gateway.probe_service import AddDrink, ProbeService, TabView

Json = dict[str, Any]
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def api() -> Json:
    return document("Probe", routes_of(ProbeService))


def operations(api: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in api["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_document_has_the_form_of_openapi_3_1(api: Json) -> None:
    assert re.fullmatch(r"3\.1\.\d+", api["openapi"])
    assert {"title", "version"} <= set(api["info"])
    assert set(api) <= {"openapi", "info", "servers", "tags", "paths", "components", "jsonSchemaDialect"}
    for path, method, operation in operations(api):
        assert path.startswith("/")
        assert method in METHODS
        assert operation["summary"]
        assert operation["responses"]
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", status)
            assert "$ref" in response or response["description"]
        for parameter in operation["parameters"]:
            assert {"name", "in", "schema"} <= set(parameter)
            assert parameter["in"] in ("path", "query", "header")


def test_every_reference_leads_somewhere(api: Json) -> None:
    found = set(references(api))
    assert found
    for reference in found:
        place: Any = api
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_route_is_listed_once_with_an_id_of_its_own(api: Json) -> None:
    declared = {(spec.template, spec.method.lower()) for spec in routes_of(ProbeService)}
    assert {(path, method) for path, method, _ in operations(api)} == declared
    ids = [operation["operationId"] for _, _, operation in operations(api)]
    assert len(ids) == len(set(ids))


def test_the_parameters_of_a_path_are_those_of_its_template(api: Json) -> None:
    for path, _, operation in operations(api):
        named = {entry["name"] for entry in operation["parameters"] if entry["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_who_may_call_a_route_is_said(api: Json) -> None:
    add = api["paths"]["/v1/tabs/{tab_id}/drinks"]["post"]
    assert add["security"] == [{"bearer": []}]
    assert add["x-roles"] == ["merchant", "operations"]
    assert api["paths"]["/health/live"]["get"]["security"] == []
    assert api["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_problems_of_a_route_are_said(api: Json) -> None:
    add = api["paths"]["/v1/tabs/{tab_id}/drinks"]["post"]
    assert set(add["responses"]) == {
        str(status) for status in (201, 400, 401, 403, 404, 409, 412, 413, 414, 415, 422, 500, 503)
    }
    assert "`tab.full`" in add["description"]
    conflict = api["components"]["responses"]["Problem409"]
    assert list(conflict["content"]) == ["application/problem+json"]
    assert "Problem" in api["components"]["schemas"]


def test_commands_take_an_idempotency_key_and_live_routes_a_last_event_id(api: Json) -> None:
    def headers(path: str, method: str) -> set[str]:
        return {entry["name"] for entry in api["paths"][path][method]["parameters"] if entry["in"] == "header"}

    assert headers("/v1/tabs/{tab_id}/drinks", "post") == {"Idempotency-Key", "If-Match"}
    assert headers("/v1/tabs/{tab_id}/live", "get") == {"Last-Event-ID"}
    live = api["paths"]["/v1/tabs/{tab_id}/live"]["get"]
    assert list(live["responses"]["200"]["content"]) == ["text/event-stream"]
    assert "`Added`" in live["description"]


def test_the_fields_of_a_query_are_parameters_with_their_limits(api: Json) -> None:
    query = {entry["name"]: entry for entry in api["paths"]["/v1/tabs"]["get"]["parameters"]}
    assert set(query) == {"limit", "cursor", "kind"}
    assert query["limit"]["schema"]["maximum"] == 200
    assert query["kind"]["schema"]["type"] == "array"


def test_examples_are_valid_input_and_output(api: Json) -> None:
    add = api["paths"]["/v1/tabs/{tab_id}/drinks"]["post"]
    AddDrink.model_validate(add["requestBody"]["content"]["application/json"]["example"])
    TabView.model_validate(add["responses"]["201"]["content"]["application/json"]["example"])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 5},
        {"type": "integer", "exclusiveMaximum": 0},
        {"type": "string", "minLength": 9},
        {"type": "string", "maxLength": 2},
        {"type": "array", "minItems": 2, "items": {"enum": ["a"]}},
        {"anyOf": [{"type": "null"}, {"type": "string", "format": "date-time"}]},
        {"$ref": "#/components/schemas/Loop"},
    ],
)
def test_an_example_keeps_the_limits_of_its_schema(schema: Json) -> None:
    loop: Json = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Loop"}}}
    example = example_of(schema, {"Loop": loop}, "name")
    assert example is not None
    if "minimum" in schema:
        assert example >= schema["minimum"]
    if "exclusiveMaximum" in schema:
        assert example < schema["exclusiveMaximum"]
    assert len(str(example)) >= schema.get("minLength", 0)
    assert not isinstance(example, str) or len(example) <= schema.get("maxLength", 99)
    assert TypeAdapter(Any).dump_json(example)


def test_the_docs_page_shows_the_routes_in_one_file(api: Json) -> None:
    html, digests = docs.render(api)
    for _, _, operation in operations(api):
        assert f'id="{operation["operationId"]}"' in html
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html) == []
    assert " style=" not in html
    assert re.findall(r"\son\w+=", html) == []
    assert len(digests) == 2


def test_the_docs_page_shows_foreign_text_as_text(api: Json) -> None:
    html, _ = docs.render(api | {"info": api["info"] | {"title": "<script>alert(1)</script>"}})
    assert "<script>alert" not in html
