"""The double-entry book over all orders: its lines and balances, built from the log, and what is asked of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.order.domain import payment as p
from services.order.domain.ledger import CLEARING, Entry, Transfer
from services.order.domain.purse import implied
from services.order.payment_codec import PAYMENT_CODEC
from services.order.payments import Movement, MovementKind
from shared.eventstore.batched import one_at_a_time
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Store, Transaction
from shared.eventstore.projection import Projection


class _Blind:
    """Opens nothing: the book holds no personal data."""

    def seal(self, subject_id: str, plain: Any) -> str:  # noqa: ARG002
        raise AssertionError("a read model seals nothing")

    def open(self, subject_id: str, sealed: str) -> None:  # noqa: ARG002
        return None


_BLIND = _Blind()


@dataclass(frozen=True, slots=True)
class Balance:
    """What lies on an account: credits less debits, so that what we owe somebody is above 0."""

    account: str
    currency: str
    cents: int


def decoded(stored: StoredEvent) -> p.PaymentEvent:
    """A stored fact of a payment's; none of them is sealed."""
    return PAYMENT_CODEC.decode(stored.type, stored.schema_version, stored.data, _BLIND)


_POSTING = frozenset({"LedgerPosted", "PaymentCaptured", "RefundIssued"})


def _post(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    lines: list[tuple[Any, ...]] = []
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for stored in events:
        if stored.type not in _POSTING:
            continue
        event = decoded(stored)
        posted = implied(event)
        if posted is not None and isinstance(event, p.LedgerPosted | p.PaymentCaptured | p.RefundIssued):
            entry, transfers = posted
            lines += _lines(stored, event, entry, transfers)
            _add(sums, transfers, event.currency)
    _write(tx, lines, [(account, currency, cents) for (account, currency), cents in sums.items()])


def _lines(
    stored: StoredEvent,
    event: p.LedgerPosted | p.PaymentCaptured | p.RefundIssued,
    entry: Entry,
    transfers: Sequence[Transfer],
) -> list[tuple[Any, ...]]:
    movement = event.movement or _movement_of_first_release(stored, event)
    return [
        (
            stored.stream_id,
            stored.version,
            line,
            event.order_id,
            event.at,
            entry.value,
            movement,
            str(transfer.debit),
            str(transfer.credit),
            transfer.cents,
            event.currency,
            _provider(event, movement),
        )
        for line, transfer in enumerate(transfers)
    ]


def _write(tx: Transaction, lines: Sequence[tuple[Any, ...]], sums: Sequence[tuple[str, str, int]]) -> None:
    cursor = tx.connection.cursor()
    if lines:
        cursor.executemany(f"INSERT INTO ledger_lines VALUES ({', '.join(['%s'] * 12)})", lines)
    if sums:
        cursor.executemany(
            "INSERT INTO account_balances AS b (account, currency, cents) VALUES (%s, %s, %s)"
            " ON CONFLICT (account, currency) DO UPDATE SET cents = b.cents + EXCLUDED.cents",
            sorted(sums),
        )


def _movement_of_first_release(stored: StoredEvent, event: p.PaymentEvent) -> str:
    """Release 0.1.0 named no movements, and asked for each with the errand's name."""
    match event:
        case p.PaymentCaptured():
            return f"{stored.stream_id}:{p.Errand.CAPTURE.value}"
        case p.RefundIssued():
            return f"{stored.stream_id}:{p.Errand.REFUND.value}"
        case _:
            return ""


def _provider(event: p.PaymentEvent, movement: str) -> str:
    """At which provider money moved. Releases before Stripe's adapter did not say: there was the sandbox alone."""
    told = event.provider if isinstance(event, p.LedgerPosted) else ""
    return told or ("sandbox" if movement else "")


def _add(sums: dict[tuple[str, str], int], transfers: Sequence[Transfer], currency: str) -> None:
    """What an event does to each account it touches; one on which all cancels out has its row too."""
    for transfer in transfers:
        sums[str(transfer.debit), currency] += transfer.cents
        sums[str(transfer.credit), currency] -= transfer.cents


LEDGER = Projection(
    "ledger",
    1,
    one_at_a_time(_post),
    tables=("ledger_lines", "account_balances"),
    types=_POSTING,
    apply_many=_post,
)


def balances_of(store: Store, account: str) -> list[Balance]:
    """An account's balances, one a currency."""
    with store.reading() as tx:
        rows = tx.connection.execute(
            "SELECT account, currency, -cents AS cents FROM account_balances WHERE account = %s ORDER BY currency",
            (account,),
        )
        return [Balance(**row) for row in rows]


def movements(store: Store, provider: str, start: datetime, end: datetime) -> list[Movement]:
    """The charges and refunds at a provider that the book tells of in a span of time."""
    clearing = str(CLEARING)
    with store.reading() as tx:
        rows = tx.connection.execute(
            "SELECT movement, order_id, currency, min(at) AS at,"
            " sum(CASE WHEN debit = %s THEN cents ELSE -cents END)::bigint AS cents,"
            " bool_or(entry = 'refund_failed') AS failed FROM ledger_lines"
            " WHERE provider = %s AND at >= %s AND at < %s AND"
            " (debit = 'provider_clearing' OR credit = 'provider_clearing')"
            " GROUP BY movement, order_id, currency ORDER BY movement",
            (clearing, provider, start, end),
        ).fetchall()
    return [
        Movement(
            key=row["movement"],
            kind=_kind(row["cents"], failed=row["failed"]),
            cents=abs(row["cents"]),
            currency=row["currency"],
            at=row["at"],
            order_id=row["order_id"],
        )
        for row in rows
    ]


def _kind(cents: int, *, failed: bool) -> MovementKind:
    if failed:
        return MovementKind.REFUND_FAILED
    return MovementKind.CHARGE if cents > 0 else MovementKind.REFUND
