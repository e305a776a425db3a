"""WebSocket routes: one message in, one answer out, with the caller of any other route and nothing unbounded.

The protocol itself is `websockets`' (its part without input and output); the socket is eventlet's. nameko's own
WebSocket knows no caller, no bounds and no pings, and answers on one path for all methods.
"""

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eventlet import wsgi
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from werkzeug.wrappers import Response

from shared.gateway.problems import Problem
from shared.gateway.request import GatewayRequest
from shared.gateway.tokens import InvalidToken
from shared.runtime.logging import get_logger
from shared.runtime.metrics import counter, gauge

SUBPROTOCOL: Final = Subprotocol("doorstep")
BEARER_PREFIX: Final = "bearer."
MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_SOCKETS: Final = 3_072
PING_SECONDS: Final = 20.0
SEND_SECONDS: Final = 10.0
CHECK_TOKEN_SECONDS: Final = 30.0
READ_BYTES: Final = 64 * 1024

GOING_AWAY, UNSUPPORTED, FAULT, RESTARTING, TRY_LATER, TOKEN_OVER = 1001, 1003, 1011, 1012, 1013, 4401

_log = get_logger(__name__)
_open = gauge("doorstep_http_sockets", "WebSockets that are open")
_closed = counter("doorstep_http_sockets_closed", "WebSockets that ended, by the code of their end", ("code",))


@dataclass(frozen=True, slots=True)
class Socket:
    """The answer of a socket route: what is said to each text message, in the order in which they come.

    The next message is not read before the last is answered, so that a client that sends faster waits in its own
    network. An error that `answer` raises ends the conversation.
    """

    answer: Callable[[str], str]


class Sockets(Protocol):
    """What a conversation needs of its server."""

    stopping: bool
    verifier: Any
    conversations: "set[Conversation]"


def token_among(protocols: str) -> str | None:
    """The token that a browser offers as a subprotocol (`doorstep, bearer.<token>`): it can set no header."""
    for offered in protocols.split(","):
        if offered.strip().startswith(BEARER_PREFIX):
            return offered.strip().removeprefix(BEARER_PREFIX)
    return None


def socket_response(route: Socket, request: GatewayRequest, server: Sockets) -> Response:
    """Agrees on a conversation; a problem when the request asks for none, or there are too many."""
    if len(server.conversations) >= MAX_SOCKETS:
        raise Problem(
            503, "too_many_sockets", "too many devices are connected; try again", headers={"Retry-After": "5"}
        )
    answer = ServerProtocol(select_subprotocol=_ours).accept(_handshake(request))
    if answer.status_code == 426:
        raise Problem(426, "upgrade_required", "this address is for WebSockets", headers={"Upgrade": "websocket"})
    if answer.status_code != 101:
        raise Problem(400, "malformed_handshake", "this is not a WebSocket handshake (RFC 6455)")
    return SocketResponse(Conversation(answer.serialize(), route, _token(request), server))


class SocketResponse(Response):
    """Instead of a body: the connection itself, for as long as it lasts."""

    def __init__(self, conversation: "Conversation") -> None:
        super().__init__(status=101)
        self._conversation = conversation

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ARG002
        self._conversation.hold(environ["eventlet.input"].get_socket())
        # eventlet's way to say that the response is not its business.
        wsgi.WSGI_LOCAL.already_handled = True
        return []


