"""What callers send to the order gateway and what they are answered."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.order.domain.correcting import CorrectionReason
from services.order.domain.payment import PaymentState
from services.order.domain.queueing import Lane
from services.order.domain.values import By, Goods, OrderKind, OrderState, Priority, Standing
from services.order.searching import Sort
from shared.gateway.cursor import PageQuery
from shared.gateway.sealing import PersonalPart
from shared.gateway.words import Code

# Identifiers and one-line texts hold no control characters: they end up in logs, headers and e-mail subjects.
LINE = r"^[^\x00-\x1f\x7f]*$"
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_-]+$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=LINE)]
LongText = Annotated[str, StringConstraints(max_length=1_000)]
Cents = Annotated[int, Field(ge=0, le=100_000_000)]
Score = Annotated[int, Field(ge=1, le=5)]
Minutes = Annotated[int, Field(ge=0, le=24 * 60)]


def shown(example: dict[str, Any]) -> ConfigDict:
    """The example of a body in the documentation; tests send each as it is written."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class Input(BaseModel):
    """A body or a part of one: what it does not name is refused, so that a typing mistake is not ignored."""

    model_config = ConfigDict(extra="forbid")


class Point(Input):
    """WGS84 degrees."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class Timed(Input):
    """A command that a device may send late: `occurred_at` is its own time, the server keeps both."""

    model_config = shown({})

    occurred_at: AwareDatetime | None = None


class ReadyTime(Timed):
    """When the food will be ready: a moment, or minutes from now."""

    ready_at: AwareDatetime | None = None
    preparation_minutes: Minutes | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.ready_at is None) == (self.preparation_minutes is None):
            raise ValueError("give either ready_at or preparation_minutes")
        return self


class AcceptBody(ReadyTime):
    model_config = shown({"preparation_minutes": 15})


class ExtendBody(ReadyTime):
    model_config = shown({"ready_at": "2026-03-01T12:10:00Z", "reason": "kitchen_busy"})

    reason: Code | Literal[""] = ""


class RejectBody(Timed):
    model_config = shown({"reason": "sold_out"})

    reason: Code


class CancelReason(StrEnum):
    """Why an order is called off: everybody is told, so nobody's own words."""

    UNSPECIFIED = "unspecified"
    CHANGED_MIND = "changed_mind"
    ORDERED_BY_MISTAKE = "ordered_by_mistake"
    TOO_SLOW = "too_slow"
    ADDRESS_WRONG = "address_wrong"
    CUSTOMER_UNREACHABLE = "customer_unreachable"
    SOLD_OUT = "sold_out"
    MERCHANT_CLOSED = "merchant_closed"
    UNDELIVERABLE = "undeliverable"
    OTHER = "other"


class CancelBody(Input):
    model_config = shown({"reason": "changed_mind"})

    reason: CancelReason = CancelReason.UNSPECIFIED


class CorrectBody(Timed):
    """Where the order really stands. `happened_at` is when it was delivered, `goods` where they are otherwise."""

    model_config = shown({"to": "delivery_exception", "reason": "rider_mistake", "goods": "with_rider"})

    to: Literal["delivered", "delivery_exception"]
    reason: CorrectionReason
    goods: Literal["with_rider", "returned", "left"] = "left"
    happened_at: AwareDatetime | None = None


class ConfirmBody(Input):
    pass


class OrdersQuery(PageQuery):
    """Each filter narrows the list further; pages of one list are asked for with the same filters."""

    state: list[OrderState] = Field(default=[], max_length=20, description="only orders in one of these states")
    kind: list[OrderKind] = Field(default=[], max_length=10, description="only orders of one of these kinds")
    priority: list[Priority] = Field(default=[], max_length=5, description="only orders of one of these priorities")
    customer_id: Identifier | None = None
    merchant_id: Identifier | None = None
    rider_id: Identifier | None = Field(default=None, description="who carries it, or carried it")
    placed_from: AwareDatetime | None = Field(default=None, description="placed then or later")
    placed_until: AwareDatetime | None = Field(default=None, description="placed before")
    text: Annotated[str, StringConstraints(min_length=4, max_length=80, pattern=r"^[A-Za-z0-9_-]+$")] | None = Field(
        default=None, description="the beginning or the end of an order's id, in capitals or not"
    )
    sort: Sort = Field(default=Sort.NEWEST, description="`promised`: what is due first")


