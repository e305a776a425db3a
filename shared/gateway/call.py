"""One request as a route sees it: validated input, the caller, the context of its events, and effects done once."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Generic

from pydantic_core import from_json
from typing_extensions import TypeVar

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import Context, RecordedAnswer
from shared.eventstore.ports import Store, Transaction
from shared.gateway.auth import Principal, acting_role
from shared.gateway.problems import Problem
from shared.gateway.request import GatewayRequest
from shared.gateway.sealing import open_answer, seal_answer
from shared.gateway.spec import RouteSpec
from shared.kernel.clock import Clock
from shared.kernel.errors import Fault, InvalidInput
from shared.kernel.ids import new_id
from shared.runtime.tracing import Trace

B = TypeVar("B", default=Any)
Q = TypeVar("Q", default=Any)
V = TypeVar("V")

MAX_KEY_CHARACTERS: Final = 200
MAX_CORRELATION_CHARACTERS: Final = 100
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
CORRELATION_HEADER: Final = "X-Correlation-Id"
# An id, not a sentence: it is written into every event that follows, and to the log.
_CORRELATION: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_CORRELATION_CHARACTERS}}}")


class AlreadyAnswered(Exception):
    """The command was done before with the same key: its recorded answer is given again, byte for byte."""

    def __init__(self, answer: RecordedAnswer) -> None:
        super().__init__("already answered")
        self.answer = answer


class Call(Generic[B, Q]):
    """What a route is called with: `body` and `query` are the models that it declared (None without)."""

    def __init__(
        self,
        *,
        spec: RouteSpec,
        request: GatewayRequest,
        body: B,
        query: Q,
        principal: Principal,
        clock: Clock,
        trace: Trace,
    ) -> None:
        self.spec = spec
        self.request = request
        self.body = body
        self.query = query
        self.principal = principal
        self.trace = trace
        self.headers: dict[str, str] = {}
        """Headers to add to the answer."""
        self._clock = clock
        self._now: datetime | None = None
        self._rendered: tuple[Any, str] | None = None
        self.correlation_id = _correlation_id(request)

    @property
    def now(self) -> datetime:
        """The platform's time when the route first asked for it: the same throughout the call."""
        if self._now is None:
            self._now = self._clock.now()
        return self._now

    @property
    def actor(self) -> str:
        """Who does it, as events record it: `<role>:<id>`."""
        return f"{acting_role(self.principal, self.spec.roles)}:{self.principal.actor_id}"

    @property
    def context(self) -> Context:
        """The context of the events that this call leads to."""
        return Context(
            actor=self.actor,
            now=self.now,
            occurred_at=self._occurred_at(),
            correlation_id=self.correlation_id,
            traceparent=str(self.trace),
        )

    @property
    def last_event_id(self) -> str | None:
        """The last event that a live page saw, from the header or, for plain links, the query."""
        given = self.request.headers.get("Last-Event-ID") or self.request.args.get("last_event_id")
        return given or None

    @property
    def last_position(self) -> int | None:
        """`last_event_id` where the ids are positions in the log; None when it is absent or not one."""
        given = self.last_event_id
        return int(given) if given and given.isascii() and given.isdigit() and len(given) < 19 else None

    @property
    def idempotency_key(self) -> str | None:
        """The client's key, made the caller's own, so that nobody can ask for somebody else's answer."""
        key = self.request.headers.get(IDEMPOTENCY_HEADER)
        if key is None:
            return None
        if not 0 < len(key) <= MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
            raise Problem(
                400,
                "idempotency.key_invalid",
                f"{IDEMPOTENCY_HEADER} must be 1 to {MAX_KEY_CHARACTERS} printable ASCII characters",
            )
        # Only a digest is kept: who makes keys of names must not leave them behind.
        return f"{self.principal.subject}/{hashlib.sha256(key.encode()).hexdigest()}"

    def expect(self, version: int) -> None:
        """A 412 problem when the caller's `If-Match` names another version than the present one."""
        wanted = self.request.if_match
        if "If-Match" not in self.request.headers or (wanted.star_tag and version > 0):
            return
        if not wanted.contains(str(version)):
            raise Problem(
                412,
                "precondition_failed",
                "this has changed since you read it; read it again",
                facts={"version": version},
            )

    def once(
        self, store: Store, work: Callable[[Transaction], V], needs: Sequence[tuple[Aggregate[Any, Any], str]] = ()
    ) -> V:
        """Runs `work` in a transaction (again on StaleVersion, bounded) and returns its view.

        `needs` are streams that the work is known to load: they are read with the first question.

        With an `Idempotency-Key` the answer is recorded in the same transaction: the same key and request are
        answered with the recorded bytes and nothing is done; the key with another request is a 422. A refusal is not
        recorded: the command is judged anew.
        """
        key = self.idempotency_key
        request_hash = "" if key is None else self._request_hash()

        def attempt(transaction: Transaction) -> V:
            for aggregate, stream_id in needs:
                transaction.foresee(aggregate, stream_id)
            if key is None:
                return work(transaction)
            recorded = transaction.recall(key)
            if recorded is not None:
                if recorded.request_hash != request_hash:
                    raise Problem(
                        422, "idempotency.key_reused", f"this {IDEMPOTENCY_HEADER} was used for another request"
                    )
                raise AlreadyAnswered(open_answer(recorded, transaction.vault))
            view = work(transaction)
            answer = RecordedAnswer(
                request_hash, self.spec.status, self.rendered(view), {**self.headers, **etag_of(view)}
            )
            transaction.remember(key, seal_answer(answer, view, transaction.vault))
            return view

        return store.run(attempt)

    def rendered(self, view: Any) -> str:
        """The JSON of an answer, made once for the record and for the caller."""
        if self._rendered is None or self._rendered[0] is not view:
            self._rendered = (view, self.spec.render(view))
        return self._rendered[1]

    def _request_hash(self) -> str:
        parts = [self.request.method, self.request.path, self.request.query_string.decode("latin-1")]
        return hashlib.sha256("\n".join([*parts, _body_hash(self.request.raw_body, self.spec)]).encode()).hexdigest()

    def _occurred_at(self) -> datetime:
        given = getattr(self.body, "occurred_at", None)
        if not isinstance(given, datetime):
            return self.now
        if given.tzinfo is None:
            raise InvalidInput([Fault("occurred_at", "timezone_aware", "it should name its offset from UTC")])
        return given


def etag_of(view: Any) -> dict[str, str]:
    """The `ETag` header of a view that has a version, the one that `If-Match` is compared with."""
    version = getattr(view, "version", None)
    return {"ETag": f'"{version}"'} if isinstance(version, int) else {}


def _body_hash(raw: bytes, spec: RouteSpec) -> str:
    """Of a body that was read as JSON by its meaning, of any other by its letters. Only keys ask for it."""
    if spec.body is None:
        return hash_of_json(raw.decode("latin-1")) if raw else ""
    return hash_of_json(from_json(raw) if raw.strip() else {})


def hash_of_json(value: Any) -> str:
    """The same for the same JSON, however it is spaced or ordered."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _correlation_id(request: GatewayRequest) -> str:
    given = request.headers.get(CORRELATION_HEADER, "")
    return given if _CORRELATION.fullmatch(given) else new_id("cor")
