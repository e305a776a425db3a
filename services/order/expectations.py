"""When an order's customer may expect it, as dispatch told last: read from what it reported."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.order.domain.state import Order
from services.order.domain.values import OrderState
from services.order.reports import Report
from shared.eventstore.ports import Transaction

AWAITED = frozenset({OrderState.ACCEPTED, OrderState.PREPARING, OrderState.READY, OrderState.DELIVERING})
_TOLD = "EtaChanged", "DelayPredicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Half of such deliveries are at the door by `p50`, nine of ten by `p90`. `delay_foreseen`: dispatch has said
    that the promise that holds now will probably be missed."""

    p50: datetime
    p90: datetime
    delay_foreseen: bool


def expected(tx: Transaction, order: Order) -> Expected | None:
    """None while nothing was told, and of an order that nobody waits for."""
    if order.state not in AWAITED:
        return None
    rows = tx.connection.execute(
        "SELECT * FROM order_reports WHERE order_id = %s AND source = 'dispatch' AND type = ANY(%s)"
        " ORDER BY recorded_at, message_id",
        (order.order_id, list(_TOLD)),
    )
    return last_word([Report(**row) for row in rows], order.placed.promised_at)


def last_word(reports: Sequence[Report], promised_at: datetime) -> Expected | None:
    """What was told, oldest first, comes down to this."""
    times = [report.facts for report in reports if report.type == "EtaChanged"]
    if not times:
        return None
    warned = [report.facts for report in reports if report.type == "DelayPredicted"]
    return Expected(
        p50=datetime.fromisoformat(times[-1]["p50"]),
        p90=datetime.fromisoformat(times[-1]["p90"]),
        delay_foreseen=any(datetime.fromisoformat(each["promised_at"]) == promised_at for each in warned),
    )
