"""What can be asked of an order: by people, by other services' facts, and by time."""

from dataclasses import dataclass
from datetime import datetime

from services.order.domain.city import Weather
from services.order.domain.values import (
    By,
    Errand,
    Goods,
    Handling,
    Line,
    OrderKind,
    OrderState,
    Priority,
    Proof,
    Recipient,
    Totals,
    Wait,
)
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCommand:
    """`at` is when it happened by the actor's clock, `now` the server's time; deadlines count from `now`."""

    order_id: str
    at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A wished item, with the ids of the options chosen for it."""

    sku: str
    quantity: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrandWish:
    """What is to be fetched, bought or queued for, and how much it may cost.

    `area` is the middle of the cell where it begins, `further_areas` those of its further places, in their order.
    """

    errand: Errand
    area: Place
    further_areas: tuple[Place, ...] = ()
    budget_cents: int = 0
    wait_minutes_max: int = 0
    parcel: bool = False
    handling: tuple[Handling, ...] = ()
    weight_g: int = 0
    volume_ml: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder(OrderCommand):
    customer_id: str
    merchant_id: str
    kind: OrderKind
    wanted: tuple[Wanted, ...]
    recipient: Recipient
    dropoff_cell: str
    payment_method: str
    priority: Priority = Priority.NORMAL
    scheduled_for: datetime | None = None
    errand: ErrandWish | None = None
    coupon: str | None = None
    tip_cents: int = 0
    quote_id: str | None = None

    @property
    def dropoff(self) -> Place:
        return self.recipient.place


# By people.


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOrder(OrderCommand):
    ready_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectOrder(OrderCommand):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendPreparation(OrderCommand):
    ready_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPreparation(OrderCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkReady(OrderCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(OrderCommand):
    by: By
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOrder(OrderCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOrder(OrderCommand):
    merchant_score: int
    rider_score: int
    platform_score: int
    comment: str | None = None
    tags: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerateReview(OrderCommand):
    by: By
    publish: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectOrder(OrderCommand):
    """`to` is where the order really stands: delivered (at `happened_at`), or in exception with its `goods`."""

    by: By
    to: OrderState
    reason: str
    goods: Goods
    happened_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAddress(OrderCommand):
    """`served`: whether shop and city deliver there, `weather` what it is like; `expected_total_cents`: the price
    agreed to."""

    recipient: Recipient
    dropoff_cell: str
    expected_total_cents: int | None = None
    served: bool = True
    weather: Weather = Weather.FAIR


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeItems(OrderCommand):
    """A basket that was found valid and priced."""

    lines: tuple[Line, ...]
    totals: Totals
    skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    promised_at: datetime
    expected_total_cents: int | None = None


PersonalCommand = (
    AcceptOrder
    | RejectOrder
    | ExtendPreparation
    | StartPreparation
    | MarkReady
    | CancelOrder
    | ConfirmOrder
    | ReviewOrder
    | CorrectOrder
    | ChangeAddress
    | ChangeItems
    | ModerateReview
)

# By facts: of the payment ledger, of dispatch, of support. They are never refused.


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePaymentAuthorized(OrderCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePaymentFailed(OrderCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRiderAssigned(OrderCommand):
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRiderUnassigned(OrderCommand):
    rider_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAtPickup(OrderCommand):
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStopCollected(OrderCommand):
    """`stop` is 0 where the errand begins, n at its n-th further place."""

    rider_id: str
    stop: int
    empty_handed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePickedUp(OrderCommand):
    """`receipt_cents` is what the rider paid for the things an errand buys."""

    rider_id: str
    after_withdrawal: bool = False
    receipt_cents: int | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDelivered(OrderCommand):
    rider_id: str
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDeliveryFailed(OrderCommand):
    rider_id: str | None
    reason: str
    goods: Goods


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUndeliverable(OrderCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteWithdrawn(OrderCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteWithdrawalRefused(OrderCommand):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReturnOpened(OrderCommand):
    rider_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteGoodsReturned(OrderCommand):
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRedispatch(OrderCommand):
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCancellationWish(OrderCommand):
    """Support wants the order ended and the money given back."""

    reason: str


CarryingCommand = (
    NoteRiderAssigned
    | NoteRiderUnassigned
    | NoteAtPickup
    | NoteStopCollected
    | NotePickedUp
    | NoteDelivered
    | NoteDeliveryFailed
    | NoteUndeliverable
    | NoteReturnOpened
    | NoteGoodsReturned
)
AnswerCommand = (
    NotePaymentAuthorized
    | NotePaymentFailed
    | NoteWithdrawn
    | NoteWithdrawalRefused
    | NoteRedispatch
    | NoteCancellationWish
)
FactCommand = CarryingCommand | AnswerCommand

# By time.


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWait(OrderCommand):
    """A wait ran out."""

    wait: Wait


AnyOrderCommand = PlaceOrder | PersonalCommand | FactCommand | EndWait