class OrderSummary(BaseModel):
    """An order in a list; `version` is the one the list has seen."""

    order_id: str
    state: OrderState
    customer_id: str
    merchant_id: str
    merchant_name: str
    kind: OrderKind
    item_count: int
    total_cents: int
    currency: str
    placed_at: AwareDatetime
    promised_at: AwareDatetime
    ready_at: AwareDatetime | None
    rider_id: str | None
    payment_state: PaymentState
    priority: Priority
    ended_as: OrderState | None = Field(default=None, description="how it ended; stays when it is archived")
    version: int


class ChosenOption(BaseModel):
    option_id: str
    name: str
    delta_cents: int


class LineView(BaseModel):
    """`unit_cents` holds the chosen options as well."""

    sku: str
    name: str
    quantity: int
    unit_cents: int
    options: list[ChosenOption] = []


class TotalsView(BaseModel):
    """The price part by part; of an errand, goods and service are ceilings until it is settled."""

    goods_cents: int
    packing_cents: int = 0
    service_cents: int = Field(default=0, description="an errand's base, and the longest wait it may take")
    delivery_fee_cents: int
    time_surcharge_cents: int = 0
    weather_surcharge_cents: int = 0
    discount_cents: int = 0
    tip_cents: int = 0
    total_cents: int
    currency: str


class PaymentView(BaseModel):
    state: PaymentState
    captured_cents: int = 0
    refunded_cents: int = 0
    due_cents: int = Field(0, description="what a change added to the price and could not be taken: still to be paid")


class StepView(BaseModel):
    name: str
    at: AwareDatetime


class RecipientView(BaseModel):
    """Personal: only for the customer and support; absent once the customer has been forgotten."""

    name: str
    phone: str
    email: str | None
    language: str
    address: str
    dropoff: Point


class ErrandTermsView(BaseModel):
    """What an errand may cost and last."""

    budget_cents: int
    wait_minutes_max: int
    per_minute_cents: int
    base_cents: int
    parcel: bool
    further_stops_cents: int = 0


class FurtherStopView(BaseModel):
    """One more place of an errand, and when its rider was done there."""

    task: str
    place: Point
    address: str
    contact_name: str | None
    contact_phone: str | None
    done_at: AwareDatetime | None = None
    empty_handed: bool = Field(default=False, description="it was closed or had nothing")


class ErrandView(BaseModel):
    """Personal, as the recipient is: where the errand begins, whom to ask for there, and what to do."""

    task: str
    pickup: Point
    address: str
    contact_name: str | None
    contact_phone: str | None
    done_at: AwareDatetime | None = Field(default=None, description="of an errand with several places: done there")
    empty_handed: bool = False
    further_stops: list[FurtherStopView] = []


TagWords = Annotated[
    dict[str, dict[str, str]],
    Field(default={}, description="for each tag its words by language", examples=[{"tasty": {"en": "Tasty"}}]),
]


class ReviewView(BaseModel):
    """Words and pictures are for the customer and staff, and for the merchant once they are published."""

    merchant: int
    rider: int
    platform: int
    tags: list[str] = []
    tag_words: TagWords
    comment: str | None = None
    photos: list[str] = []
    standing: Standing = Standing.PUBLISHED
    held_for: list[str] = []


class ProofView(BaseModel):
    """What proves a hand-over: a `code`, `photo` or `signature`, where it is kept, its digest, and who took it."""

    at: AwareDatetime
    kind: str
    reference: str
    sha256: str
    received_by: str


