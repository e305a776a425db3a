"""The request as it goes through the gateway, with what the access log tells of it at the end."""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request

from shared.runtime.tracing import Trace, continue_trace


class GatewayRequest(Request):
    """Werkzeug's request and our own notes on it."""

    def __init__(self, environ: dict[str, Any], populate_request: bool = True, shallow: bool = False) -> None:
        super().__init__(environ, populate_request, shallow)
        self.trace: Trace = continue_trace(self.headers.get("traceparent"))
        self.route = "unmatched"
        self.path_values: Mapping[str, Any] = {}
        self.caller: str | None = None
        self.raw_body = b""
        """The body as it was sent, once it has been read: what signatures are about."""
        self.problem_code: str | None = None
        self.quiet = self.path.startswith(("/health/", "/metrics", "/static/"))
        """Not told in the access log while it goes well."""
