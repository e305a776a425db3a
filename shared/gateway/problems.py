"""Every answer that is not a success, as an RFC 9457 problem document, so that clients handle all errors one way."""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from werkzeug.wrappers import Response

from shared.kernel.errors import DomainError, InvalidInput, NotAllowed, NotFound, StaleVersion

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_RESERVED = frozenset({"type", "title", "status", "detail", "code", "errors", "instance"})
_OUTAGES = (psycopg.OperationalError, psycopg.InterfaceError, ConnectionError, TimeoutError)


class Problem(Exception):
    """An answer that the gateway itself gives instead of the route's: status, stable `code`, one plain sentence."""

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.facts = dict(facts or {})
        self.close = close
        """The request's body has not been read and will not be: the connection must end."""

    def document(self, trace_id: str) -> dict[str, Any]:
        """The problem document; `instance` names the trace under which the server's log tells more."""
        document: dict[str, Any] = {
            "type": f"urn:doorstep:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.sentence,
            "code": self.code,
            "instance": f"urn:doorstep:trace:{trace_id}",
        }
        if self.errors:
            document["errors"] = [dict(entry) for entry in self.errors]
        facts = to_jsonable_python(self.facts, fallback=str)
        document.update((name, value) for name, value in facts.items() if name not in _RESERVED)
        return document

    def response(self, trace_id: str) -> Response:
        response = Response(
            json.dumps(self.document(trace_id), ensure_ascii=False), status=self.status, content_type=MEDIA_TYPE
        )
        for name, value in self.headers.items():
            response.headers[name] = value
        response.headers["Cache-Control"] = "no-store"
        return response


def unauthenticated(code: str, sentence: str) -> Problem:
    """401, with the challenge that RFC 6750 asks for."""
    error = "" if code == "unauthenticated" else ' error="invalid_token"'
    return Problem(401, code, sentence, headers={"WWW-Authenticate": f'Bearer realm="doorstep"{error}'})


def invalid_input(error: ValidationError, where: str = "") -> Problem:
    """422 with every fault of the input; the values themselves are not repeated, they may be personal."""
    errors = [
        {
            "field": ".".join(part for part in (where, *map(str, fault["loc"])) if part),
            "code": str(fault["type"]),
            "detail": _sentence(str(fault["msg"])),
        }
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    fields = ", ".join(dict.fromkeys(entry["field"] or "the body" for entry in errors))
    return Problem(422, "invalid_input", f"these fields are not valid: {fields}", errors=errors)


def problem_of(error: BaseException) -> Problem | None:
    """The problem that an error is answered with; None when the error is a bug."""
    match error:
        case Problem():
            return error
        case InvalidInput():
            return Problem(
                422,
                error.code,
                str(error) or "the input is not valid",
                errors=[{"field": f.field, "code": f.code, "detail": f.sentence} for f in error.faults],
            )
        case DomainError():
            return Problem(status_of(type(error)), error.code, error.sentence, facts=error.facts)
        case StaleVersion():
            return Problem(
                409, "stale_version", "somebody else changed this at the same moment; read it again and retry"
            )
        case psycopg.DataError():
            return Problem(422, "invalid_input", "a value cannot be stored as it was given")
        case error if isinstance(error, _OUTAGES):
            return Problem(
                503,
                "unavailable",
                "a part of the platform is not reachable at the moment; try again shortly",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        case _:
            return None


def bug() -> Problem:
    """500 that tells nothing of what went wrong inside."""
    return Problem(500, "internal_error", "something went wrong on our side; it has been recorded")


def status_of(refusal: type[DomainError]) -> int:
    """The status that a kind of refusal is answered with."""
    for kind, status in ((InvalidInput, 422), (NotFound, 404), (NotAllowed, 403)):
        if issubclass(refusal, kind):
            return status
    return 409


def _sentence(message: str) -> str:
    return re.sub(r"^Value error, ", "", message)