class QueuePlaceView(BaseModel):
    """What its merchant has to do about an order, and until when."""

    lane: Lane
    due_at: AwareDatetime


class OrderView(BaseModel):
    personal: ClassVar[PersonalPart] = PersonalPart(
        "customer_id", {"recipient": None, "note": "", "errand": None, "review.comment": None}
    )

    order_id: str
    state: OrderState
    version: int
    customer_id: str
    merchant_id: str
    merchant_name: str
    kind: OrderKind
    priority: Priority
    items: list[LineView]
    totals: TotalsView
    note: str
    recipient: RecipientView | None
    errand: ErrandView | None = None
    terms: ErrandTermsView | None = None
    coupon: str | None = None
    quote_id: str | None = None
    payment: PaymentView
    placed_at: AwareDatetime
    promised_at: AwareDatetime
    scheduled_for: AwareDatetime | None
    ask_at: AwareDatetime | None = Field(default=None, description="when the merchant of a scheduled order is asked")
    answer_by: AwareDatetime | None
    ready_at: AwareDatetime | None
    confirm_by: AwareDatetime | None
    review_by: AwareDatetime | None
    rider_id: str | None
    goods: Goods
    failure: str | None
    ended_by: By | None
    ending_reason: str | None
    fee_cents: int
    review: ReviewView | None
    can_cancel: bool
    steps: list[StepView]
    pickup_proof: ProofView | None = Field(default=None, description="that the rider took the goods")
    delivery_proof: ProofView | None = Field(default=None, description="that somebody was given them")
    queue: QueuePlaceView | None = Field(default=None, description="its place in the merchant's queue")


class Position(BaseModel):
    lat: float
    lon: float


class ExpectedView(BaseModel):
    """Half of such deliveries are at the door by `p50`, nine of ten by `p90`."""

    p50: AwareDatetime
    p90: AwareDatetime
    delay_foreseen: bool = Field(description="the promise will probably be missed")


class TrackingView(BaseModel):
    """What the customer's page shows; `late` says that the promise is broken or already past."""

    order_id: str
    state: OrderState
    kind: OrderKind
    promised_at: AwareDatetime
    scheduled_for: AwareDatetime | None
    merchant_name: str
    steps: list[StepView]
    rider_id: str | None
    rider_position: Position | None = None
    expected: ExpectedView | None = Field(
        default=None, description="when to expect it, as told last; absent before and once nobody waits for it"
    )
    late: bool
    can_cancel: bool
    can_confirm: bool
    can_review: bool
    total_cents: int
    currency: str
    totals: TotalsView
    items: list[LineView]
    errand: ErrandView | None = Field(default=None, description="personal: for the customer and support")
    terms: ErrandTermsView | None = None
    at_most: bool = Field(
        default=False, description="an errand's price before it is settled: it can only become less"
    )
    delivery_proof: ProofView | None = None
    review: ReviewView | None = None
    server_time: AwareDatetime
    clock_speed: float = Field(description="platform seconds in a second: the page's clock runs as fast")


class TimelineEntry(BaseModel):
    """One recorded fact: who did what, when and why. No personal data.

    `caused_by` is the id of the fact or message that it followed from; absent where somebody asked for it.
    """

    id: str
    source: str = Field(description="whose fact it is: `order`, `payment`, or the service that reported it")
    version: int = Field(description="in its stream; 0 for what another service reported")
    type: str
    at: AwareDatetime = Field(description="by the clock of whoever did it, such as a rider's phone")
    recorded_at: AwareDatetime = Field(description="by the server's clock")
    clock_skewed: bool = Field(description="the device's clock cannot be right")
    actor: str = Field(description="`<role>:<id>`")
    reason: str | None = None
    caused_by: str | None
    correlation_id: str | None
    proof: dict[str, str] | None = Field(
        default=None, description="of a hand-over: kind, reference, sha256, received_by"
    )
    facts: dict[str, str | int | None]


class Timeline(BaseModel):
    order_id: str
    entries: list[TimelineEntry]
