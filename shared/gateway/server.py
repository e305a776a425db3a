"""The HTTP server of a service: nameko's, made to answer everything with a document and to survive every client."""

import logging
import socket
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import eventlet
from eventlet import wsgi
from nameko.web.server import HttpOnlyProtocol, WebServer
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import Map
from werkzeug.wrappers import Response

from shared.eventstore import spans
from shared.gateway.problems import Problem, bug, problem_of
from shared.gateway.reading import MAX_BODY_BYTES, MAX_URL_BYTES, is_chunked
from shared.gateway.request import GatewayRequest
from shared.gateway.sockets import Conversation
from shared.gateway.sse import MEDIA_TYPE, Stream
from shared.gateway.tokens import Verifier
from shared.runtime.extensions import SETTINGS_KEY
from shared.runtime.health import BOARD
from shared.runtime.logging import get_logger
from shared.runtime.metrics import gauge, histogram
from shared.runtime.tracing import new_trace, parse_traceparent

KEEP_ALIVE_SECONDS = 75
SOCKET_SECONDS = 30.0
MAX_CONNECTIONS = 4_096
MAX_STREAMS = 2_048
LINGER_SECONDS = 5.0
LINGER_BYTES = 64 * 1024 * 1024
DRAIN_SECONDS = 2.0
_CONNECTION = "doorstep.connection"

_log = get_logger(__name__)
_latency = histogram(
    "doorstep_http_request_seconds",
    "Time to answer a request (a stream: to its start)",
    ("method", "route", "status"),
)
_streams = gauge("doorstep_http_streams", "Live streams that are open")


