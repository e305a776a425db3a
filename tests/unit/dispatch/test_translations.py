"""What is heard becomes commands, and what happened becomes messages, in the words of the contracts."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Any, get_args

import pytest

from services.dispatch.domain import values
from services.dispatch.domain.contacts import Contact, ForgetContact, FurtherDoor, RememberContact
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import deadlines as waits
from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.delivery.events import DeliveryEvent
from services.dispatch.domain.rider import events as re
from services.dispatch.domain.rider.events import RiderEvent
from services.dispatch.inbound import SUBSCRIBED, commands_for
from services.dispatch.outbound import messages_for
from shared.contracts import common, support
from shared.contracts import dispatch as m
from shared.contracts import order as o
from shared.contracts.cells import cell_of, centre_of
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.model import StoredEvent
from shared.kernel.deadlines import SetDeadline
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch import wire

READY_TOLD_AT = s.at(12)


def envelope(message: Message) -> Envelope:
    return Envelope(
        id="evt_1",
        source=message.source(),
        type=message.type_name(),
        subject=s.ORDER,
        time=READY_TOLD_AT,
        dataschema=message.schema_urn(),
        sequence=1,
        partitionkey=s.ORDER,
        correlationid="cor_1",
        actor="merchant:mer_1",
        recordedat=s.NOW,
        data=message.model_dump(mode="json"),
    )


def heard(message: Message) -> Any:
    commands = commands_for(message, envelope(message), s.NOW)
    return commands[0] if len(commands) == 1 else commands


def placed() -> o.OrderPlaced:
    return o.OrderPlaced(
        order_id=s.ORDER,
        customer_id="cus_1",
        merchant_id="mer_1",
        kind=common.OrderKind.FOOD,
        items=(common.Line(sku="a", name="Noodles", quantity=1, unit_cents=1200),),
        total_cents=1500,
        currency="CNY",
        pickup_cell=cell_of(s.SHOP),
        dropoff_cell=cell_of(s.HOME),
        pickup=common.GeoPoint(lat=s.SHOP.lat, lon=s.SHOP.lon),
        required_skills=("cold_box",),
        priority=common.Priority.URGENT,
        weight_g=700,
        volume_ml=900,
        promised_at=s.at(40),
    )


def test_a_placed_order_is_announced_with_the_middle_of_its_cell_and_no_door() -> None:
    command = heard(placed())
    assert isinstance(command, c.AnnounceDelivery)
    assert (command.delivery_id, command.pickup, command.skills) == (s.DELIVERY, s.SHOP, ("cold_box",))
    assert command.dropoff_area == centre_of(cell_of(s.HOME)) != s.HOME
    assert command.priority is values.Priority.URGENT


def test_further_places_of_an_errand_are_announced_with_the_middle_of_their_cells() -> None:
    cells = [cell_of(s.SECOND), cell_of(s.THIRD)]
    middles = [centre_of(cell) for cell in cells]
    told = tuple(
        common.FurtherPickup(cell=cell, middle=common.GeoPoint(lat=middle.lat, lon=middle.lon))
        for cell, middle in zip(cells, middles, strict=True)
    )
    command = heard(placed().model_copy(update={"further_pickups": told}))
    assert [(each.place, each.cell) for each in command.further_pickups] == list(zip(middles, cells, strict=True))


def test_the_words_of_the_order_become_commands() -> None:
    people = {"customer_id": "cus_1", "merchant_id": "mer_1"}
    assert heard(o.OrderAccepted(order_id=s.ORDER, ready_at=s.at(10), **people)) == c.RequestDelivery(
        delivery_id=s.DELIVERY, ready_at=s.at(10), now=s.NOW
    )
    assert heard(o.PreparationExtended(order_id=s.ORDER, ready_at=s.at(20), **people)) == c.MoveReadyTime(
        delivery_id=s.DELIVERY, ready_at=s.at(20), now=s.NOW
    )
    assert heard(o.OrderReady(order_id=s.ORDER, **people)) == c.NoteGoodsReady(
        delivery_id=s.DELIVERY, ready_at=READY_TOLD_AT, now=s.NOW
    )
    ended = c.EndOrder(delivery_id=s.DELIVERY, reason="closed", now=s.NOW)
    assert heard(o.OrderRejected(order_id=s.ORDER, reason="closed", **people)) == ended
    assert heard(o.OrderCancelled(order_id=s.ORDER, by="customer", reason="closed", **people)) == ended
    withdrawal = o.WithdrawalRequested(order_id=s.ORDER, by="customer", reason="late", answer_by=s.at(2))
    assert heard(withdrawal) == c.AskWithdrawal(delivery_id=s.DELIVERY, reason="late", now=s.NOW)


def test_support_asks_for_another_attempt() -> None:
    message = support.RedispatchRequested(case_id="cas_1", order_id=s.ORDER, reason="try again", by="sup_1")
    assert heard(message) == c.RequestAgain(delivery_id=s.DELIVERY, now=s.NOW)


def test_contacts_are_remembered_and_forgotten() -> None:
    shared = o.DeliveryContactShared(
        order_id=s.ORDER,
        customer_id="cus_1",
        customer=o.ContactPerson(name="Wang Fang", phone="+8613800000000"),
        address="Room 5",
        dropoff=common.GeoPoint(lat=1.0, lon=2.0),
        merchant_id="mer_1",
        merchant_name="Noodle House",
    )
    contact = Contact(
        order_id=s.ORDER,
        customer_id="cus_1",
        customer_name="Wang Fang",
        customer_phone="+8613800000000",
        address="Room 5",
        dropoff=Place(1.0, 2.0),
        merchant_name="Noodle House",
        merchant_phone="",
        pickup_address="",
    )
    assert heard(shared) == RememberContact(contact=contact)
    assert heard(o.DeliveryContactWithdrawn(order_id=s.ORDER)) == ForgetContact(order_id=s.ORDER)


def test_each_further_place_of_an_errand_is_remembered_exactly() -> None:
    door = common.FurtherDoor(
        place=common.GeoPoint(lat=3.0, lon=4.0),
        address="3 Heron Street",
        contact_name="Zhao Min",
        contact_phone="+8613712345678",
        task="White lilies",
    )
    shared = wire.contact_shared(s.ORDER).model_copy(update={"further_pickups": (door,)})
    remembered = heard(shared)
    assert remembered.contact.further_pickups == (
        FurtherDoor(
            place=Place(3.0, 4.0),
            address="3 Heron Street",
            contact_name="Zhao Min",
            contact_phone="+8613712345678",
            task="White lilies",
        ),
    )


def test_what_does_not_concern_dispatch_asks_for_nothing() -> None:
    assert heard(o.OrderArchived(order_id=s.ORDER)) == ()
    assert o.OrderArchived not in SUBSCRIBED


def stored(stream_id: str) -> StoredEvent:
    return StoredEvent(
        stream_id=stream_id,
        version=3,
        event_id="evt_1",
        type="any",
        schema_version=1,
        data={},
        actor="rider:rid_1",
        occurred_at=s.NOW,
        recorded_at=s.NOW,
        correlation_id="cor_1",
    )


def told(event: Any, stream_id: str = s.DELIVERY) -> tuple[Message, str] | None:
    messages = messages_for(stored(stream_id), event)
    assert len(messages) <= 1
    return (messages[0].message, messages[0].partition_key) if messages else None


DELIVERY_EVENTS: list[DeliveryEvent] = [
    s.requested,
    s.offered,
    s.declined,
    s.expired,
    s.opened_for_grab,
    s.grabbed,
    s.assigned,
    s.unassigned,
    s.at_pickup,
    s.stop_collected,
    s.picked_up,
    s.at_dropoff,
    s.delivered,
    s.failed,
    s.undeliverable,
    s.withdrawn,
    s.return_opened,
    s.goods_returned,
]


@pytest.mark.parametrize("event", DELIVERY_EVENTS, ids=lambda event: type(event).__name__)
def test_a_fact_of_a_delivery_is_told_under_its_own_name_and_its_orders_key(event: DeliveryEvent) -> None:
    answer = told(event)
    assert answer is not None
    message, key = answer
    assert (message.type_name(), key) == (type(event).__name__, s.ORDER)
    assert message.model_dump()["order_id"] == s.ORDER


@pytest.mark.parametrize(
    "event", [s.registered, s.on_shift, re.ShiftEnded(), s.pay_accrued, re.RiderWentSilent(delivery_id=s.DELIVERY)]
)
def test_a_fact_of_a_rider_is_told_under_his_key_without_his_name(event: RiderEvent) -> None:
    answer = told(event, s.RIDER)
    assert answer is not None
    message, key = answer
    assert (message.type_name(), key) == (type(event).__name__, s.RIDER)
    assert "Li Lei" not in message.model_dump_json()
    assert "31.23" not in message.model_dump_json()


def test_an_arrival_that_was_only_seen_is_told_without_a_place() -> None:
    seen = de.DropoffZoneEntered(rider_id=s.RIDER, at=s.at(3), distance_m=12.5, accuracy_m=8.0)
    answer = told(seen)
    assert answer is not None
    assert set(answer[0].model_dump()) == {"delivery_id", "order_id", "rider_id", "at"}


@pytest.mark.parametrize("event", [s.announced, s.goods_ready, s.pinned, s.unpinned, s.way_directed])
def test_what_is_nobodys_business_stays_inside(event: DeliveryEvent) -> None:
    assert told(event) is None


@pytest.mark.parametrize(
    "event", [s.offer_received, s.taken, s.on_break, s.break_ended, s.stops_ordered, re.RiderCameBack()]
)
def test_a_riders_bookkeeping_stays_inside(event: RiderEvent) -> None:
    assert told(event, s.RIDER) is None


def test_a_lost_rider_is_told_with_what_he_carried() -> None:
    answer = told(re.RiderWentSilent(delivery_id=s.DELIVERY), s.RIDER)
    assert answer is not None
    assert answer[0] == m.RiderWentSilent(rider_id=s.RIDER, delivery_id=s.DELIVERY, order_id=s.ORDER)


def words(enum: Iterable[StrEnum]) -> set[str]:
    return {word.value for word in enum}


def test_the_domain_and_the_contracts_speak_with_the_same_words() -> None:
    assert words(values.FailureReason) == words(common.FailureReason)
    assert words(values.Goods) == words(common.Goods)
    assert words(values.AssignmentMode) == words(common.AssignmentMode)
    assert words(values.Priority) == words(common.Priority)


def test_every_wait_that_an_event_opens_is_closed_by_the_end_of_the_delivery() -> None:
    opened = {
        change.name
        for event in [*DELIVERY_EVENTS, s.goods_ready]
        for change in waits.deadlines(event)
        if isinstance(change, SetDeadline)
    }
    assert opened == {waits.OFFER, waits.DISPATCHER, waits.UNDELIVERABLE, waits.REPORT, waits.RETURN}
    for ending in (s.delivered, s.failed, s.undeliverable, s.withdrawn, s.goods_returned):
        assert {change.name for change in waits.deadlines(ending)} == opened


def test_the_waits_are_those_of_the_domain_page() -> None:
    by_name = {change.name: change for change in waits.deadlines(s.requested) if isinstance(change, SetDeadline)}
    assert by_name[waits.DISPATCHER].due_at == s.NOW + timedelta(minutes=5)
    assert by_name[waits.UNDELIVERABLE].due_at == s.NOW + timedelta(minutes=15)
    (offer,) = waits.deadlines(s.offered)
    assert offer == SetDeadline(waits.OFFER, s.NOW + timedelta(seconds=30))


def test_every_event_is_known_to_the_lists_above_or_internal() -> None:
    shown = {type(event) for event in DELIVERY_EVENTS}
    internal = {
        "DeliveryAnnounced",
        "ReadyTimeMoved",
        "GoodsReady",
        "GoodsToBeFetched",
        "ReportExtended",
        "LoadChanged",
        "LateReportKept",
        "NoRiderFitted",
        "TrackKept",
        "DeliveryPinned",
        "DeliveryUnpinned",
        "WayDirected",
    }
    answered = {"DispatcherNeeded", "WithdrawalRefused", "DeliveryCorrected", "RouteChanged"}
    answered |= {"PickupZoneEntered", "DropoffZoneEntered"}
    assert {cls.__name__ for cls in get_args(DeliveryEvent)} == {cls.__name__ for cls in shown} | internal | answered
