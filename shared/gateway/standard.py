"""The routes that every service has: health, metrics, documentation, files, and the messages it could not handle."""

import json
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Response

from shared.gateway import docs, openapi
from shared.gateway.auth import PUBLIC
from shared.gateway.call import Call
from shared.gateway.files import content_security_policy
from shared.gateway.problems import Problem
from shared.gateway.route import assets, route, routes_of
from shared.runtime import metrics
from shared.runtime.health import BOARD

STATIC = Path(__file__).parent.parent / "web" / "static"


class StandardRoutes:
    """Inherit it in a service's gateway. The service's parts need `store`, `clock` and `settings`.

    Parts may have `checks: Mapping[str, Callable[[], None]]`; each raises when the process isn't ready for requests.
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
        if any(result != "ok" for result in results.values()):
            raise Problem(
                503,
                "not_ready",
                "this process cannot serve now",
                headers={"Retry-After": "2"},
                facts={"checks": results},
            )
        return _json({"status": "ready", "service": self.name, "checks": results})

    @route("GET", "/metrics", roles=PUBLIC, summary="Measurements for Prometheus", tags=("operations",))
    def standard_metrics(self, call: Call) -> Response:  # noqa: ARG002
        return Response(metrics.render(), content_type=metrics.CONTENT_TYPE)

    @route("GET", "/openapi.json", roles=PUBLIC, summary="This description", tags=("documentation",))
    def standard_openapi(self, call: Call) -> Response:
        response = _json(self._document())
        response.add_etag()
        response.headers["Cache-Control"] = "no-cache"
        response.make_conditional(call.request.environ)
        return response

    @route("GET", "/docs", roles=PUBLIC, summary="This description, to be read", tags=("documentation",))
    def standard_docs(self, call: Call) -> Response:  # noqa: ARG002
        html, inline = docs.render(self._document())
        response = Response(html, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = content_security_policy(inline=inline)
        return response

    def _document(self) -> dict[str, Any]:
        return openapi.document(self.title or f"Doorstep: {self.name}", routes_of(type(self)))


def _verdict(check: Any) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the process is not ready, and the answer says why
        return f"failed: {type(error).__name__}"
    return "ok"


def _json(content: Any) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), content_type="application/json")
