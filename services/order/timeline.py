"""Everything that happened to an order, from all who know: its own facts, its payment's, and what others reported."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.order import reports
from services.order.outbound import payment_id_of
from services.order.reports import Report
from services.order.schemas import Timeline, TimelineEntry
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction

AHEAD_MAX = timedelta(seconds=120)
"""A clock that is further ahead of the server's than this is wrong."""
_BOOKKEEPING = frozenset({"LedgerPosted"})
"""The book has a page of its own."""
_PAYMENT_FOR_ALL = frozenset(
    {
        "PaymentAuthorized",
        "PaymentFailed",
        "PaymentCaptured",
        "RefundIssued",
        "RefundFailed",
        "CompensationOwed",
        "DifferenceOwed",
        "DifferenceSettled",
        "TipPassedOn",
    }
)
_OWN_FIELDS = frozenset({"at", "reason"})


def of_order(tx: Transaction, order_id: str, *, staff: bool) -> Timeline:
    """In the order in which servers wrote it down. Who is not staff does not see how the provider was asked."""
    own = list(tx.stream(order_id))
    placed_at = own[0].occurred_at
    entries = [_from_store("order", event, placed_at) for event in own]
    for event in tx.stream(payment_id_of(order_id)):
        if event.type not in _BOOKKEEPING and (staff or event.type in _PAYMENT_FOR_ALL):
            entries.append(_from_store("payment", event, placed_at))
    entries += [_from_report(report, placed_at) for report in reports.of_order(tx, order_id)]
    entries.sort(key=lambda entry: (entry.recorded_at, entry.source, entry.version))
    return Timeline(order_id=order_id, entries=entries)


def _from_store(source: str, event: StoredEvent, placed_at: datetime) -> TimelineEntry:
    return TimelineEntry(
        id=event.event_id,
        source=source,
        version=event.version,
        type=event.type,
        at=event.occurred_at,
        recorded_at=event.recorded_at,
        clock_skewed=skewed(event.occurred_at, event.recorded_at, placed_at),
        actor=event.actor,
        reason=_reason(event.data),
        caused_by=event.causation_id,
        correlation_id=event.correlation_id,
        proof=_proof(event.data),
        facts=_plain(event.data),
    )


def _from_report(report: Report, placed_at: datetime) -> TimelineEntry:
    return TimelineEntry(
        id=report.message_id,
        source=report.source,
        version=0,
        type=report.type,
        at=report.occurred_at,
        recorded_at=report.recorded_at,
        clock_skewed=skewed(report.occurred_at, report.recorded_at, placed_at),
        actor=report.actor,
        reason=_reason(report.facts),
        caused_by=None,
        correlation_id=None,
        proof=_proof(report.facts),
        facts=_plain(report.facts),
    )


def skewed(occurred_at: datetime, recorded_at: datetime, placed_at: datetime) -> bool:
    """Whether a device's clock cannot be right: it is ahead of the server's, or from before there was an order.

    That something is recorded long after it happened is no fault of a clock: a device may have been offline.
    """
    return occurred_at > recorded_at + AHEAD_MAX or occurred_at < placed_at - AHEAD_MAX


def _reason(data: Mapping[str, Any]) -> str | None:
    reason = data.get("reason")
    return reason if isinstance(reason, str) and reason else None


def _proof(data: Mapping[str, Any]) -> dict[str, str] | None:
    proof = data.get("proof")
    if not isinstance(proof, dict) or "kind" not in proof or proof["kind"] == "none":
        return None
    return {name: str(value) for name, value in proof.items() if value}


def _plain(data: Mapping[str, Any]) -> dict[str, str | int | None]:
    """Single values only: sealed fields are objects, and the rest of those is in the order itself."""
    return {
        name: value
        for name, value in data.items()
        if name not in _OWN_FIELDS and (value is None or isinstance(value, str | int))
    }
