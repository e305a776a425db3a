"""The errands that the provider is to be asked, as rows: none is lost, and no two ask the same at once.

Rows are kept by a follower of the log, in the transaction of its position. Whoever asks the provider takes a row on
lease and asks with no transaction open: a provider that is slow or down holds no lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.order.domain import payment as p
from shared.eventstore.arrays import text_array
from shared.eventstore.connecting import Pool
from shared.eventstore.direct import Prepared
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Store, Transaction

LEASE_SECONDS = 60
"""Longer than the provider is given to answer; whoever dies meanwhile leaves the errand to the next."""


_PUT = Prepared(
    "INSERT INTO payment_errands AS e (payment_id, name, order_id, errand, since, ready, caused_by, correlation_id,"
    " traceparent) VALUES (%(payment_id)s, %(name)s, %(order_id)s, %(errand)s, %(since)s::timestamptz, true,"
    " %(caused_by)s, %(correlation_id)s, %(traceparent)s)"
    " ON CONFLICT (payment_id, name) DO UPDATE SET ready = true, again_at = NULL, stuck = false,"
    " leased_until = NULL, caused_by = EXCLUDED.caused_by, traceparent = EXCLUDED.traceparent"
)
_END = Prepared("DELETE FROM payment_errands WHERE payment_id = %(payment_id)s AND name = ANY(%(names)s::text[])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """An errand to ask the provider, and what it follows from."""

    payment_id: str
    name: str
    caused_by: str
    correlation_id: str
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An errand that has no answer yet, as operators see it."""

    payment_id: str
    order_id: str
    name: str
    errand: str
    since: datetime
    attempts: int
    why: str | None
    again_at: datetime | None
    stuck: bool


class Desk(Protocol):
    """Where errands lie until they are answered."""

    def note(self, tx: Transaction, stored: StoredEvent, event: p.PaymentEvent) -> None:
        """Keeps the errands true to one more event."""

    def take(self, limit: int) -> Sequence[Slip]:
        """Errands that nobody is asking now, for the taker alone."""

    def drop(self, slip: Slip) -> None:
        """An errand that is no longer open."""


def closes(event: p.PaymentEvent) -> Sequence[str]:
    """The names of the errands that an answer ends."""
    match event:
        case p.PaymentAuthorized():
            return (p.Errand.AUTHORIZE.value,)
        case p.PaymentFailed():
            return (p.Errand.AUTHORIZE.value, p.Errand.CAPTURE.value)
        case p.PaymentCaptured():
            return (p.Errand.CAPTURE.value,)
        case p.PaymentReleased():
            return (p.Errand.RELEASE.value,)
        case p.RefundIssued():
            return (event.name or p.Errand.REFUND.value,)
        case p.RefundFailed():
            return (event.name,)
        case p.ChargeCaptured() | p.ChargeFailed():
            return (p.charge_name(event.charge_id),)
        case _:
            return ()


class SqlDesk:
    """The table `payment_errands`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def close(self) -> None:
        self._pool.close()

    def note(self, tx: Transaction, stored: StoredEvent, event: p.PaymentEvent) -> None:
        asked = p.errand_of(event)
        if asked is not None:
            self._put(tx, stored, event, *asked)
        elif isinstance(event, p.PaymentDelayed | p.PaymentStuck):
            self._delay(tx, stored.stream_id, event)
        elif names := closes(event):
            tx.talk.ask_ahead(_END, {"payment_id": stored.stream_id, "names": text_array(names)})

    def _put(self, tx: Transaction, stored: StoredEvent, event: p.PaymentEvent, errand: p.Errand, name: str) -> None:
        values = {
            "payment_id": stored.stream_id,
            "name": name,
            "order_id": event.order_id,
            "errand": errand.value,
            "since": event.at.isoformat(),
            "caused_by": stored.event_id,
            "correlation_id": stored.correlation_id,
            "traceparent": stored.traceparent,
        }
        tx.talk.ask_ahead(_PUT, values)

    def _delay(self, tx: Transaction, payment_id: str, event: p.PaymentDelayed | p.PaymentStuck) -> None:
        delayed = isinstance(event, p.PaymentDelayed)
        tx.connection.execute(
            "UPDATE payment_errands SET ready = false, leased_until = NULL, attempts = %s, why = %s, again_at = %s,"
            " stuck = %s WHERE payment_id = %s AND name = %s",
            (
                event.attempt if isinstance(event, p.PaymentDelayed) else event.attempts,
                event.why.value,
                event.again_at if isinstance(event, p.PaymentDelayed) else None,
                not delayed,
                payment_id,
                event.name or event.errand.value,
            ),
        )

    def take(self, limit: int) -> Sequence[Slip]:
        with self._pool.connection() as connection:
            rows = connection.execute(
                "UPDATE payment_errands SET leased_until = now() + %s * interval '1 second'"
                " WHERE (payment_id, name) IN (SELECT payment_id, name FROM payment_errands"
                " WHERE ready AND (leased_until IS NULL OR leased_until < now())"
                " ORDER BY since LIMIT %s FOR UPDATE SKIP LOCKED)"
                " RETURNING payment_id, name, caused_by, correlation_id, traceparent",
                (LEASE_SECONDS, limit),
            ).fetchall()
        return [Slip(**row) for row in rows]

    def drop(self, slip: Slip) -> None:
        with self._pool.connection() as connection:
            connection.execute(
                "DELETE FROM payment_errands WHERE payment_id = %s AND name = %s AND caused_by = %s",
                (slip.payment_id, slip.name, slip.caused_by),
            )


def waiting(store: Store, limit: int, after: str = "") -> list[Waiting]:
    """Errands without an answer, by payment, at most `limit`, after `<payment>:<errand>`."""
    with store.reading() as tx:
        rows = tx.connection.execute(
            "SELECT payment_id, order_id, name, errand, since, attempts, why, again_at, stuck FROM payment_errands"
            " WHERE payment_id || ':' || name > %s AND NOT ready"
            " ORDER BY payment_id || ':' || name LIMIT %s",
            (after, limit),
        )
        return [Waiting(**row) for row in rows]
