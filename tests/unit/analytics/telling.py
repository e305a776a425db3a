"""Tells facts the way the other services do: messages in envelopes, each stream with its own versions."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.analytics.domain.events import FactRecorded
from services.analytics.inbound import commands_for
from shared.contracts import dispatch, order, support
from shared.contracts.common import AssignmentMode, FailureReason, GeoPoint, Goods, Line, OrderKind, Proof
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.kernel.ids import sibling_id

NOON = datetime(2025, 3, 14, 12, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def fact_of(message: Message, envelope: Envelope) -> FactRecorded:
    """The fact that analytics keeps of a message."""
    [command] = commands_for(message, envelope)
    return command.fact


@dataclass
class Story:
    """What was told so far, in the order of telling."""

    told: list[tuple[Message, Envelope]] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)

    def tell(self, message: Message, at: datetime, subject: str, key: str | None = None) -> FactRecorded:
        """`key` is the partition key: the order's id, or the subject itself."""
        self.versions[subject] += 1
        sequence = self.versions[subject]
        envelope = Envelope(
            id=f"evt_{subject}_{sequence}",
            source=message.source(),
            type=message.type_name(),
            subject=subject,
            time=at,
            dataschema=message.schema_urn(),
            sequence=sequence,
            partitionkey=key or subject,
            correlationid=f"cor_{key or subject}",
            actor="system:story",
            recordedat=at + timedelta(milliseconds=40),
            data=message.model_dump(mode="json"),
        )
        self.told.append((message, envelope))
        return fact_of(message, envelope)

    def facts(self) -> list[FactRecorded]:
        return [fact_of(message, envelope) for message, envelope in self.told]

    def bodies(self) -> list[bytes]:
        """What a queue would hold."""
        return [envelope.to_bytes() for _, envelope in self.told]


