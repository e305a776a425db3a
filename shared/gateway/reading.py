"""Reads what a client sent, never more than is allowed, and says everything that is wrong with it at once."""

from collections.abc import Mapping
from typing import Any, get_args, get_origin

import eventlet
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from werkzeug.datastructures import MultiDict

from shared.gateway.problems import Problem, invalid_input
from shared.gateway.request import GatewayRequest
from shared.gateway.spec import RouteSpec

MAX_BODY_BYTES = 256 * 1024
MAX_URL_BYTES = 8 * 1024
BODY_SECONDS = 20.0
_LISTS = (list, set, frozenset, tuple)
_SUSPECT = (b"\0", b"\\u0000", b"NaN", b"Infinity")
"""A body without these can hold no NUL and no figure that JSON does not know: reading it once is enough."""


def read_body(environ: Mapping[str, Any]) -> bytes:
    """The request's body; a problem when it is too large (it is then not read), too slow, or cut off."""
    declared = int(environ.get("CONTENT_LENGTH") or 0)
    if declared > MAX_BODY_BYTES:
        raise too_large()
    chunked = is_chunked(environ)
    if not declared and not chunked:
        return b""
    try:
        with eventlet.Timeout(BODY_SECONDS):
            content: bytes = environ["wsgi.input"].read(MAX_BODY_BYTES + 1 if chunked else declared)
    except (eventlet.Timeout, TimeoutError):
        raise Problem(408, "request_timeout", "the body did not arrive in time", close=True) from None
    except (OSError, ValueError):
        raise Problem(400, "malformed_body", "the body was cut off or badly chunked", close=True) from None
    if len(content) > MAX_BODY_BYTES:
        raise too_large()
    if len(content) < declared:
        raise Problem(400, "malformed_body", "the body is shorter than was announced", close=True)
    return content


def too_large() -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"the body may have at most {MAX_BODY_BYTES // 1024} KiB",
        facts={"limit_bytes": MAX_BODY_BYTES},
        close=True,
    )


def is_chunked(environ: Mapping[str, Any]) -> bool:
    return str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower() == "chunked"


def body_of(request: GatewayRequest, spec: RouteSpec) -> BaseModel | None:
    """The validated body."""
    raw = request.raw_body = read_body(request.environ)
    if spec.body is None:
        return None
    if raw and not _is_json(request):
        raise Problem(415, "unsupported_media_type", "send the body as application/json")
    if not any(part in raw for part in _SUSPECT):
        try:
            # In JSON mode, so that a strict model still reads dates and enums from text.
            return spec.body.model_validate_json(raw if raw.strip() else b"{}")
        except ValidationError:
            # What is wrong with it is told below, the letters before the fields.
            pass
    return _scrutinised(raw, spec.body)


def _scrutinised(raw: bytes, model: type[BaseModel]) -> BaseModel:
    """A body that is not good, or has letters that make it worth a closer look."""
    try:
        # Commands whose fields are all optional may come without a body.
        value = from_json(raw, allow_inf_nan=False) if raw.strip() else {}
    except ValueError as error:
        raise Problem(400, "malformed_json", f"the body is not JSON: {error}") from None
    if _has_nul(value):
        raise _nul("the body")
    try:
        return model.model_validate_json(raw if raw.strip() else b"{}")
    except ValidationError as error:
        raise invalid_input(error) from None


def query_of(request: GatewayRequest, spec: RouteSpec) -> BaseModel | None:
    """The validated query string."""
    if spec.query is None:
        return None
    values = _plain(request.args, spec.query)
    if _has_nul(values):
        raise _nul("the query")
    try:
        return spec.query.model_validate(values)
    except ValidationError as error:
        raise invalid_input(error) from None


def _plain(args: MultiDict[str, str], model: type[BaseModel]) -> dict[str, Any]:
    """A list for the fields that are lists, otherwise the value; one given twice stays a list, which is refused."""
    lists = {entry.alias or name for name, entry in model.model_fields.items() if _is_list(entry.annotation)}
    return {name: values if name in lists or len(values) > 1 else values[0] for name, values in args.lists()}


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    if origin in _LISTS:
        return True
    return any(_is_list(inner) for inner in get_args(annotation)) if get_args(annotation) else False


def _is_json(request: GatewayRequest) -> bool:
    if not any(name.lower() == "content-type" for name, _ in request.environ.get("headers_raw", ())):
        return True
    kind = request.mimetype
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _has_nul(value: Any) -> bool:
    """PostgreSQL cannot keep U+0000 in text; refused here, for every field of every route."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(_has_nul(inner) for inner in value)


def _nul(where: str) -> Problem:
    return Problem(422, "invalid_input", f"{where} holds a NUL character (U+0000), which cannot be kept")