class Conversation:
    """One client from its handshake to its end."""

    def __init__(self, greeting: bytes, route: Socket, token: str, server: Sockets) -> None:
        self._greeting = greeting
        # No compression: a window of tens of kilobytes a device, to save some bytes of a short message. The gateway
        # has read the handshake already.
        self._protocol = ServerProtocol(state=State.OPEN, max_size=MAX_MESSAGE_BYTES)
        self._route = route
        self._token = token
        self._server = server
        self._socket: Any = None
        self._parts: list[bytes] = []
        self._pinged = False
        self._checked_at = time.monotonic()

    def hold(self, connection: Any) -> None:
        """Talks until one of the two ends it."""
        self._socket = connection
        connection.settimeout(SEND_SECONDS)
        self._server.conversations.add(self)
        _open.set(len(self._server.conversations))
        try:
            connection.sendall(self._greeting)
            while self._turn():
                pass
        except (OSError, EOFError) as error:
            _log.debug("socket_lost", error=type(error).__name__)
        finally:
            self._server.conversations.discard(self)
            _open.set(len(self._server.conversations))
            code = self._protocol.close_code
            _closed.labels(str(code) if code is not None and code < 5000 else "none").inc()

    def interrupt(self) -> None:
        """Wakes it, for it to see that the server stops."""
        try:
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RD)
        except OSError:
            # It has ended by itself meanwhile.
            return

    def _turn(self) -> bool:
        """Reads what has come and answers it; False at the end."""
        content = self._read()
        if self._server.stopping:
            self._protocol.send_close(RESTARTING, "this process is being stopped")
        elif content is None:
            return self._silence()
        elif content:
            self._pinged = False
            self._protocol.receive_data(content)
            self._answer_all()
        else:
            self._protocol.receive_eof()
        self._flush()
        return bool(content) and not self._protocol.close_expected()

    def _read(self) -> bytes | None:
        """Bytes, none at the end of the connection, None after a silence."""
        self._socket.settimeout(PING_SECONDS)
        try:
            content: bytes = self._socket.recv(READ_BYTES)
        except TimeoutError:
            return None
        finally:
            self._socket.settimeout(SEND_SECONDS)
        return content

    def _silence(self) -> bool:
        """A client that says nothing is asked whether it is there; one that does not answer is gone."""
        if self._pinged:
            self._protocol.fail(GOING_AWAY, "nothing was heard of you")
        elif self._is_still_allowed():
            self._protocol.send_ping(b"")
            self._pinged = True
        self._flush()
        return not self._protocol.close_expected()

    def _answer_all(self) -> None:
        for text in self._messages():
            if not self._is_still_allowed():
                return
            try:
                answer = self._route.answer(text)
            except Problem as problem:
                self._protocol.send_close(TRY_LATER if problem.status == 503 else FAULT, problem.sentence[:120])
                return
            except Exception:  # noqa: BLE001 - whatever it is, this client's conversation ends, and the log says why
                _log.error("socket_failed", exc_info=True)
                self._protocol.send_close(FAULT, "a fault of ours")
                return
            self._protocol.send_text(answer.encode())
            self._flush()

    def _messages(self) -> Iterator[str]:
        for event in self._protocol.events_received():
            if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                continue
            # `max_size` bounds the parts together.
            self._parts.append(bytes(event.data))
            if event.fin:
                whole, self._parts = b"".join(self._parts), []
                try:
                    yield whole.decode()
                except UnicodeDecodeError:
                    self._protocol.fail(UNSUPPORTED, "send text in UTF-8")
                    return

    def _is_still_allowed(self) -> bool:
        now = time.monotonic()
        if now - self._checked_at < CHECK_TOKEN_SECONDS:
            return True
        self._checked_at = now
        try:
            self._server.verifier.verify(self._token)
        except InvalidToken as error:
            self._protocol.send_close(TOKEN_OVER, error.sentence[:120])
            return False
        return True

    def _flush(self) -> None:
        for content in self._protocol.data_to_send():
            if content:
                self._socket.sendall(content)
            else:
                self._socket.shutdown(socket.SHUT_WR)


def _ours(_protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Ours where it is offered; devices that offer none are as welcome."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def _handshake(request: GatewayRequest) -> Handshake:
    headers = Headers()
    for name, value in request.headers.items():
        headers[name] = value
    return Handshake(request.path, headers)


def _token(request: GatewayRequest) -> str:
    offered = token_among(request.headers.get("Sec-WebSocket-Protocol", ""))
    return offered or request.headers.get("Authorization", "").partition(" ")[2].strip()
