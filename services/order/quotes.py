"""Keeps quotes for the minutes that they hold: not history, so they are a table that empties itself."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.order.domain.quote import Quote
from shared.eventstore.ports import Store, Transaction

_QUOTE: TypeAdapter[Quote] = TypeAdapter(Quote)
_FORGET_AT_ONCE = 1_000


def remember(tx: Transaction, quote: Quote) -> None:
    """Nothing in it is personal: who asked, what it costs, and until when."""
    tx.connection.execute(
        "INSERT INTO quotes (quote_id, expires_at, quote) VALUES (%s, %s, %s)",
        (quote.quote_id, quote.expires_at, Jsonb(_QUOTE.dump_python(quote, mode="json"))),
    )


def recall(tx: Transaction, quote_id: str | None) -> Quote | None:
    """A quote as it was told; None when there is none, or it expired long ago."""
    if quote_id is None:
        return None
    row: Any = tx.connection.execute("SELECT quote FROM quotes WHERE quote_id = %s", (quote_id,)).fetchone()
    return None if row is None else _QUOTE.validate_python(row["quote"])


def forget_expired(store: Store, before: datetime) -> int:
    """Removes quotes that expired before a moment, a bounded number at once; returns how many."""
    with store.transaction() as tx:
        done = tx.connection.execute(
            "DELETE FROM quotes WHERE quote_id IN (SELECT quote_id FROM quotes WHERE expires_at < %s"
            " ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)",
            (before, _FORGET_AT_ONCE),
        )
    return int(done.rowcount)
