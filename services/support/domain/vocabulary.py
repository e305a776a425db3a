"""The words of support: kinds, severities, decisions and outcomes of a case."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.kernel.ids import sibling_id


class Kind(StrEnum):
    """What a case is about."""

    DELIVERY_FAILED = "delivery_failed"
    UNDELIVERABLE = "undeliverable"
    COMPLAINT = "complaint"
    STALLED = "stalled"


class Severity(StrEnum):
    """How soon somebody must look: P0 is now. The texts sort by urgency."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    def raised(self) -> "Severity":
        """One step more urgent; P0 stays P0."""
        order = list(Severity)
        return order[max(0, order.index(self) - 1)]


class Decision(StrEnum):
    """What an agent chose to do."""

    REDISPATCH = "redispatch"
    REFUND = "refund"


class Outcome(StrEnum):
    """How a case ended."""

    REDELIVERED = "redelivered"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    FAILED_AGAIN = "failed_again"
    COMPENSATED = "compensated"
    NO_ACTION = "no_action"


class Ending(StrEnum):
    """How an order came to its end, as far as support is concerned."""

    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What support must know of an order to judge a case: nothing personal. What it costs was not always told."""

    order_id: str
    customer_id: str
    merchant_id: str
    kind: str
    priority: str
    promised_at: datetime
    total_cents: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What went wrong: the failure's reason code and where the goods are, in the words of dispatch; or a complaint's
    `note`, which is what the customer said, in the agent's words."""

    kind: Kind
    reason: str
    goods: str
    note: str = ""


def dossier_id(order_id: str) -> str:
    """The stream of all that support knows of an order."""
    return sibling_id("dos", order_id)


def case_id(order_id: str, number: int) -> str:
    """The id of an order's n-th case, from 1: there can be no second case for the same trouble."""
    return f"{sibling_id('cas', order_id)}-{number}"
