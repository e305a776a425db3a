"""What every fact about an order says."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFact:
    """What every fact about an order says: whose it is, and when it happened (by the actor's clock).

    Where a fact has `stalled_at`, whoever owns the next step is called when nothing has moved by then.
    """

    customer_id: str
    merchant_id: str
    at: datetime