class Connection(HttpOnlyProtocol):
    """One client connection; ends it in a way that the client can read the last answer."""

    _lingers = False

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ[_CONNECTION] = self
        return environ

    def end_after_response(self) -> None:
        """No further request on this connection: what the client still sends belongs to one that was refused."""
        self.close_connection = True
        self._lingers = True

    def finish(self) -> None:
        if self._lingers:
            self._linger()
        super().finish()

    def _linger(self) -> None:
        """Closing while the client still sends would reset the connection, and it would never see the answer."""
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            left = LINGER_BYTES
            with eventlet.Timeout(LINGER_SECONDS, False):
                while left > 0:
                    content = self.connection.recv(65_536)
                    if not content:
                        break
                    left -= len(content)
        except OSError:
            # The client is gone, which is all that we were waiting for.
            return

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What is not even HTTP is answered with a document too."""
        problem = Problem(code if code >= 400 else 400, "malformed_request", message or "this is not HTTP")
        response = problem.response(new_trace().trace_id)
        body = response.get_data()
        head = f"HTTP/1.1 {response.status}\r\nContent-Type: {response.content_type}\r\n"
        self.wfile.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """The access log is ours."""


class GatewayServer(WebServer):
    """Accepts connections for all routes of a service."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping = False
        self.verifier: Any = None
        self.open_streams = 0
        self.in_flight = 0
        self.conversations: set[Conversation] = set()
        self._connections = 0

    def setup(self) -> None:
        settings = self.container.config[SETTINGS_KEY]
        self.verifier = Verifier(settings.jwks, settings.jwt_issuer)
        for entrypoint in self.container.entrypoints:
            if hasattr(entrypoint, "ready"):
                BOARD.watch(entrypoint.method_name, partial(getattr, entrypoint, "ready"))

    def get_wsgi_app(self) -> "GatewayApp":
        return GatewayApp(self)

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, protocol: Any = Connection, debug: bool = False) -> Any:
        return wsgi.Server(
            sock,
            sock.getsockname(),
            wsgi_app,
            protocol=protocol,
            debug=debug,
            log_output=False,
            keepalive=KEEP_ALIVE_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            # Longer ones are refused by us, with a document; eventlet itself would only hang up on them.
            url_length_limit=8 * MAX_URL_BYTES,
        )

    def make_url_map(self) -> Map:
        routes = Map(strict_slashes=False, merge_slashes=False, redirect_defaults=False)
        taken: set[tuple[str, str]] = set()
        for provider in self._providers:
            key = (provider.spec.method, provider.spec.template)
            if key in taken:
                raise ValueError(f"two routes answer {key[0]} {key[1]}")
            taken.add(key)
            rule = provider.get_url_rule()
            rule.endpoint = provider
            routes.add(rule)
        return routes

    def run(self) -> None:
        while self._is_accepting:
            try:
                connection, address = self._sock.accept()
            except OSError as error:
                if not self._is_accepting:
                    return
                # Out of file descriptors, say: existing clients go on, new ones wait in the kernel's queue.
                _log.warning("accept_failed", error=str(error))
                eventlet.sleep(0.1)
                continue
            if self._connections >= MAX_CONNECTIONS:
                connection.close()
                continue
            connection.settimeout(SOCKET_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.container.spawn_managed_thread(
                lambda c=connection, a=address: self.process_request(c, a), identifier="http connection"
            )

    def process_request(self, sock: Any, address: Any) -> None:
        """One client's connection; whatever it does, the service goes on."""
        self._connections += 1
        try:
            self._serv.process_request([address, sock, wsgi.STATE_IDLE])
        except OSError as error:
            _log.debug("connection_lost", error=type(error).__name__)
        except Exception:  # noqa: BLE001 - nameko would stop the whole service
            _log.error("connection_failed", exc_info=True)
        finally:
            self._connections -= 1
            sock.close()

    def begin_stopping(self) -> None:
        """No new connections and no new requests; those in hand may end."""
        if not self.stopping:
            self.stopping = True
            self._is_accepting = False
            if self._gt is not None:
                self._gt.kill()
                self._sock.close()
            for conversation in list(self.conversations):
                conversation.interrupt()

    def stop(self) -> None:
        self.begin_stopping()
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.in_flight and time.monotonic() < deadline:
            eventlet.sleep(0.02)
        self.wait_for_providers()


class GatewayApp:
    """The WSGI application: finds the route, answers, logs, measures."""

    def __init__(self, server: GatewayServer) -> None:
        self._server = server
        self._routes = server.make_url_map().bind("localhost")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = time.perf_counter()
        request = GatewayRequest(environ, shallow=True)
        clear_contextvars()
        span = _begin_span(request)
        bind_contextvars(trace=request.trace.trace_id)
        self._server.in_flight += 1
        try:
            response = self._answer(request)
        finally:
            self._server.in_flight -= 1
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if _leaves_much_unread(environ):
            environ[_CONNECTION].end_after_response()
        self._record(request, response, time.perf_counter() - started)
        if span is not None:
            _end_span(span, request, response)
        return response(environ, start_response)

    def _answer(self, request: GatewayRequest) -> Response:
        trace_id = request.trace.trace_id
        try:
            return self._dispatch(request)
        except Exception as error:  # noqa: BLE001 - the last line of defence: every error becomes a document
            problem = problem_of(error)
            if problem is None:
                _log.error("bug", method=request.method, path=request.path, exc_info=True)
                problem = bug()
            elif problem.status >= 500:
                _log.warning("outage", path=request.path, error=f"{type(error).__name__}: {error}")
            if problem.close:
                request.environ[_CONNECTION].end_after_response()
            request.problem_code = problem.code
            return problem.response(trace_id)

    def _dispatch(self, request: GatewayRequest) -> Response:
        if self._server.stopping:
            raise Problem(503, "stopping", "this process is being stopped", headers={"Retry-After": "1"}, close=True)
        _check_framing(request.environ)
        if sum(len(request.environ.get(part, "")) for part in ("RAW_PATH_INFO", "QUERY_STRING")) > MAX_URL_BYTES:
            raise Problem(414, "address_too_long", f"an address has at most {MAX_URL_BYTES} bytes", close=True)
        try:
            provider, values = self._routes.match(request.path, method=request.method)
        except MethodNotAllowed as error:
            allowed = ", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))
            if request.method == "OPTIONS":
                return Response(status=204, headers={"Allow": allowed})
            raise Problem(
                405, "method_not_allowed", f"{request.method} is not possible here", headers={"Allow": allowed}
            ) from None
        except (NoRoute, HTTPException):
            raise Problem(404, "no_such_route", "there is nothing at this address") from None
        if any(isinstance(value, str) and "\0" in value for value in values.values()):
            raise Problem(404, "not_found", "there is nothing at this address")
        request.route = provider.spec.template
        request.path_values = values
        response: Response = provider.handle_request(request)
        return response

    def _record(self, request: GatewayRequest, response: Response, seconds: float) -> None:
        _latency.labels(_known(request.method), request.route, str(response.status_code)).observe(seconds)
        quiet = request.quiet and response.status_code < 400
        if quiet and not logging.root.isEnabledFor(logging.DEBUG):
            # A line that nobody will see is made all the same before it is dropped.
            return
        tell = _log.debug if quiet else _log.info
        tell(
            "request",
            method=request.method,
            path=request.path,
            route=request.route,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            caller=request.caller,
            code=request.problem_code,
        )


def _begin_span(request: GatewayRequest) -> spans.Span | None:
    """The span that all of this request's events follow; None when nobody listens, and for what nobody asks about."""
    if not spans.on() or request.quiet:
        return None
    method = _known(request.method)
    told: spans.Attributes = {"http.request.method": method}
    span = spans.start(method, spans.Kind.SERVER, request.headers.get("traceparent"), told)
    if span is not None:
        request.trace = parse_traceparent(span.traceparent) or request.trace
    return span


def _end_span(span: spans.Span, request: GatewayRequest, response: Response) -> None:
    """A stream's span ends with its start, as its latency does."""
    span.rename(f"{_known(request.method)} {request.route}")
    span.end(attributes={"http.route": request.route, "http.response.status_code": response.status_code})


def _known(method: str) -> str:
    """Clients may send any word; a metric's labels must not grow with them."""
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"


def stream_response(stream: Stream, request: GatewayRequest, server: GatewayServer) -> Response:
    """A live answer, sent event by event."""
    if request.method == "HEAD":
        stream_events: Iterable[bytes] = ()
        close = getattr(stream.events, "close", None)
        if close is not None:
            close()
    else:
        if server.open_streams >= MAX_STREAMS:
            raise Problem(503, "too_many_streams", "too many live pages; try again", headers={"Retry-After": "5"})
        # Otherwise eventlet holds events back until there are 4 KB of them.
        request.environ["eventlet.minimum_write_chunk_size"] = 0
        stream_events = _counted(stream, server)
    response = Response(stream_events, mimetype=MEDIA_TYPE, direct_passthrough=True)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _counted(stream: Stream, server: GatewayServer) -> Iterable[bytes]:
    server.open_streams += 1
    _streams.set(server.open_streams)
    try:
        yield from stream.chunks(lambda: not server.stopping)
    finally:
        server.open_streams -= 1
        _streams.set(server.open_streams)


def _check_framing(environ: dict[str, Any]) -> None:
    """Refuses requests whose end a proxy before us could see elsewhere (request smuggling, RFC 9112 section 11.2)."""
    lengths = {value for name, value in environ.get("headers_raw", ()) if name.lower() == "content-length"}
    encoding = str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()
    if len(lengths) > 1 or any(not (value.isascii() and value.isdigit()) for value in lengths):
        raise Problem(400, "malformed_request", "Content-Length is not one whole number", close=True)
    if encoding not in ("", "chunked"):
        raise Problem(501, "unsupported_encoding", "only the chunked transfer encoding is understood", close=True)


def _leaves_much_unread(environ: dict[str, Any]) -> bool:
    """Whether a body is still on its way that is not worth reading for the sake of the connection."""
    source = environ["eventlet.input"]
    if is_chunked(environ):
        return bool(source.chunk_length != 0)
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length) - source.position > MAX_BODY_BYTES if length.isdigit() else True
