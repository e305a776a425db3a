"""What support makes of others' messages, what it tells them, and what its history looked like in each version."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.support import codec
from services.support.domain import commands as c
from services.support.domain import events as e
from services.support.domain.vocabulary import Decision, Ending, Kind, Outcome, Severity
from services.support.inbound import SUBSCRIBED, commands_for
from services.support.outbound import messages_for
from shared.contracts import dispatch, order, support
from shared.contracts.common import FailureReason, GeoPoint, Goods, OrderKind
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.codec import EventType
from shared.eventstore.model import StoredEvent
from shared.eventstore.vault import KeyVault, MemoryKeys
from tests.unit.support.story import (
    CASE,
    COUNTED,
    DELIVERED,
    FACTS,
    FILED,
    GRANTED,
    KNOWN,
    NOW,
    ORDER,
    PAID,
    SETTLED,
    closed,
    escalated,
    lapsed,
    opened,
    redispatched,
    refunding,
    taken,
)

GOLDEN = Path(__file__).parent / "golden"
NOTE = "Ms Chen says the soup was cold."


class GlassVault:
    """Seals so that a golden file can be read: whose it is, and what."""

    def seal(self, subject_id: str, plain: Any) -> str:
        return json.dumps([subject_id, plain])

    def open(self, subject_id: str, sealed: str) -> Any:
        owner, plain = json.loads(sealed)
        assert owner == subject_id
        return plain


VAULT = GlassVault()
PARTIES = {"order_id": ORDER, "customer_id": "cus_1", "merchant_id": "mer_1"}

EVENTS: list[e.Event] = [
    KNOWN,
    FILED,
    e.TroubleJoined(order_id=ORDER, case_id=CASE, source="evt_2"),
    SETTLED,
    DELIVERED,
    e.OrderReopened(order_id=ORDER),
    replace(opened(), note=NOTE),
    e.TroubleAdded(
        case_id=CASE, kind=Kind.UNDELIVERABLE, failure_reason="no_rider", goods="left", severity=Severity.P1
    ),
    taken(),
    escalated(Severity.P1),
    redispatched(),
    refunding(),
    COUNTED,
    GRANTED,
    PAID,
    lapsed(Decision.REFUND),
    closed(Outcome.REFUNDED),
]
PUBLIC = {"CaseOpened", "CaseAssigned", "RedispatchRequested", "CancellationRequested", "CaseClosed"} | {
    "CompensationGranted"
}


def heard(message: Message, at: datetime = NOW) -> list[c.FactCommand]:
    envelope = Envelope(
        id="evt_7",
        source=message.source(),
        type=message.type_name(),
        subject=ORDER,
        time=at,
        dataschema=message.schema_urn(),
        sequence=3,
        partitionkey=ORDER,
        correlationid="cor_1",
        actor="rider:rid_1",
        recordedat=at,
        data=message.model_dump(mode="json"),
    )
    return list(commands_for(message, envelope, NOW))


def test_a_placed_order_is_known_without_anything_personal() -> None:
    placed = order.OrderPlaced(
        **PARTIES,
        kind=OrderKind.FOOD,
        items=(),
        total_cents=5900,
        currency="CNY",
        pickup_cell="c1",
        dropoff_cell="c2",
        pickup=GeoPoint(lat=1, lon=1),
        promised_at=NOW,
    )
    assert heard(placed) == [c.KnowOrder(facts=FACTS)]


def test_a_failed_and_an_impossible_delivery_are_troubles() -> None:
    failed = order.OrderDeliveryFailed(**PARTIES, reason=FailureReason.WEATHER, goods=Goods.LEFT)
    (first,) = heard(failed)
    assert isinstance(first, c.ReportTrouble)
    assert (first.trouble.kind, first.trouble.reason, first.trouble.goods) == (
        Kind.DELIVERY_FAILED,
        "weather",
        "left",
    )
    assert first.source == "evt_7"
    (second,) = heard(dispatch.DeliveryUndeliverable(delivery_id="dlv_1", order_id=ORDER, attempt=1))
    assert isinstance(second, c.ReportTrouble)
    assert second.trouble.kind is Kind.UNDELIVERABLE


def test_deliveries_cancellations_rejections_and_refunds_may_end_a_case() -> None:
    delivered = order.OrderDelivered(
        order_id=ORDER, customer_id="cus_1", rider_id="rid_1", delivered_at=NOW, promised_at=NOW, confirm_by=NOW
    )
    assert heard(delivered) == [c.EndOrder(order_id=ORDER, ending=Ending.DELIVERED, now=NOW)]
    cancelled = order.OrderCancelled(**PARTIES, by="customer", reason="changed_mind")
    assert heard(cancelled) == [c.EndOrder(order_id=ORDER, ending=Ending.CANCELLED, now=NOW)]
    rejected = order.OrderRejected(**PARTIES, reason="sold_out")
    assert heard(rejected) == [c.EndOrder(order_id=ORDER, ending=Ending.REJECTED, now=NOW)]
    refunded = order.RefundIssued(order_id=ORDER, payment_id="pay_1", amount_cents=1, currency="CNY", reason="x")
    assert heard(refunded) == [c.NoteRefund(order_id=ORDER, now=NOW)]


def test_what_became_of_a_compensation_is_noted() -> None:
    paid = order.CompensationOwed(
        order_id=ORDER,
        payment_id="pay_1",
        compensation_id="cmp_1",
        amount_cents=300,
        credit_cents=0,
        refused_cents=100,
        currency="CNY",
        reason="late",
    )
    assert heard(paid) == [
        c.NoteCompensation(
            order_id=ORDER, compensation_id="cmp_1", paid_cents=300, credit_cents=0, refused_cents=100, now=NOW
        )
    ]


def test_other_messages_mean_nothing_to_support() -> None:
    assert heard(order.OrderReady(**PARTIES)) == []
    assert order.OrderReady not in SUBSCRIBED
    assert len(set(SUBSCRIBED)) == len(SUBSCRIBED)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_the_world_hears_of_cases_under_their_order_and_of_nothing_else(event: e.Event) -> None:
    name, version, data = codec.EVERYTHING.encode(event, VAULT)
    stored = StoredEvent(
        stream_id=CASE,
        version=1,
        event_id="evt_9",
        type=name,
        schema_version=version,
        data=data,
        actor="support:agt_1",
        occurred_at=NOW,
        recorded_at=NOW,
        correlation_id="cor_1",
    )
    messages = messages_for(stored, event)
    assert [outgoing.message.type_name() for outgoing in messages] == ([name] if name in PUBLIC else [])
    for outgoing in messages:
        assert outgoing.partition_key == ORDER
        assert isinstance(outgoing.message, support.CaseMessage)
        assert outgoing.message.case_id == CASE
        assert "note" not in outgoing.message.model_dump()


def golden(name: str, version: int) -> Path:
    return GOLDEN / f"{name}.v{version}.json"


def test_every_type_has_an_example_here() -> None:
    assert {type(event) for event in EVENTS} == {entry.cls for entry in codec.EVERYTHING.types}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_stored_as_its_golden_file_says_and_read_back_the_same(event: e.Event) -> None:
    name, version, data = codec.EVERYTHING.encode(event, VAULT)
    assert data == json.loads(golden(name, version).read_text(encoding="utf-8"))
    assert codec.EVERYTHING.decode(name, version, data, VAULT) == event


@pytest.mark.parametrize("entry", codec.EVERYTHING.types, ids=lambda entry: entry.name)
def test_every_version_that_was_ever_stored_can_be_read(entry: EventType[e.Event]) -> None:
    for version in range(1, entry.schema_version + 1):
        data = json.loads(golden(entry.name, version).read_text(encoding="utf-8"))
        assert isinstance(codec.EVERYTHING.decode(entry.name, version, data, VAULT), entry.cls)


@pytest.mark.parametrize(("kept", "read"), [("", None), (NOTE, NOTE)])
def test_a_note_of_the_first_version_was_kept_in_plain_and_is_still_read(kept: str, read: str | None) -> None:
    first = json.loads(golden("CaseOpened", 1).read_text(encoding="utf-8")) | {"note": kept}
    case = codec.EVERYTHING.decode("CaseOpened", 1, first, VAULT)
    assert isinstance(case, e.CaseOpened)
    assert case.note == read


def test_a_note_is_sealed_under_the_customer_and_gone_with_them() -> None:
    vault = KeyVault(MemoryKeys({}))
    name, version, data = codec.EVERYTHING.encode(replace(opened(), note=NOTE), vault)
    assert NOTE not in json.dumps(data)
    assert codec.EVERYTHING.decode(name, version, data, vault) == replace(opened(), note=NOTE)
    vault.forget("cus_1")
    assert codec.EVERYTHING.decode(name, version, data, vault) == opened()
