"""What the world is told and what is heard of it: one message a fact, nothing personal in public, nothing lost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.order.domain import commands as c
from services.order.domain import events as e
from services.order.domain.paying import Compensate
from services.order.domain.values import Goods, OrderKind, Priority
from services.order.inbound import SUBSCRIBED, TOLD_ONLY, commands_for
from services.order.outbound import messages_for
from shared.contracts import common, dispatch, support
from shared.contracts import order as public
from shared.contracts.cells import cell_of
from shared.contracts.common import AssignmentMode, FailureReason, Proof
from shared.contracts.envelope import Envelope
from shared.contracts.message import Channel, Message
from shared.eventstore.model import StoredEvent
from shared.kernel.place import Place
from tests.unit.order.facts import (
    CUSTOMER,
    ERRAND,
    EVERY_EVENT,
    FURTHER_STOPS,
    GATHERING,
    MERCHANT_ID,
    NOON,
    ORDER_ID,
    PAYMENT_ID,
    RIDER,
    after,
    placed,
    shared,
)
from tests.unit.order.ledger_facts import EVERY_CUSTOMER_EVENT, EVERY_MERCHANT_EVENT
from tests.unit.order.payment_facts import EVERY_PAYMENT_EVENT

EVERYTHING = [*EVERY_EVENT, *EVERY_PAYMENT_EVENT, *EVERY_MERCHANT_EVENT, *EVERY_CUSTOMER_EVENT]
OWN_BUSINESS = {
    "OrderScheduled",
    "OrderRiderAtPickup",
    "OrderStopCollected",
    "ErrandSettled",
    "OrderRiderAssigned",
    "OrderRiderUnassigned",
    "OrderUndeliverable",
    "OrderRedispatched",
    "ReturnStarted",
    "GoodsBroughtBack",
    "GoodsTakenAfterCancellation",
    "DeliveredAfterCancellation",
    "CancellationRefused",
    "WithdrawalUnanswered",
    "ReviewClosed",
    "RefundGranted",
    "PaymentRequested",
    "CaptureRequested",
    "MoneyBackOwed",
    "ReleaseRequested",
    "PaymentReleased",
    "RefundRequested",
    "PaymentDelayed",
    "PaymentRetried",
    "PaymentStuck",
    "PaymentAdjusted",
    "CompensationPromised",
    "ChargeRequested",
    "ChargeCaptured",
    "ChargeFailed",
    "TipEarned",
    "LedgerPosted",
    "MerchantFlagged",
}
"""Facts that only this service needs; every other fact is told under its own name."""


def stored(event: Any) -> StoredEvent:
    stream_id = ORDER_ID
    if event in EVERY_PAYMENT_EVENT:
        stream_id = PAYMENT_ID
    elif event in EVERY_MERCHANT_EVENT:
        stream_id = MERCHANT_ID
    return StoredEvent(
        stream_id=stream_id,
        version=1,
        event_id="evt_1",
        type=type(event).__name__,
        schema_version=1,
        data={},
        actor="test:1",
        occurred_at=NOON,
        recorded_at=NOON,
        correlation_id="cor_1",
    )


def name_of(event: Any) -> str:
    return type(event).__name__


@pytest.mark.parametrize("event", EVERYTHING, ids=name_of)
def test_a_fact_is_told_under_its_own_name_or_kept(event: Any) -> None:
    outgoing = messages_for(stored(event), event)
    expected = [] if name_of(event) in OWN_BUSINESS else [name_of(event)]
    assert [each.message.type_name() for each in outgoing] == expected
    for each in outgoing:
        assert each.partition_key == partition_of(event)


def partition_of(event: Any) -> str:
    if event in EVERY_CUSTOMER_EVENT:
        return CUSTOMER
    return MERCHANT_ID if event in EVERY_MERCHANT_EVENT else ORDER_ID


@pytest.mark.parametrize("event", EVERYTHING, ids=name_of)
def test_nothing_personal_is_told_in_public(event: Any) -> None:
    for each in messages_for(stored(event), event):
        if each.message.channel is Channel.PUBLIC:
            told = each.message.model_dump_json()
            for secret in (
                "Chen Yu",
                "13812345678",
                "example.com",
                "Willow",
                "ring twice",
                "hot!",
                "30.279",
                "120.16",
            ):
                assert secret not in told


def test_a_placed_order_tells_where_from_exactly_and_where_to_roughly() -> None:
    [each] = messages_for(stored(placed), placed)
    message = each.message
    assert isinstance(message, public.OrderPlaced)
    assert (message.pickup.lat, message.pickup.lon) == (30.2741, 120.1551)
    assert message.dropoff_cell == placed.dropoff_cell
    assert message.total_cents == 5900
    assert message.required_skills == ("cold_chain",)


def test_those_who_deliver_are_told_who_and_where_in_private() -> None:
    [each] = messages_for(stored(shared), shared)
    message = each.message
    assert isinstance(message, public.DeliveryContactShared)
    assert message.channel is Channel.PRIVATE
    assert (message.customer.name, message.customer.language, message.address) == ("Chen Yu", "zh", "18 Willow Lane")
    assert (message.dropoff.lat, message.dropoff.lon) == (30.279, 120.16)
    assert (message.merchant_name, message.pickup_address) == ("Lakeside Noodles", "1 Lotus Road")


def test_further_places_of_an_errand_are_told_to_everybody_as_the_middle_of_a_cell() -> None:
    [each] = messages_for(stored(GATHERING[0]), GATHERING[0])
    message = each.message
    assert isinstance(message, public.OrderPlaced)
    assert [(part.middle.lat, part.middle.lon) for part in message.further_pickups] == [
        (30.2741, 120.1519),
        (30.2758, 120.1566),
    ]
    assert all(part.cell == cell_of(Place(part.middle.lat, part.middle.lon)) for part in message.further_pickups)
    for secret in ("Heron", "lilies", "Zhao Min", "13712345678", "30.2735", "120.1561"):
        assert secret not in message.model_dump_json()


def test_those_who_deliver_are_told_each_place_of_an_errand_with_who_is_there_and_what_to_do() -> None:
    contact = replace(shared, errand=replace(ERRAND, further_stops=FURTHER_STOPS))
    [each] = messages_for(stored(contact), contact)
    message = each.message
    assert isinstance(message, public.DeliveryContactShared)
    first, second = message.further_pickups
    assert (first.address, first.task, first.contact_name) == ("3 Heron Street", FURTHER_STOPS[0].task, "")
    assert (second.place.lat, second.place.lon) == (30.2762, 120.1561)
    assert (second.contact_name, second.contact_phone) == ("Zhao Min", "+8613712345678")


def test_nobody_is_told_of_a_customer_who_has_been_forgotten() -> None:
    forgotten = e.DeliveryContactShared(
        customer_id="cus_1", merchant_id="mer_1", at=NOON, recipient=None, pickup=placed.pickup
    )
    assert messages_for(stored(forgotten), forgotten) == []


def test_our_words_are_the_worlds_words() -> None:
    assert {kind.value for kind in OrderKind} == {kind.value for kind in common.OrderKind}
    assert {priority.value for priority in Priority} == {priority.value for priority in common.Priority}
    assert {goods.value for goods in common.Goods} <= {goods.value for goods in Goods}


_DELIVERY = {"delivery_id": "dlv_1", "order_id": ORDER_ID}
_CASE = {"case_id": "cas_1", "order_id": ORDER_ID}
HEARD: list[tuple[Message, type[Any], dict[str, Any]]] = [
    (
        dispatch.RiderAssigned(**_DELIVERY, rider_id=RIDER, mode=AssignmentMode.ENGINE, policy_version="1"),
        c.NoteRiderAssigned,
        {"rider_id": RIDER},
    ),
    (
        dispatch.RiderUnassigned(**_DELIVERY, rider_id=RIDER, reason="silent"),
        c.NoteRiderUnassigned,
        {"reason": "silent"},
    ),
    (dispatch.ArrivedAtPickup(**_DELIVERY, rider_id=RIDER), c.NoteAtPickup, {"rider_id": RIDER}),
    (
        dispatch.StopCollected(**_DELIVERY, rider_id=RIDER, stop=2, empty_handed=True),
        c.NoteStopCollected,
        {"rider_id": RIDER, "stop": 2, "empty_handed": True},
    ),
    (
        dispatch.PickedUp(**_DELIVERY, rider_id=RIDER, proof=Proof(), after_withdrawal=True, receipt_cents=4200),
        c.NotePickedUp,
        {"after_withdrawal": True, "receipt_cents": 4200},
    ),
    (dispatch.Delivered(**_DELIVERY, rider_id=RIDER, proof=Proof()), c.NoteDelivered, {"rider_id": RIDER}),
    (
        dispatch.DeliveryFailed(**_DELIVERY, reason=FailureReason.WEATHER, goods=common.Goods.LEFT),
        c.NoteDeliveryFailed,
        {"reason": "weather", "goods": Goods.LEFT, "rider_id": None},
    ),
    (dispatch.DeliveryUndeliverable(**_DELIVERY, attempt=1), c.NoteUndeliverable, {}),
    (dispatch.DeliveryWithdrawn(**_DELIVERY), c.NoteWithdrawn, {}),
    (dispatch.WithdrawalRefused(**_DELIVERY, reason="picked_up"), c.NoteWithdrawalRefused, {"reason": "picked_up"}),
    (dispatch.ReturnOpened(**_DELIVERY, rider_id=RIDER), c.NoteReturnOpened, {"rider_id": RIDER}),
    (dispatch.GoodsReturned(**_DELIVERY, rider_id=RIDER), c.NoteGoodsReturned, {"rider_id": RIDER}),
    (support.RedispatchRequested(**_CASE, reason="again", by="agt_1"), c.NoteRedispatch, {"by": "agt_1"}),
    (support.CancellationRequested(**_CASE, reason="lost", by="agt_1"), c.NoteCancellationWish, {"reason": "lost"}),
]
COMPENSATION = support.CompensationGranted(**_CASE, amount_cents=500, currency="CNY", reason="late", by="agt_1")


def envelope_of(message: Message) -> Envelope:
    return Envelope(
        id="evt_9",
        source=message.source(),
        type=message.type_name(),
        subject="dlv_1",
        time=NOON,
        dataschema=message.schema_urn(),
        sequence=1,
        partitionkey=ORDER_ID,
        correlationid="cor_1",
        actor="rider:rid_1",
        recordedat=NOON,
        data=message.model_dump(mode="json"),
    )


@pytest.mark.parametrize(("message", "command", "fields"), HEARD, ids=lambda value: getattr(value, "__name__", ""))
def test_a_foreign_fact_becomes_a_command_with_its_own_time_and_ours(
    message: Message, command: type[Any], fields: dict[str, Any]
) -> None:
    now = NOON + timedelta(minutes=3)
    [asked] = commands_for(message, envelope_of(message), now)
    assert type(asked) is command
    assert not isinstance(asked, Compensate)
    assert (asked.order_id, asked.at, asked.now) == (ORDER_ID, NOON, now)
    assert {name: getattr(asked, name) for name in fields} == fields


def test_every_message_that_is_subscribed_to_is_understood() -> None:
    understood = {type(message) for message, _, _ in HEARD} | {type(COMPENSATION)}
    assert understood | set(TOLD_ONLY) == set(SUBSCRIBED)


def test_compensation_is_known_by_its_message_so_that_it_is_paid_once() -> None:
    now = NOON + timedelta(minutes=3)
    wished = Compensate(order_id=ORDER_ID, compensation_id="evt_9", amount_cents=500, reason="late", at=now)
    assert commands_for(COMPENSATION, envelope_of(COMPENSATION), now) == [wished]


def test_a_message_that_means_nothing_here_asks_for_nothing() -> None:
    message = dispatch.ArrivedAtDropoff(**_DELIVERY, rider_id=RIDER)
    assert commands_for(message, envelope_of(message), after(minutes=1)) == []
