"""What the order service tells the world: the promise, the money, the end."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from shared.contracts.common import (
    Cents,
    FailureReason,
    FurtherDoor,
    FurtherPickup,
    GeoPoint,
    Goods,
    Line,
    OrderKind,
    Part,
    Priority,
    Score,
)
from shared.contracts.message import Channel, Message


class OrderMessage(Message):
    """Subject: the order's stream, whose id is the order's."""

    service: ClassVar[str] = "order"
    order_id: str


class OrderPlaced(OrderMessage):
    """A customer asked for something and the order was found valid; payment and merchant still have their say."""

    customer_id: str
    merchant_id: str = Field(description="empty for an errand: it has no merchant, in this message and all others")
    kind: OrderKind
    items: tuple[Line, ...]
    total_cents: Cents
    currency: str
    pickup_cell: str = Field(description="H3 cell, resolution 9")
    dropoff_cell: str = Field(description="H3 cell, resolution 9")
    pickup: GeoPoint = Field(description="the merchant's door; of an errand the middle of its cell")
    further_pickups: tuple[FurtherPickup, ...] = Field(default=(), description="of an errand: fetched in this order")
    required_skills: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    weight_g: int = Field(default=0, ge=0)
    volume_ml: int = Field(default=0, ge=0)
    promised_at: datetime
    scheduled_for: datetime | None = None
    discount_cents: Cents = 0
    tip_cents: Cents = 0


class PaymentAuthorized(OrderMessage):
    payment_id: str
    amount_cents: Cents
    currency: str


class PaymentFailed(OrderMessage):
    payment_id: str
    reason: str


class PaymentCaptured(OrderMessage):
    payment_id: str
    amount_cents: Cents
    currency: str


class RefundIssued(OrderMessage):
    payment_id: str
    amount_cents: Cents
    currency: str
    reason: str


class RefundFailed(OrderMessage):
    """The customer's bank would not have the money, maybe days after `RefundIssued`: it is owed again."""

    payment_id: str
    amount_cents: Cents
    currency: str
    reason: str
    issued: bool = Field(description="whether it had been told as issued, and is taken back with this")


class DifferenceOwed(OrderMessage):
    """What a change added to the price could not be taken; the change stands and the customer owes `amount_cents`."""

    payment_id: str
    customer_id: str
    amount_cents: Cents
    currency: str
    reason: str
    again_at: datetime | None = Field(description="when it is asked for by itself again; null: not any more")


class DifferenceSettled(OrderMessage):
    """Nothing is owed any more for a change."""

    payment_id: str
    customer_id: str


class CompensationOwed(OrderMessage):
    """What became of support's grant. `refused_cents` are beyond what policy gives back for one order."""

    payment_id: str
    compensation_id: str
    amount_cents: Cents = Field(description="on its way back the way the money came")
    credit_cents: Cents = Field(description="kept for the customer as credit")
    refused_cents: Cents
    currency: str
    reason: str


class TipPassedOn(OrderMessage):
    """A tip has been taken and is the rider's: with the order's price, or given after delivery."""

    payment_id: str
    rider_id: str
    amount_cents: Cents
    currency: str


class OrderAwaitingMerchant(OrderMessage):
    """Payment is authorised: the merchant is asked, and must answer by `answer_by`."""

    customer_id: str
    merchant_id: str
    answer_by: datetime


class MerchantReminded(OrderMessage):
    """The merchant has not answered yet."""

    merchant_id: str
    answer_by: datetime


class OrderAccepted(OrderMessage):
    customer_id: str
    merchant_id: str
    ready_at: datetime


class OrderRejected(OrderMessage):
    customer_id: str
    merchant_id: str
    reason: str


class PreparationStarted(OrderMessage):
    merchant_id: str


class PreparationExtended(OrderMessage):
    customer_id: str
    merchant_id: str
    ready_at: datetime
    reason: str = ""


class PreparationLate(OrderMessage):
    """Food was promised for `ready_at` and is not ready well after it."""

    customer_id: str
    merchant_id: str
    ready_at: datetime


class OrderReady(OrderMessage):
    customer_id: str
    merchant_id: str


class OrderAddressChanged(OrderMessage):
    """It goes to another door or person, at another price perhaps; who and where exactly is told in private anew."""

    customer_id: str
    merchant_id: str
    rider_id: str | None = None
    dropoff_cell: str = Field(description="H3 cell, resolution 9")
    total_cents: Cents
    difference_cents: int = Field(description="what it costs more; negative: less")
    currency: str
    promised_at: datetime


class OrderItemsChanged(OrderMessage):
    """Another basket, before the merchant has accepted."""

    customer_id: str
    merchant_id: str
    items: tuple[Line, ...]
    total_cents: Cents
    difference_cents: int = Field(description="what it costs more; negative: less")
    currency: str
    required_skills: tuple[str, ...] = ()
    weight_g: int = Field(default=0, ge=0)
    volume_ml: int = Field(default=0, ge=0)
    promised_at: datetime


