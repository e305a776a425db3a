"""Holds each provider's list of charges and refunds against the book, day by day, and names every difference."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from psycopg.types.json import Jsonb

from services.order import books
from services.order.payments import Movement, MovementKind, PaymentProvider, Providers
from shared.eventstore.ports import Store
from shared.kernel.clock import Clock

logger = logging.getLogger(__name__)

MARGIN = timedelta(days=1)
"""One book may tell of a movement shortly after midnight that the other has before it."""


class Fault(StrEnum):
    """How the two books can differ about a movement."""

    MISSING_AT_PROVIDER = "missing_at_provider"
    MISSING_IN_LEDGER = "missing_in_ledger"
    AMOUNT = "amount"
    CURRENCY = "currency"
    KIND = "kind"
    TWICE_AT_PROVIDER = "twice_at_provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one book says of a movement and the other does not."""

    fault: Fault
    movement: str
    kind: MovementKind
    order_id: str
    reference: str
    ledger_cents: int | None
    provider_cents: int | None
    ledger_currency: str | None
    provider_currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One day's comparison with one provider; `charged_cents` and `refunded_cents` are by the book, and refunds that
    came back are no refunds."""

    day: date
    provider: str
    made_at: datetime
    movements: int
    charged_cents: int
    refunded_cents: int
    differences: tuple[Difference, ...]


def compare(ours: Sequence[Movement], theirs: Sequence[Movement], start: datetime, end: datetime) -> list[Difference]:
    """The differences about movements of the span; both lists reach beyond it, to find what came over midnight."""
    book = {movement.key: movement for movement in ours}
    found: dict[str, Movement] = {}
    differences = []
    for movement in theirs:
        known = book.get(movement.key) if movement.key else None
        if movement.key in found:
            faults = [Fault.TWICE_AT_PROVIDER]
        elif known is None:
            faults = [Fault.MISSING_IN_LEDGER]
        else:
            faults = _between(known, movement)
        if known is not None:
            found[movement.key] = movement
        if start <= movement.at < end or (known is not None and start <= known.at < end):
            differences += [_difference(fault, known, movement) for fault in faults]
    missing = [each for each in ours if each.key not in found and start <= each.at < end]
    return differences + [_difference(Fault.MISSING_AT_PROVIDER, each, None) for each in missing]


def _between(ours: Movement, theirs: Movement) -> list[Fault]:
    told = {
        Fault.KIND: ours.kind is not theirs.kind,
        Fault.AMOUNT: ours.cents != theirs.cents,
        Fault.CURRENCY: ours.currency != theirs.currency,
    }
    return [fault for fault, differs in told.items() if differs]


def _difference(fault: Fault, ours: Movement | None, theirs: Movement | None) -> Difference:
    known = ours or theirs
    assert known is not None, "a difference is about a movement of at least one book"
    return Difference(
        fault=fault,
        movement=known.key,
        kind=known.kind,
        order_id=ours.order_id if ours else "",
        reference=theirs.reference if theirs else "",
        ledger_cents=ours.cents if ours else None,
        provider_cents=theirs.cents if theirs else None,
        ledger_currency=ours.currency if ours else None,
        provider_currency=theirs.currency if theirs else None,
    )


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares days, and keeps what it found."""

    store: Store
    providers: Providers
    clock: Clock

    def reconcile(self, day: date) -> list[Report]:
        """Compares a day of UTC with each provider; raises ProviderUnavailable when one cannot be asked."""
        return [self._reconciled(provider, day) for provider in self.providers]

    def _reconciled(self, provider: PaymentProvider, day: date) -> Report:
        start = datetime.combine(day, time(), UTC)
        end = start + timedelta(days=1)
        theirs = provider.movements(start - MARGIN, end + MARGIN)
        ours = books.movements(self.store, provider.name, start - MARGIN, end + MARGIN)
        of_day = [movement for movement in ours if start <= movement.at < end]
        report = Report(
            day=day,
            provider=provider.name,
            made_at=self.clock.now(),
            movements=len(of_day),
            charged_cents=_sum(of_day, MovementKind.CHARGE),
            refunded_cents=_sum(of_day, MovementKind.REFUND) - _sum(of_day, MovementKind.REFUND_FAILED),
            differences=tuple(compare(ours, theirs, start, end)),
        )
        self._keep(report)
        return report

    def catch_up(self) -> int:
        """Compares the day that is over with each provider, once; how many comparisons that were."""
        yesterday = self.clock.now().astimezone(UTC).date() - timedelta(days=1)
        with self.store.reading() as tx:
            rows = tx.connection.execute("SELECT provider FROM reconciliations WHERE day = %s", (yesterday,))
            known = {row["provider"] for row in rows}
        missing = [provider for provider in self.providers if provider.name not in known]
        for provider in missing:
            self._reconciled(provider, yesterday)
        return len(missing)

    def reports(self, limit: int = 31) -> list[Mapping[str, object]]:
        """The last reports as they were kept, newest day first."""
        with self.store.reading() as tx:
            rows = tx.connection.execute(
                "SELECT report FROM reconciliations ORDER BY day DESC, provider LIMIT %s", (limit,)
            ).fetchall()
        return [row["report"] for row in rows]

    def _keep(self, report: Report) -> None:
        if report.differences:
            logger.error(
                "reconciliation of %s with %s found %s differences",
                report.day,
                report.provider,
                len(report.differences),
            )
        kept = {**asdict(report), "day": report.day.isoformat(), "made_at": report.made_at.isoformat()}
        self.store.run(
            lambda tx: tx.connection.execute(
                "INSERT INTO reconciliations (day, provider, at, report) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (day, provider) DO UPDATE SET at = EXCLUDED.at, report = EXCLUDED.report",
                (report.day, report.provider, report.made_at, Jsonb(kept)),
            )
        )


def _sum(movements: Sequence[Movement], kind: MovementKind) -> int:
    return sum(movement.cents for movement in movements if movement.kind is kind)
