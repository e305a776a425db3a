"""Describes a service's routes as OpenAPI 3.1, from the same declarations that check the requests."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args

from pydantic import TypeAdapter

from shared.gateway.auth import Public
from shared.gateway.examples import example_of
from shared.gateway.problems import MEDIA_TYPE as PROBLEM
from shared.gateway.problems import status_of
from shared.gateway.reading import MAX_BODY_BYTES, MAX_URL_BYTES
from shared.gateway.spec import RouteSpec
from shared.gateway.sse import MEDIA_TYPE as EVENTS

Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_CONVERTERS: dict[str, Json] = {"int": {"type": "integer"}, "float": {"type": "number"}}
_MEDIA = {"page": "text/html", "file": "application/octet-stream", "stream": EVENTS, "json": "application/json"}
_REASONS = {
    400: "The request is not well formed",
    401: "No token, or one that is not valid",
    403: "The token's roles may not do this",
    404: "There is no such thing, or it is not visible to the caller",
    409: "The business refuses, or somebody else was first; `code` says which",
    412: "The thing has changed since the version named by `If-Match`",
    414: f"The address is longer than {MAX_URL_BYTES // 1024} KiB",
    413: f"The body is larger than {MAX_BODY_BYTES // 1024} KiB",
    415: "The body is not JSON",
    426: "The request does not ask for a WebSocket",
    422: "Fields are missing or wrong, all of them named; or the idempotency key was used for another request",
    500: "A fault of ours; it tells nothing of the inside",
    503: "A part of the platform is not reachable; try again after `Retry-After` seconds",
}
_PROBLEM_SCHEMA: Json = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details. Further members are the facts of the refusal.",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": ["urn:doorstep:problem:not_found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "one plain sentence"},
        "code": {"type": "string", "description": "stable; decide by it"},
        "instance": {"type": "string", "format": "uri", "description": "names the trace in the server's log"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string", "description": "dotted path"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and request are answered the same and done once; with another request: 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
_LAST_EVENT_ID: Json = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event seen; the stream goes on after it. Also as query `last_event_id`.",
    "schema": {"type": "string"},
}
_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": 'The `ETag` that the caller has read, such as `"7"`.',
    "schema": {"type": "string"},
}


def document(title: str, routes: Sequence[RouteSpec]) -> Json:
    """The OpenAPI document of a service."""
    schemas, components = _schemas(routes)
    components["Problem"] = _PROBLEM_SCHEMA
    paths: dict[str, Json] = {}
    for spec in routes:
        paths.setdefault(spec.template, {})[spec.method.lower()] = _operation(spec, schemas, components)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": title,
            "version": _version(),
            "description": "Times are RFC 3339 in UTC, money is integer cents, errors are RFC 9457 problem details.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(tag for spec in routes for tag in _tags(spec))],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {
                f"Problem{status}": {
                    "description": reason,
                    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for status, reason in _REASONS.items()
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "EdDSA-signed, with the claims `sub`, `iss`, `exp`, `roles` and `ids`.",
                }
            },
        },
    }


def _schemas(routes: Iterable[RouteSpec]) -> tuple[dict[tuple[int, str], Json], Json]:
    """The schema of each route's input and output by (index of its spec's id, use), and the shared components."""
    inputs: list[tuple[tuple[int, str], Any, TypeAdapter[Any]]] = []
    for spec in routes:
        if spec.body is not None:
            inputs.append(((id(spec), "body"), "validation", TypeAdapter(spec.body)))
        if spec.query is not None:
            inputs.append(((id(spec), "query"), "validation", TypeAdapter(spec.query)))
        if spec.answer is not None:
            inputs.append(((id(spec), "answer"), "serialization", spec.adapter))
    if not inputs:
        return {}, {}
    found, shared = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    components: Json = shared.get("$defs", {})
    return {key: schema for (key, _), schema in found.items()}, components


def _operation(spec: RouteSpec, schemas: dict[tuple[int, str], Json], components: Json) -> Json:
    operation: Json = {
        "operationId": _operation_id(spec),
        "summary": spec.summary,
        "description": _description(spec),
        "tags": _tags(spec),
        "parameters": _parameters(spec, schemas, components),
        "responses": _responses(spec, schemas, components),
        "security": [] if spec.is_public else [{"bearer": []}],
    }
    if not isinstance(spec.roles, Public):
        operation["x-roles"] = sorted(spec.roles)
    if spec.body is not None:
        schema = schemas[id(spec), "body"]
        example = spec.examples.get("body", example_of(schema, components))
        operation["requestBody"] = {
            "required": bool(spec.body.model_json_schema().get("required")),
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    return operation


def _parameters(spec: RouteSpec, schemas: dict[tuple[int, str], Json], components: Json) -> list[Json]:
    parameters: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _CONVERTERS.get(converter, {"type": "string"}),
        }
        for name, converter in spec.parameters
    ]
    if spec.query is not None:
        parameters += _query_parameters(schemas[id(spec), "query"], components)
    if spec.command:
        parameters += [_IDEMPOTENCY_KEY, _IF_MATCH]
    if spec.kind == "stream":
        parameters.append(_LAST_EVENT_ID)
    return parameters


def _query_parameters(schema: Json, components: Json) -> list[Json]:
    whole = components[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    required = whole.get("required", [])
    parameters = []
    for name, entry in whole.get("properties", {}).items():
        parameter: Json = {"name": name, "in": "query", "required": name in required, "schema": entry}
        if "description" in entry:
            parameter["description"] = entry["description"]
        parameters.append(parameter)
    return parameters


def _responses(spec: RouteSpec, schemas: dict[tuple[int, str], Json], components: Json) -> Json:
    problems = {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in _problems(spec)}
    if spec.kind == "socket":
        return {"101": {"description": "The conversation begins"}, **problems}
    success: Json = {"description": _success(spec)}
    media: Json = {}
    schema = schemas.get((id(spec), "answer"))
    if spec.kind == "stream":
        media = {"schema": {"type": "string", "description": "server-sent events; see the description"}}
    elif schema is not None:
        media = {"schema": schema, "example": spec.examples.get("answer", example_of(schema, components))}
    if spec.status != 204:
        success["content"] = {spec.media or _MEDIA[spec.kind]: media}
    if schema is not None and spec.kind == "json":
        success["headers"] = {
            "ETag": {"description": "the version, where there is one", "schema": {"type": "string"}}
        }
    return {str(spec.status): success, **problems}


def _problems(spec: RouteSpec) -> list[int]:
    """The statuses, other than success, that a route can answer."""
    statuses = {500, 503, *map(status_of, spec.refusals)}
    if not spec.is_public:
        statuses |= {401, 403}
    if spec.parameters:
        statuses |= {404, 414}
    if spec.kind == "socket":
        statuses |= {400, 426}
    if spec.body is not None:
        statuses |= {400, 413, 415, 422}
    if spec.query is not None:
        statuses |= {414, 422}
    if spec.command:
        statuses |= {400, 404, 409, 412, 422}
    return sorted(statuses)


def _description(spec: RouteSpec) -> str:
    parts = [spec.description]
    if not isinstance(spec.roles, Public):
        parts.append(f"For {', '.join(sorted(spec.roles))}.")
    if spec.kind == "stream":
        parts.append("A stream of server-sent events with a heartbeat at least every 10 s.")
        if spec.answer is not None:
            names = [getattr(kind, "__name__", "JSON") for kind in get_args(spec.answer) or (spec.answer,)]
            parts.append(f"The data of each event is {' or '.join(f'`{name}`' for name in names)}.")
    if spec.kind == "socket":
        parts.append(
            "A WebSocket (RFC 6455), token in the header or as the second subprotocol: `doorstep, bearer.<token>`."
        )
        if spec.answer is not None:
            parts.append(f"The answer to each message is `{spec.answer.__name__}`.")
    if spec.refusals:
        codes = ", ".join(f"`{refusal.code}`" for refusal in spec.refusals)
        parts.append(f"Refused with {codes}.")
    return "\n\n".join(part for part in parts if part)


def _success(spec: RouteSpec) -> str:
    return {200: "Done", 201: "Made", 202: "Taken in", 204: "Done; there is nothing to say"}.get(
        spec.status, "Success"
    )


def _tags(spec: RouteSpec) -> list[str]:
    """The tags of a route: its own, or what its path is about."""
    if spec.tags:
        return list(spec.tags)
    if spec.kind in ("page", "file"):
        return ["pages"]
    match = re.match(r"/v\d+/([^/{]+)", spec.template)
    return [match[1]] if match else ["other"]


def _operation_id(spec: RouteSpec) -> str:
    words = re.findall(r"[a-zA-Z0-9]+", spec.template.replace("/v1/", "/"))
    return "_".join([spec.method.lower(), *words]) or spec.method.lower()


def _version() -> str:
    try:
        return version("doorstep")
    except PackageNotFoundError:
        return "0"