class OrderOutForDelivery(OrderMessage):
    customer_id: str
    rider_id: str


class OrderDelivered(OrderMessage):
    customer_id: str
    rider_id: str
    delivered_at: datetime
    promised_at: datetime
    confirm_by: datetime


class OrderDeliveryFailed(OrderMessage):
    customer_id: str
    merchant_id: str
    rider_id: str | None = None
    reason: FailureReason
    fault: str = Field(default="undecided", description="decided later by support, from evidence")
    goods: Goods


class OrderReturned(OrderMessage):
    """The goods of an order that will not be delivered are back at the merchant's."""

    customer_id: str
    merchant_id: str


class OrderReinstated(OrderMessage):
    """A correction: the record said `from_state` by mistake, and the order stands at `to_state`."""

    customer_id: str
    merchant_id: str
    rider_id: str | None = None
    by: str = Field(description="role of who corrected: support, operations")
    reason: str
    from_state: str
    to_state: str = Field(description="`delivered` or `delivery_exception`")
    goods: Goods | None = Field(default=None, description="where they are, unless they were delivered")


class OrderStalled(OrderMessage):
    """Nothing has moved for too long: whoever owns the next step must take it. Told again until somebody does."""

    customer_id: str
    merchant_id: str
    rider_id: str | None = None
    state: str = Field(description="the state in which it stands")
    owner: str = Field(description="whose turn it is: merchant, dispatch, support")
    times: int = Field(ge=1, description="how often it was told since the last step")


class WithdrawalRequested(OrderMessage):
    """The customer or support wants to cancel; dispatch knows who holds the goods and answers."""

    by: str
    reason: str
    answer_by: datetime


class OrderCancelled(OrderMessage):
    customer_id: str
    merchant_id: str
    by: str = Field(description="role of who cancelled: customer, merchant, support, operations, system")
    reason: str
    fee_cents: Cents = 0
    fee_merchant_cents: Cents = Field(0, description="the merchant's share of the fee")
    fee_carrier_cents: Cents = Field(0, description="the share of the rider `carrier_id`")
    carrier_id: str | None = None


class ConfirmationReminded(OrderMessage):
    """The customer has not said yet whether it has arrived; at `confirm_by` it counts as confirmed."""

    customer_id: str
    confirm_by: datetime


class OrderConfirmed(OrderMessage):
    by: str = Field(description="`customer` or `time`")


class OrderCompleted(OrderMessage):
    customer_id: str
    merchant_id: str
    review_by: datetime


class OrderReviewed(OrderMessage):
    merchant_score: Score
    rider_score: Score
    platform_score: Score
    tags: tuple[str, ...] = ()


class ReviewPublished(OrderMessage):
    """Others may see the words and pictures of a review; what they are is told to nobody."""

    customer_id: str
    merchant_id: str
    by: str = Field(description="role: support, operations")
    reason: str


class ReviewHidden(OrderMessage):
    """Others do not see the words and pictures of a review; its scores count."""

    customer_id: str
    merchant_id: str
    by: str = Field(description="role: support, operations, or time")
    reason: str


class OrderArchived(OrderMessage):
    pass


class MerchantRegistered(Message):
    """Subject: the merchant's stream."""

    service: ClassVar[str] = "order"
    merchant_id: str
    name: str
    place: GeoPoint
    cell: str


class MerchantPaused(Message):
    """Takes no orders from now on. Subject: the merchant's stream."""

    service: ClassVar[str] = "order"
    merchant_id: str
    reason: str
    until: datetime | None = Field(default=None, description="absent: until it says otherwise")


class MerchantResumed(Message):
    """Takes orders again. Subject: the merchant's stream."""

    service: ClassVar[str] = "order"
    merchant_id: str
    by_time: bool = Field(description="the pause was over, nobody said anything")


class CustomerForgotten(Message):
    """Drop what you hold of this person. `order_ids`: orders of which `DeliveryContactShared` was told."""

    service: ClassVar[str] = "order"
    customer_id: str
    order_ids: tuple[str, ...]


class ContactPerson(Part):
    name: str
    phone: str
    email: str | None = None
    language: str = Field(default="en", description="`en` or `zh`")


class DeliveryContactShared(OrderMessage):
    """Who and where exactly; only for the services that must know."""

    channel: ClassVar[Channel] = Channel.PRIVATE
    customer_id: str
    customer: ContactPerson
    address: str
    dropoff: GeoPoint
    merchant_id: str
    merchant_name: str
    merchant_phone: str = ""
    pickup_address: str = ""
    pickup: GeoPoint | None = Field(default=None, description="the door where an errand begins")
    task: str = Field(default="", description="what an errand asks for, in the customer's own words")
    further_pickups: tuple[FurtherDoor, ...] = Field(default=(), description="of an errand, as in `OrderPlaced`")


class DeliveryContactWithdrawn(OrderMessage):
    """The order has ended: forget what `DeliveryContactShared` told."""

    channel: ClassVar[Channel] = Channel.PRIVATE
