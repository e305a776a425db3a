"""The small values that orders, merchants and payments are told in."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from shared.kernel.place import Place


class OrderState(StrEnum):
    """Where an order is in its life; the one home of these words."""

    PENDING_ACCEPTANCE = "pending_acceptance"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    DELIVERY_EXCEPTION = "delivery_exception"
    RETURNING = "returning"
    COMPLETED = "completed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    ARCHIVED = "archived"


ENDED = frozenset({OrderState.COMPLETED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.ARCHIVED})
"""An order in one of these is over: nobody waits for it any more."""


class OrderKind(StrEnum):
    FOOD = "food"
    BUY = "errand_buy"
    CARRY = "errand_carry"
    QUEUE = "errand_queue"
    DOCUMENT = "errand_document"


class Priority(StrEnum):
    NORMAL = "normal"
    URGENT = "urgent"
    MEDICAL = "medical"


class Goods(StrEnum):
    """Where the goods are, as far as the order knows."""

    NOT_COLLECTED = "not_collected"
    WITH_RIDER = "with_rider"
    RETURNED = "returned"
    LEFT = "left"
    HANDED_OVER = "handed_over"


class Wait(StrEnum):
    """The names of what an order waits for."""

    PAYMENT = "payment"
    MERCHANT_REMINDER = "merchant_reminder"
    MERCHANT_ANSWER = "merchant_answer"
    PREPARATION = "preparation"
    WITHDRAWAL_ANSWER = "withdrawal_answer"
    CONFIRMATION = "confirmation"
    REVIEW = "review"
    ARCHIVE = "archive"


class By(StrEnum):
    """Who ended an order, or wants to."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    SUPPORT = "support"
    OPERATIONS = "operations"
    SYSTEM = "system"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person to ring at the door: phone in E.164, language `en` or `zh`."""

    name: str
    phone: str
    email: str | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who gets the order and where exactly: personal as a whole, so it is sealed as a whole."""

    contact: Contact
    address: str
    place: Place
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickup:
    """The door that the goods leave from."""

    name: str
    phone: str
    place: Place
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item of an order at the price of its day."""

    sku: str
    name: str
    quantity: int
    unit_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What an order costs, in cents of `currency`."""

    goods_cents: int
    delivery_fee_cents: int
    currency: str

    @property
    def total_cents(self) -> int:
        return self.goods_cents + self.delivery_fee_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """What a merchant sells; `skills` are what a rider must have to carry it (`cold_chain`, `fragile`, …)."""

    sku: str
    name: str
    unit_cents: int
    skills: tuple[str, ...] = ()
    weight_g: int = 0
    volume_ml: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHours:
    """Daily hours by the wall clock of `zone` (IANA name); closing before opening means past midnight."""

    opens: time
    closes: time
    zone: str

    def hold(self, local: time) -> bool:
        if self.opens <= self.closes:
            return self.opens <= local < self.closes
        return local >= self.opens or local < self.closes


@dataclass(frozen=True, slots=True)
class Step:
    """A step that an order has taken, by its name on the tracking page, and when it happened."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A wish to cancel that waits for the answer of whoever knows where the goods are."""

    by: By
    reason: str
    answer_by: datetime
    asks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Scores from 1 to 5."""

    merchant: int
    rider: int
    platform: int
