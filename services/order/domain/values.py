"""The small values that orders, merchants and payments are told in."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from itertools import pairwise

from shared.kernel.place import Place, distance_m


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


NO_MERCHANT = ""
"""The merchant of an errand: there is none. The field stays, so that every fact about an order has one shape."""


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


class Handling(StrEnum):
    """Care that goods need on the road. Each is also the name of the skill that their rider must have."""

    COLD_CHAIN = "cold_chain"
    BULKY = "bulky"
    FRAGILE = "fragile"
    AGE_CHECKED = "age_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Evidence of a hand-over, as dispatch told it: what it is, where it is kept, its digest, and who took it."""

    kind: str
    reference: str = ""
    sha256: str = ""
    received_by: str = ""


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
    ASKING = "asking"
    MERCHANT_REMINDER = "merchant_reminder"
    MERCHANT_ANSWER = "merchant_answer"
    PREPARATION = "preparation"
    WITHDRAWAL_ANSWER = "withdrawal_answer"
    CONFIRMATION_REMINDER = "confirmation_reminder"
    CONFIRMATION = "confirmation"
    NEXT_STEP = "next_step"
    REVIEW = "review"
    MODERATION = "moderation"
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
class Option:
    """One way to have an item; `delta_cents` is added to its price and may be negative."""

    option_id: str
    name: str
    delta_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionGroup:
    """Options of which a customer takes at least `min_choices` and at most `max_choices`."""

    name: str
    options: tuple[Option, ...]
    min_choices: int = 0
    max_choices: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item of an order at the price of its day: `unit_cents` holds the chosen options as well."""

    sku: str
    name: str
    quantity: int
    unit_cents: int
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What an order costs, part by part, in cents of `currency`.

    Of an errand, goods and service are ceilings: what is asked of the card, and what the receipt and the clock can
    only make less. `service_cents` is the work beyond carrying.
    """

    goods_cents: int
    delivery_fee_cents: int
    currency: str
    packing_cents: int = 0
    service_cents: int = 0
    time_surcharge_cents: int = 0
    weather_surcharge_cents: int = 0
    discount_cents: int = 0
    tip_cents: int = 0

    @property
    def fees_cents(self) -> int:
        """What carrying costs: everything but the goods, their packing, the discount and the tip."""
        return self.service_cents + self.delivery_fee_cents + self.time_surcharge_cents + self.weather_surcharge_cents

    @property
    def total_cents(self) -> int:
        return self.goods_cents + self.packing_cents + self.fees_cents - self.discount_cents + self.tip_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """What a merchant sells; `handling` and `skills` are what a rider must have to carry it.

    `packing_cents` is for each piece; `preparation_minutes` None means the merchant's usual time.
    """

    sku: str
    name: str
    unit_cents: int
    skills: tuple[str, ...] = ()
    weight_g: int = 0
    volume_ml: int = 0
    handling: tuple[Handling, ...] = ()
    packing_cents: int = 0
    preparation_minutes: int | None = None
    option_groups: tuple[OptionGroup, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A door where an errand fetches something; `contact` is whoever hands the things over, where somebody does.

    `task` is what is to be done at a further door; of the first one the errand's own says it.
    """

    place: Place
    address: str
    contact: Contact | None = None
    task: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Where an errand begins, where else it goes, and what is to be done: the customer's words, sealed as a whole."""

    stop: Stop
    task: str
    further_stops: tuple[Stop, ...] = ()

    def way_m(self, to: Place) -> float:
        """Through all its doors in their order and on to a place: metres as the crow flies."""
        places = (self.stop.place, *(each.place for each in self.further_stops), to)
        return sum(distance_m(here, there) for here, there in pairwise(places))


@dataclass(frozen=True, slots=True)
class Collected:
    """A rider is done at one of an errand's places: 0 where it begins, n at the n-th further one.

    `empty_handed`: it was closed or had nothing, and the errand goes on without.
    """

    stop: int
    at: datetime
    empty_handed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandTerms:
    """What an errand may cost and last: figures that nobody minds, so that they stay readable.

    `budget_cents` is the ceiling for what is bought; a queue is paid by each minute begun up to its longest;
    `further_stops_cents` is what all further places together cost.
    """

    budget_cents: int = 0
    wait_minutes_max: int = 0
    per_minute_cents: int = 0
    base_cents: int = 0
    parcel: bool = False
    further_stops_cents: int = 0

    @property
    def metered(self) -> bool:
        """Whether the price is known only once the rider has bought or waited."""
        return self.budget_cents > 0 or self.wait_minutes_max > 0


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


class ReviewTag(StrEnum):
    """What a customer may say with a tap; their words are in the pages' catalogues (`review.tag`)."""

    TASTY = "tasty"
    WELL_PACKED = "well_packed"
    GOOD_VALUE = "good_value"
    ON_TIME = "on_time"
    FRIENDLY_RIDER = "friendly_rider"
    COLD = "cold"
    SPILLED = "spilled"
    WRONG_ITEM = "wrong_item"
    LATE = "late"
    RUDE = "rude"


class Standing(StrEnum):
    """Whether others see the words and pictures of a review."""

    PUBLISHED = "published"
    HELD = "held"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Scores from 1 to 5, and the words: None when there are none, or their customer was forgotten."""

    merchant: int
    rider: int
    platform: int
    comment: str | None = None
    tags: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    standing: Standing = Standing.PUBLISHED
    held_for: tuple[str, ...] = ()
