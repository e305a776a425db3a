"""What a timeline says of one fact: who, when by both clocks, why, and what proves it; nothing sealed."""

from datetime import timedelta
from typing import Any

import pytest

from services.order import timeline
from services.order.domain.values import Proof
from services.order.inbound import commands_for
from services.order.schemas import TimelineEntry
from shared.contracts import common, dispatch
from shared.eventstore.model import StoredEvent
from tests.unit.order import facts as f
from tests.unit.order.scenario import given
from tests.unit.order.test_messages import envelope_of

PHOTO = {"kind": "photo", "reference": "photo-17", "sha256": "ab" * 32, "received_by": "neighbour"}


class OneStream:
    """A transaction in which an order has one fact."""

    def __init__(self, event: StoredEvent) -> None:
        self._event = event
        self.connection = self

    def stream(self, stream_id: str) -> list[StoredEvent]:
        return [self._event] if stream_id == self._event.stream_id else []

    def execute(self, *_: Any) -> list[Any]:
        return []


def entry_of(data: dict[str, Any], **changes: Any) -> TimelineEntry:
    fields: dict[str, Any] = {
        "stream_id": f.ORDER_ID,
        "version": 3,
        "event_id": "evt_1",
        "type": "OrderRejected",
        "schema_version": 1,
        "data": data,
        "actor": "merchant:mer_1",
        "occurred_at": f.NOON,
        "recorded_at": f.NOON,
        "correlation_id": "cor_1",
        "causation_id": "evt_0",
    }
    stored = StoredEvent(**(fields | changes))
    [entry] = timeline.of_order(OneStream(stored), f.ORDER_ID, staff=True).entries  # type: ignore[arg-type]
    return entry


def test_an_entry_says_who_did_what_why_and_what_it_followed_from() -> None:
    entry = entry_of({"reason": "sold_out", "fee_cents": 0, "comment": {"sealed": "…"}, "lines": [], "at": "…"})
    assert (entry.actor, entry.type, entry.reason) == ("merchant:mer_1", "OrderRejected", "sold_out")
    assert (entry.source, entry.caused_by, entry.correlation_id) == ("order", "evt_0", "cor_1")
    assert entry.facts == {"fee_cents": 0}


def test_an_entry_shows_what_proves_a_hand_over() -> None:
    assert entry_of({"rider_id": "rid_1", "proof": PHOTO}).proof == PHOTO
    assert entry_of({"rider_id": "rid_1", "proof": None}).proof is None
    assert entry_of({"proof": {"kind": "none", "reference": ""}}).proof is None


@pytest.mark.parametrize(
    ("ahead", "wrong"),
    [(timedelta(0), False), (timedelta(hours=-3), False), (timedelta(minutes=1), False), (timedelta(hours=1), True)],
)
def test_a_clock_that_is_ahead_is_flagged_and_a_late_report_is_not(ahead: timedelta, wrong: bool) -> None:
    recorded = f.after(hours=6)
    assert timeline.skewed(recorded + ahead, recorded, placed_at=f.NOON) is wrong


def test_a_clock_from_before_there_was_an_order_is_flagged() -> None:
    assert timeline.skewed(f.after(hours=-1), f.after(hours=1), placed_at=f.NOON)


def test_what_a_rider_proves_stays_with_the_order() -> None:
    delivery: dict[str, Any] = {"order_id": f.ORDER_ID, "delivery_id": "dlv_1", "attempt": 1}
    told = dispatch.Delivered(**delivery, rider_id=f.RIDER, proof=common.Proof(**PHOTO))
    [command] = commands_for(told, envelope_of(told), f.after(minutes=30))
    order = given(*f.ON_THE_WAY).when(command).outcome()  # type: ignore[arg-type]
    after = given(*f.ON_THE_WAY, *order).order
    assert after is not None
    assert after.delivery_proof == Proof(**PHOTO)
    assert after.pickup_proof is None
    corrected = given(*f.ON_THE_WAY, *order, f.undelivered).order
    assert corrected is not None
    assert corrected.delivery_proof is None
