"""A local stand-in of Stripe's HTTP contract, as far as the order service uses it: a real server on a real socket.

It follows Stripe's public API reference: form-encoded requests with brackets, JSON objects with `object` and `id`,
errors as `{"error": {"type", "code", "decline_code", "message"}}`, idempotency keys (the first outcome is replayed,
other parameters under the same key are an `idempotency_error`), balance transactions with an expandable source, and
webhooks signed `t=…,v1=HMAC-SHA256`.
"""

import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SECRET_KEY = "sk_test_stand_in"
WEBHOOK_SECRET = "whsec_stand_in"
Json = dict[str, Any]


class Refused(Exception):
    """An error answer."""

    def __init__(self, status: int, kind: str, code: str, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": f"stand-in: {code}", **more}}


@dataclass
class Books:
    """What the account holds, and how it behaves next: `faults` are taken one a request."""

    intents: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    transactions: list[Json] = field(default_factory=list)
    replies: dict[str, tuple[str, int, Json]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    refunds_pend: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    now: Callable[[], float] = time.time

    def create_intent(self, form: Json) -> Json:
        intent: Json = {
            "id": f"pi_{len(self.intents) + 1:06d}",
            "object": "payment_intent",
            "amount": int(form["amount"]),
            "amount_received": 0,
            "currency": form["currency"],
            "capture_method": form["capture_method"],
            "metadata": form.get("metadata", {}),
            "payment_method": form["payment_method"],
            "status": "requires_payment_method",
            "last_payment_error": None,
        }
        self.intents[intent["id"]] = intent
        match form["payment_method"]:
            case "pm_card_visa":
                self.confirm(intent)
            case "pm_card_authenticationRequired":
                intent["status"] = "requires_action"
            case "pm_card_chargeDeclined":
                error = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
                intent["last_payment_error"] = error
                raise Refused(
                    402, "card_error", "card_declined", decline_code="generic_decline", payment_intent=intent
                )
            case _:
                raise Refused(400, "invalid_request_error", "resource_missing", param="payment_method")
        return intent

    def method(self, name: str) -> Json:
        """A saved payment method: a card that is good for ever, one that expired, or none."""
        if not name.startswith("pm_card_"):
            raise Refused(404, "invalid_request_error", "resource_missing", param="payment_method")
        year = 2020 if name == "pm_card_expired" else 2099
        return {"id": name, "object": "payment_method", "type": "card", "card": {"exp_year": year, "exp_month": 1}}

    def confirm(self, intent: Json) -> None:
        """As if the customer had done what the bank asked for."""
        intent["status"] = "requires_capture"
        if intent["capture_method"] == "automatic":
            self._take(intent, intent["amount"])

    def capture(self, intent: Json, form: Json) -> Json:
        if intent["status"] != "requires_capture":
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=intent)
        cents = int(form.get("amount_to_capture") or intent["amount"])
        if cents > intent["amount"]:
            raise Refused(400, "invalid_request_error", "amount_too_large")
        self._take(intent, cents)
        return intent

    def _take(self, intent: Json, cents: int) -> None:
        intent.update(status="succeeded", amount_received=cents)
        charge = {
            "id": intent["id"].replace("pi_", "ch_"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": cents,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "metadata": dict(intent["metadata"]),
        }
        self.record("charge", cents, charge)

    def record(self, kind: str, cents: int, source: Json) -> Json:
        """A line of the account's balance."""
        transaction = {
            "id": f"txn_{len(self.transactions) + 1:06d}",
            "object": "balance_transaction",
            "type": kind,
            "amount": cents,
            "currency": source["currency"],
            "created": int(self.now()),
            "source": source,
        }
        self.transactions.insert(0, transaction)
        return transaction

    def cancel(self, intent: Json, _form: Json) -> Json:
        if intent["status"] in ("succeeded", "canceled"):
            raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=intent)
        intent["status"] = "canceled"
        return intent

    def create_refund(self, form: Json) -> Json:
        intent = self.intents.get(form["payment_intent"])
        if intent is None:
            raise Refused(404, "invalid_request_error", "resource_missing", param="payment_intent")
        mine = [each for each in self.refunds.values() if each["payment_intent"] == intent["id"]]
        given = sum(each["amount"] for each in mine if each["status"] != "failed")
        cents = int(form["amount"])
        if cents + given > intent["amount_received"]:
            raise Refused(400, "invalid_request_error", "charge_already_refunded")
        refund: Json = {
            "id": f"re_{len(self.refunds) + 1:06d}",
            "object": "refund",
            "amount": cents,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "metadata": form.get("metadata", {}),
            "status": "pending" if self.refunds_pend else "succeeded",
        }
        self.refunds[refund["id"]] = refund
        self.record("refund", -cents, refund)
        return refund

    def send_back(self, refund: Json) -> None:
        """As if the customer's bank would not have the money."""
        refund.update(status="failed", failure_reason="lost_or_stolen_card")
        self.record("refund_failure", refund["amount"], refund)


def signed(body: bytes, secret: str = WEBHOOK_SECRET, at: float | None = None) -> str:
    """The header under which Stripe would send a webhook."""
    moment = int(time.time() if at is None else at)
    return f"t={moment},v1={hmac.new(secret.encode(), f'{moment}.'.encode() + body, sha256).hexdigest()}"


def event(kind: str, about: Json, event_id: str = "evt_000001") -> bytes:
    """The body of a webhook."""
    told = {"id": event_id, "object": "event", "type": kind, "created": int(time.time()), "data": {"object": about}}
    return json.dumps(told).encode()


def form_of(text: str) -> Json:
    """`metadata[key]=value` and the like as nested dictionaries."""
    form: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, *rest = name.replace("]", "").split("[")
        place = form
        for key, following in zip([head, *rest], [*rest, None], strict=True):
            if following is None:
                place[key] = value
            else:
                place = place.setdefault(key, {})
    return form


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    books: Books

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._serve(text, form_of(text))

    def do_GET(self) -> None:
        self._serve("", form_of(urlsplit(self.path).query))

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the tests speak."""

    def _serve(self, text: str, form: Json) -> None:
        key, path = self.headers.get("Idempotency-Key"), urlsplit(self.path).path
        with self.books.lock:
            self.books.requests.append((self.command, path, key))
            fault = self.books.faults.pop(0) if self.books.faults else ""
            if fault == "drop before":
                self.close_connection = True
                return
            status, body = self._answer(path, form, key, path + "?" + text, fault)
        if fault == "drop after":
            self.close_connection = True
            return
        self._send(status, body)

    def _answer(self, path: str, form: Json, key: str | None, asked: str, fault: str) -> tuple[int, Json]:
        if self.headers.get("Authorization") != f"Bearer {SECRET_KEY}":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
        if fault.isdigit():
            kind = "rate_limit_error" if fault == "429" else "api_error"
            return int(fault), {"error": {"type": kind, "code": "lock_timeout", "message": "try again"}}
        known = self.books.replies.get(key) if key else None
        if known is not None and known[0] != asked:
            return 400, {"error": {"type": "idempotency_error", "message": "keys are for one request"}}
        if known is not None:
            return known[1], known[2]
        try:
            status, body = 200, json.loads(json.dumps(self._done(path.split("/")[2:], form)))
        except Refused as refusal:
            status, body = refusal.status, json.loads(json.dumps(refusal.body))
        if key:
            self.books.replies[key] = (asked, status, body)
        return status, body

    def _done(self, path: list[str], form: Json) -> Json:
        books = self.books
        match self.command, path:
            case "POST", ["payment_intents"]:
                return books.create_intent(form)
            case "GET", ["payment_intents", intent_id]:
                return books.intents[intent_id]
            case "POST", ["payment_intents", intent_id, "capture"]:
                return books.capture(books.intents[intent_id], form)
            case "POST", ["payment_intents", intent_id, "cancel"]:
                return books.cancel(books.intents[intent_id], form)
            case "POST", ["refunds"]:
                return books.create_refund(form)
            case "GET", ["payment_methods", method]:
                return books.method(method)
            case "GET", ["refunds"]:
                found = [each for each in books.refunds.values() if each["payment_intent"] == form["payment_intent"]]
                return _page(found, form, path[0])
            case "GET", ["balance_transactions"]:
                span = form["created"]
                found = [each for each in books.transactions if int(span["gte"]) <= each["created"] < int(span["lt"])]
                return _page(found, form, path[0])
            case _:
                raise Refused(404, "invalid_request_error", "resource_missing")

    def _send(self, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Request-Id", f"req_{len(self.books.requests):06d}")
        self.end_headers()
        self.wfile.write(content)


def _page(found: list[Json], form: Json, name: str) -> Json:
    after = form.get("starting_after")
    start = next((index + 1 for index, each in enumerate(found) if each["id"] == after), 0)
    page = found[start : start + int(form.get("limit", 10))]
    more = start + len(page) < len(found)
    return {"object": "list", "url": f"/v1/{name}", "has_more": more, "data": page}


class StandIn:
    """The running server: `with StandIn() as stripe:`."""

    def __init__(self) -> None:
        self.books = Books()
        handler = type("Handler", (_Handler,), {"books": self.books})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "StandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