@dataclass
class OneOrder:
    """Tells the life of one order, step by step; every step takes the moment at which it happened."""

    story: Story
    order_id: str
    merchant_id: str = "mer_1"
    customer_id: str = "cus_1"
    rider_id: str = "rid_1"
    placed_at: datetime = NOON
    promised_after: timedelta = timedelta(minutes=45)
    total_cents: int = 3200
    kind: OrderKind = OrderKind.FOOD

    @property
    def delivery_id(self) -> str:
        return sibling_id("dlv", self.order_id)

    @property
    def promised_at(self) -> datetime:
        return self.placed_at + self.promised_after

    def _order(self, message: Message, at: datetime) -> FactRecorded:
        return self.story.tell(message, at, self.order_id)

    def _delivery(self, message: Message, at: datetime) -> FactRecorded:
        return self.story.tell(message, at, self.delivery_id, self.order_id)

    def place(self) -> FactRecorded:
        point = GeoPoint(lat=31.2304, lon=121.4737)
        return self._order(
            order.OrderPlaced(
                order_id=self.order_id,
                customer_id=self.customer_id,
                merchant_id=self.merchant_id,
                kind=self.kind,
                items=(Line(sku="rice", name="Rice", quantity=1, unit_cents=self.total_cents),),
                total_cents=self.total_cents,
                currency="CNY",
                pickup_cell="8930e1d8ca3ffff",
                dropoff_cell="8930e1d8ca7ffff",
                pickup=point,
                promised_at=self.promised_at,
            ),
            self.placed_at,
        )

    def accept(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderAccepted(
                order_id=self.order_id,
                customer_id=self.customer_id,
                merchant_id=self.merchant_id,
                ready_at=at + minutes(15),
            ),
            at,
        )

    def prepare(self, at: datetime) -> FactRecorded:
        return self._order(order.PreparationStarted(order_id=self.order_id, merchant_id=self.merchant_id), at)

    def ready(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderReady(order_id=self.order_id, customer_id=self.customer_id, merchant_id=self.merchant_id),
            at,
        )

    def assign(self, at: datetime, rider_id: str | None = None) -> FactRecorded:
        return self._delivery(
            dispatch.RiderAssigned(
                delivery_id=self.delivery_id,
                order_id=self.order_id,
                rider_id=rider_id or self.rider_id,
                mode=AssignmentMode.ENGINE,
                policy_version="nearest-1",
            ),
            at,
        )

    def unassign(self, at: datetime) -> FactRecorded:
        return self._delivery(
            dispatch.RiderUnassigned(
                delivery_id=self.delivery_id, order_id=self.order_id, rider_id=self.rider_id, reason="silent"
            ),
            at,
        )

    def pick_up(self, at: datetime) -> FactRecorded:
        return self._delivery(
            dispatch.PickedUp(
                delivery_id=self.delivery_id,
                order_id=self.order_id,
                rider_id=self.rider_id,
                proof=Proof(kind="code"),
            ),
            at,
        )

    def out(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderOutForDelivery(order_id=self.order_id, customer_id=self.customer_id, rider_id=self.rider_id),
            at,
        )

    def at_door(self, at: datetime) -> FactRecorded:
        return self._delivery(
            dispatch.Delivered(
                delivery_id=self.delivery_id, order_id=self.order_id, rider_id=self.rider_id, proof=Proof()
            ),
            at,
        )

    def delivered(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderDelivered(
                order_id=self.order_id,
                customer_id=self.customer_id,
                rider_id=self.rider_id,
                delivered_at=at,
                promised_at=self.promised_at,
                confirm_by=at + minutes(120),
            ),
            at,
        )

    def fail(
        self,
        at: datetime,
        reason: FailureReason = FailureReason.CUSTOMER_UNREACHABLE,
        goods: Goods = Goods.RETURNED,
    ) -> FactRecorded:
        return self._delivery(
            dispatch.DeliveryFailed(
                delivery_id=self.delivery_id,
                order_id=self.order_id,
                rider_id=self.rider_id,
                reason=reason,
                goods=goods,
            ),
            at,
        )

    def told_failed(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderDeliveryFailed(
                order_id=self.order_id,
                customer_id=self.customer_id,
                merchant_id=self.merchant_id,
                rider_id=self.rider_id,
                reason=FailureReason.CUSTOMER_UNREACHABLE,
                goods=Goods.RETURNED,
            ),
            at,
        )

    def undeliverable(self, at: datetime) -> FactRecorded:
        return self._delivery(
            dispatch.DeliveryUndeliverable(delivery_id=self.delivery_id, order_id=self.order_id, attempt=1),
            at,
        )

    def send_again(self, at: datetime) -> FactRecorded:
        case_id = sibling_id("cas", self.order_id)
        return self.story.tell(
            support.RedispatchRequested(
                case_id=case_id, order_id=self.order_id, reason="another try", by="support:agent"
            ),
            at,
            case_id,
            self.order_id,
        )

    def ask_withdrawal(self, at: datetime) -> FactRecorded:
        return self._order(
            order.WithdrawalRequested(
                order_id=self.order_id, by="customer", reason="changed my mind", answer_by=at + minutes(2)
            ),
            at,
        )

    def refuse_withdrawal(self, at: datetime) -> FactRecorded:
        return self._delivery(
            dispatch.WithdrawalRefused(delivery_id=self.delivery_id, order_id=self.order_id, reason="picked_up"),
            at,
        )

    def cancel(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderCancelled(
                order_id=self.order_id,
                customer_id=self.customer_id,
                merchant_id=self.merchant_id,
                by="customer",
                reason="changed my mind",
            ),
            at,
        )

    def reject(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderRejected(
                order_id=self.order_id,
                customer_id=self.customer_id,
                merchant_id=self.merchant_id,
                reason="sold out",
            ),
            at,
        )

    def correct(self, at: datetime, *, delivered: bool) -> FactRecorded:
        """Support puts the record right, and dispatch follows."""
        fact = self._order(
            order.OrderReinstated(
                order_id=self.order_id,
                customer_id=self.customer_id,
                merchant_id=self.merchant_id,
                by="support",
                reason="rider_mistake",
                from_state="delivery_exception" if delivered else "delivered",
                to_state="delivered" if delivered else "delivery_exception",
            ),
            at,
        )
        self._delivery(
            dispatch.DeliveryCorrected(
                delivery_id=self.delivery_id, order_id=self.order_id, delivered=delivered, reason="rider_mistake"
            ),
            at,
        )
        return fact

    def archive(self, at: datetime) -> FactRecorded:
        return self._order(order.OrderArchived(order_id=self.order_id), at)

    def complete(self, at: datetime) -> FactRecorded:
        return self._order(
            order.OrderCompleted(
                order_id=self.order_id,
                customer_id=self.customer_id,
                merchant_id=self.merchant_id,
                review_by=at + minutes(60),
            ),
            at,
        )

    def review(self, at: datetime, merchant: int, rider: int, platform: int) -> FactRecorded:
        return self._order(
            order.OrderReviewed(
                order_id=self.order_id, merchant_score=merchant, rider_score=rider, platform_score=platform
            ),
            at,
        )

    def to_the_road(self) -> None:
        """Placed, accepted after 1 minute, ready after 12, assigned, picked up after 15."""
        start = self.placed_at
        self.place()
        self.accept(start + minutes(1))
        self.ready(start + minutes(12))
        self.assign(start + minutes(5))
        self.pick_up(start + minutes(15))
        self.out(start + minutes(15.1))

    def to_the_door(self, after: float = 30) -> None:
        self.to_the_road()
        at = self.placed_at + minutes(after)
        self.at_door(at)
        self.delivered(at)


@dataclass
class OneRider:
    """Tells the shift of one rider."""

    story: Story
    rider_id: str

    def start(self, at: datetime) -> FactRecorded:
        return self.story.tell(
            dispatch.ShiftStarted(rider_id=self.rider_id, cell="8930e1d8ca3ffff", until=at + minutes(480)),
            at,
            self.rider_id,
        )

    def end(self, at: datetime) -> FactRecorded:
        return self.story.tell(dispatch.ShiftEnded(rider_id=self.rider_id), at, self.rider_id)

    def silent(self, at: datetime, order_id: str) -> FactRecorded:
        return self.story.tell(
            dispatch.RiderWentSilent(
                rider_id=self.rider_id, delivery_id=sibling_id("dlv", order_id), order_id=order_id
            ),
            at,
            self.rider_id,
            order_id,
        )


def merchant_registered(story: Story, merchant_id: str, name: str, at: datetime = NOON) -> FactRecorded:
    return story.tell(
        order.MerchantRegistered(
            merchant_id=merchant_id,
            name=name,
            place=GeoPoint(lat=31.23, lon=121.47),
            cell="8930e1d8ca3ffff",
        ),
        at,
        merchant_id,
    )


def merchant_paused(story: Story, merchant_id: str, at: datetime, until: datetime | None = None) -> FactRecorded:
    return story.tell(order.MerchantPaused(merchant_id=merchant_id, reason="too_busy", until=until), at, merchant_id)


def merchant_resumed(story: Story, merchant_id: str, at: datetime) -> FactRecorded:
    return story.tell(order.MerchantResumed(merchant_id=merchant_id, by_time=True), at, merchant_id)
