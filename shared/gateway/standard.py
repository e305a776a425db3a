"""The routes that every service has: health, metrics, documentation, files, and the messages it could not handle."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from shared.gateway import docs, figures, openapi
from shared.gateway.auth import PUBLIC, Role
from shared.gateway.call import Call
from shared.gateway.cursor import Page, PageQuery, encode_cursor
from shared.gateway.files import content_security_policy
from shared.gateway.problems import Problem
from shared.gateway.route import assets, route, routes_of
from shared.kernel.errors import Fault, InvalidInput
from shared.messaging.parked import (
    MAX_REASON_LENGTH,
    NobodyHandles,
    NotFirstOfItsSequence,
    Parked,
    ParkedMessage,
    ParkedNotFound,
    ParkedSequence,
    Retried,
)
from shared.runtime import metrics
from shared.runtime.health import BOARD

STATIC = Path(__file__).parent.parent / "web" / "static"


class SkipParked(BaseModel):
    """Why a message may be given up."""

    reason: str = Field(min_length=1, max_length=MAX_REASON_LENGTH)


class StandardRoutes:
    """Inherit it in a service's gateway. The service's parts need `store`, `clock` and `settings`.

    Parts that have an `inbox` (or several `inboxes`) can have their parked messages tried again here. Parts may have
    `checks: Mapping[str, Callable[[], None]]`; each raises when the process isn't ready for requests.
    """

    name: str
    title: str = ""
    """Heads the documentation; the service's name when empty."""
    parts: Any

    standard_static = assets("/static/<path:path>", STATIC)

    @route("GET", "/health/live", roles=PUBLIC, summary="Whether the process runs", tags=("operations",))
    def standard_live(self, call: Call) -> Response:  # noqa: ARG002
        return _json({"status": "alive", "service": self.name})

    @route(
        "GET",
        "/health/ready",
        roles=PUBLIC,
        summary="Whether the process can serve",
        description="503 while the database is not reachable or a loop of the process has been failing for 15 s.",
        tags=("operations",),
    )
    def standard_ready(self, call: Call) -> Response:  # noqa: ARG002
        checks = {"store": self.parts.store.log_position, **getattr(self.parts, "checks", {})}
        results = {name: _verdict(check) for name, check in checks.items()} | BOARD.faults()
        ready = all(result == "ok" for result in results.values())
        # Without the broker the gateway still serves: that is told, and is no reason to send callers elsewhere.
        results |= BOARD.conditions()
        if not ready:
            raise Problem(
                503,
                "not_ready",
                "this process cannot serve now",
                headers={"Retry-After": "2"},
                facts={"checks": results},
            )
        return _json({"status": "ready", "service": self.name, "checks": results})

    @route(
        "GET",
        "/metrics",
        roles=PUBLIC,
        summary="Measurements for Prometheus",
        tags=("operations",),
        media="text/plain",
    )
    def standard_metrics(self, call: Call) -> Response:  # noqa: ARG002
        figures.measure(self.parts.store, self.parts.clock)
        return Response(metrics.render(), content_type=metrics.CONTENT_TYPE)

    @route("GET", "/openapi.json", roles=PUBLIC, summary="This description", tags=("documentation",))
    def standard_openapi(self, call: Call) -> Response:
        response = _json(self._document())
        response.add_etag()
        response.headers["Cache-Control"] = "no-cache"
        response.make_conditional(call.request.environ)
        return response

    @route(
        "GET",
        "/docs",
        roles=PUBLIC,
        summary="This description, to be read",
        tags=("documentation",),
        media="text/html",
    )
    def standard_docs(self, call: Call) -> Response:  # noqa: ARG002
        html, inline = docs.render(self._document())
        response = Response(html, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = content_security_policy(inline=inline)
        return response

    @route(
        "GET",
        "/v1/parked",
        roles={Role.OPERATOR},
        query=PageQuery,
        answer=Page[ParkedSequence],
        summary="Sequences of messages that stand still",
        tags=("operations",),
        description="Oldest first; each with its first message, why it failed, and how many wait behind it.",
    )
    def standard_parked(self, call: Call[None, PageQuery]) -> Page[ParkedSequence]:
        after = call.query.after("parked_id")
        found = self._parked().list(call.query.limit + 1, _whole(after and after["parked_id"]))
        shown = found[: call.query.limit]
        more = encode_cursor({"parked_id": shown[-1].parked_id}) if len(found) > len(shown) else None
        return Page(items=shown, next=more)

    @route(
        "GET",
        "/v1/parked/<int:parked_id>",
        roles={Role.OPERATOR},
        answer=list[ParkedMessage],
        summary="The messages of a sequence that stands still",
        tags=("operations",),
        description="First message first. Their bodies (as text, and in base64 as they came) may hold personal data.",
    )
    def standard_parked_show(self, call: Call, parked_id: int) -> list[ParkedMessage]:  # noqa: ARG002
        return list(self._parked().show(parked_id))

    @route(
        "POST",
        "/v1/parked/<int:parked_id>/retry",
        roles={Role.OPERATOR},
        answer=Retried,
        summary="Try a sequence again, first message first",
        tags=("operations",),
        refusals=(ParkedNotFound, NobodyHandles),
    )
    def standard_parked_retry(self, call: Call, parked_id: int) -> Retried:
        return self._parked().retry(parked_id, call.context)

    @route(
        "POST",
        "/v1/parked/<int:parked_id>/skip",
        roles={Role.OPERATOR},
        body=SkipParked,
        status=204,
        summary="Give the first message of a sequence up, with a reason",
        tags=("operations",),
        refusals=(ParkedNotFound, NotFirstOfItsSequence),
    )
    def standard_parked_skip(self, call: Call[SkipParked], parked_id: int) -> None:
        self._parked().skip(parked_id, call.context, call.body.reason)

    def _parked(self) -> Parked:
        inbox = getattr(self.parts, "inbox", None)
        inboxes = getattr(self.parts, "inboxes", (inbox,) if inbox is not None else ())
        return Parked(self.parts.store, tuple(inboxes))

    def _document(self) -> dict[str, Any]:
        return openapi.document(self.title or f"Doorstep: {self.name}", routes_of(type(self)))


def _verdict(check: Any) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the process is not ready, and the answer says why
        return f"failed: {type(error).__name__}"
    return "ok"


def _whole(value: Any) -> int:
    """The number in a cursor, 0 without one."""
    if value is None:
        return 0
    if not isinstance(value, int):
        raise InvalidInput([Fault("cursor", "invalid_cursor", "the cursor is not one that this list gave")])
    return value


def _json(content: Any) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), content_type="application/json")
