"""Declares HTTP routes on a service class: `@route` for JSON and live streams, `page` and `assets` for files."""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import eventlet
from eventlet.event import Event as Signal
from nameko.web.handlers import HttpRequestHandler
from pydantic import BaseModel
from structlog.contextvars import bind_contextvars
from werkzeug.wrappers import Response

from shared.gateway.auth import ANONYMOUS, PUBLIC, Public, authenticate, authorise
from shared.gateway.call import AlreadyAnswered, Call, etag_of
from shared.gateway.files import asset_response, page_response
from shared.gateway.reading import body_of, query_of
from shared.gateway.request import GatewayRequest
from shared.gateway.server import DRAIN_SECONDS, GatewayServer, stream_response
from shared.gateway.sockets import Socket, socket_response
from shared.gateway.spec import Kind, Method, RouteSpec, all_refusals, checked_roles, checked_signature
from shared.gateway.sse import Stream
from shared.kernel.errors import DomainError
from shared.runtime.extensions import LOG_FIELDS_KEY, parts_of

F = TypeVar("F", bound=Callable[..., Any])
_KINDS: dict[Any, Kind] = {Stream: "stream", Socket: "socket"}


class Route(HttpRequestHandler):
    """nameko's HTTP entrypoint with our order of things: caller, role, input, method, answer."""

    server = GatewayServer()
    logs_its_failures = True

    def __init__(self, spec: RouteSpec) -> None:
        self.spec = spec
        self._in_hand = 0
        super().__init__(spec.method, spec.path)

    def stop(self) -> None:
        self.server.begin_stopping()
        super().stop()
        # nameko waits for its workers before it takes the parts away; for what runs without one we do.
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._in_hand and time.monotonic() < deadline:
            eventlet.sleep(0.02)

    def handle_request(self, request: GatewayRequest) -> Response:
        """Runs the method and turns what it returns into a response; errors pass through."""
        request.quiet = request.quiet or self.spec.quiet
        call = self._call(request)
        run = self._run_here if self.spec.inline else self._run_in_worker
        try:
            response = self._response(run(call, request.path_values), call)
        except AlreadyAnswered as again:
            response = Response(again.answer.body, status=again.answer.status, content_type="application/json")
            response.headers.update({**again.answer.headers, "Idempotency-Replayed": "true"})
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Correlation-Id"] = call.correlation_id
        return response

    def _run_in_worker(self, call: Call[Any, Any], values: Mapping[str, Any]) -> Any:
        done = Signal()

        def keep(_worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done.send(result, exc_info)
            return result, exc_info

        self.container.spawn_worker(
            self,
            (call,),
            values,
            context_data={LOG_FIELDS_KEY: {"trace": call.trace.trace_id, "correlation": call.correlation_id}},
            handle_result=keep,
        )
        return done.wait()

    def _run_here(self, call: Call[Any, Any], values: Mapping[str, Any]) -> Any:
        """In the connection's own greenthread; the method finds its service as it would in a worker."""
        service = self.container.service_cls()
        for provider in self.container.dependencies:
            setattr(service, provider.attr_name, provider.get_dependency(None))
        bind_contextvars(correlation=call.correlation_id)
        self._in_hand += 1
        try:
            return getattr(service, self.method_name)(call, **values)
        finally:
            self._in_hand -= 1

    def _call(self, request: GatewayRequest) -> Call[Any, Any]:
        principal = ANONYMOUS
        if not isinstance(self.spec.roles, Public):
            principal = authenticate(request, self.server.verifier)
            authorise(principal, self.spec.roles)
        request.caller = principal.subject
        query = query_of(request, self.spec)
        body = body_of(request, self.spec)
        return Call(
            spec=self.spec,
            request=request,
            body=body,
            query=query,
            principal=principal,
            clock=parts_of(self.container).clock,
            trace=request.trace,
        )

    def _response(self, result: Any, call: Call[Any, Any]) -> Response:
        if isinstance(result, Response):
            response = result
        elif isinstance(result, Stream):
            response = stream_response(result, call.request, self.server)
        elif isinstance(result, Socket):
            response = socket_response(result, call.request, self.server)
        else:
            text = call.rendered(result)
            response = Response(text, status=self.spec.status, content_type="application/json")
            response.headers.update(etag_of(result))
            if call.request.method == "GET":
                response.make_conditional(call.request.environ)
        response.headers.update(call.headers)
        return response


def route(
    method: Method,
    path: str,
    *,
    roles: AbstractSet[str] | Public,
    summary: str,
    description: str = "",
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: Any = None,
    status: int = 200,
    command: bool = False,
    tags: Sequence[str] = (),
    refusals: Sequence[type[DomainError]] = (),
    examples: Mapping[str, Any] | None = None,
    media: str | None = None,
    quiet: bool = False,
    inline: bool = False,
) -> Callable[[F], F]:
    """A route: `def accept(self, call: Call[AcceptOrder], order_id: str) -> OrderView`.

    `path` is a Werkzeug rule (`/v1/orders/<order_id>`); `roles` names who may call it (PUBLIC: anybody). `body`,
    `query` and `answer` are checked, rendered and documented. `command` documents the `Idempotency-Key` that
    `call.once` honours. A `quiet` route is not in the access log while it goes well. The method of an `inline` one
    runs without a worker of nameko's, which for what comes hundreds of times a second is a quarter of the work.
    `refusals` are the domain errors that it is known to answer. `media` is the type of an answer that the method
    makes itself. A method annotated `-> Stream` is a live route, and `answer` then describes the data of its events;
    one annotated `-> Socket` is a WebSocket, whose answers `answer` describes. What is wrong with a declaration is an
    error at import.
    """
    allowed = checked_roles(roles, path)

    def declare(function: F) -> F:
        spec = RouteSpec(
            method=method,
            path=path,
            roles=allowed,
            summary=summary,
            description=description,
            body=body,
            query=query,
            answer=answer,
            status=status,
            command=command,
            kind=_KINDS.get(get_type_hints(function).get("return"), "json"),
            tags=tuple(tags),
            refusals=all_refusals(refusals),
            examples=dict(examples or {}),
            media=media,
            quiet=quiet,
            inline=inline,
        )
        checked_signature(function, spec)
        return _register(function, spec)

    return declare


def page(path: str, file: Path, *, summary: str, image_sources: Sequence[str] = ()) -> Callable[..., Response]:
    """An HTML shell at `path`: `track = page("/track/<order_id>", WEB / "track.html", summary="…")`.

    The shell needs no token and holds no data: its script takes the token from the URL's fragment and fetches the
    rest. It is served under a strict Content-Security-Policy (`image_sources`: other origins for pictures, say map
    tiles). A missing file is an error at import.
    """
    if not file.is_file():
        raise FileNotFoundError(f"the page for {path} is missing: {file.name}")

    def show(_self: Any, call: Call[None], **_values: str) -> Response:
        return page_response(file, call.request, image_sources)

    return _register(show, RouteSpec(method="GET", path=path, roles=PUBLIC, summary=summary, kind="page"))


def assets(path: str, folder: Path) -> Callable[..., Response]:
    """A folder of files for pages: `web = assets("/web/<path:path>", WEB)`."""

    def show(_self: Any, call: Call[None], path: str) -> Response:
        return asset_response(folder, path, call.request)

    spec = RouteSpec(method="GET", path=path, roles=PUBLIC, summary=f"Files of {folder.name}", kind="file")
    return _register(show, spec)


def _register(function: Any, spec: RouteSpec) -> Any:
    return Route.decorator(spec)(function)


def routes_of(service_class: type) -> list[RouteSpec]:
    """Every route that a service class declares, by path and method."""
    found = {
        entrypoint.spec.path + " " + entrypoint.spec.method: entrypoint.spec
        for name in dir(service_class)
        for entrypoint in getattr(getattr(service_class, name, None), "nameko_entrypoints", ())
        if isinstance(entrypoint, Route)
    }
    return [found[key] for key in sorted(found)]
