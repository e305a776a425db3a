"""Every public fact is kept once, as it was told, under a stored name that never changes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.analytics.application import FACTS
from services.analytics.codec import CODEC
from services.analytics.domain import board, riders, timeline
from services.analytics.domain.commands import RecordFact
from services.analytics.domain.decisions import record
from services.analytics.domain.events import FactRecorded
from services.analytics.domain.state import Heard, evolve
from services.analytics.inbound import SUBSCRIBED
from services.analytics.outbound import messages_for
from shared.contracts.catalogue import messages
from shared.contracts.message import Channel
from shared.eventstore.codec import Vault
from shared.eventstore.memory import MemoryStore
from shared.eventstore.model import Context
from shared.kernel.clock import FixedClock
from tests.unit.analytics.telling import NOON, OneOrder, Story

GOLDEN = Path(__file__).parent / "golden"


class NoVault(Vault):
    """Facts hold nothing personal: nothing is ever sealed or opened."""

    def seal(self, subject_id: str, plain: Any) -> str:
        raise AssertionError("a fact of analytics holds nothing to seal")

    def open(self, subject_id: str, sealed: str) -> Any | None:
        raise AssertionError("a fact of analytics holds nothing sealed")


def placed() -> FactRecorded:
    return OneOrder(Story(), "ord_1").place()


def test_a_fact_is_kept_the_first_time_it_is_heard() -> None:
    fact = placed()
    assert record(RecordFact(fact), Heard()) == [fact]


def test_hearing_a_fact_again_changes_nothing() -> None:
    fact = placed()
    assert record(RecordFact(fact), evolve(Heard(), fact)) == []


def test_an_earlier_fact_of_a_stream_that_comes_late_is_kept_too() -> None:
    life = OneOrder(Story(), "ord_1")
    first, second = life.place(), life.accept(NOON)
    assert record(RecordFact(first), evolve(Heard(), second)) == [first]


def test_all_public_messages_of_the_others_are_heard_and_no_private_one() -> None:
    heard = set(SUBSCRIBED)
    for message in messages():
        wanted = message.channel is Channel.PUBLIC and message.service != "analytics"
        assert (message in heard) is wanted, message.__name__


def test_the_folds_know_only_types_that_exist() -> None:
    known = {message.type_name() for message in SUBSCRIBED}
    assert (timeline.TOUCHING | riders.TOUCHING | board.NOTEWORTHY).issubset(known)


def test_fields_that_this_release_does_not_know_are_kept() -> None:
    story = Story()
    OneOrder(story, "ord_1").place()
    message, envelope = story.told[0]
    story.told[0] = message, envelope.model_copy(update={"data": {**envelope.data, "from_the_future": 1}})
    assert story.facts()[0].data["from_the_future"] == 1


def test_analytics_repeats_nothing_to_the_world() -> None:
    store = MemoryStore(FixedClock(NOON))
    context = Context(actor="system:test", now=NOON, occurred_at=NOON, correlation_id="cor_1")
    store.run(lambda tx: tx.execute(FACTS, "ord_1", lambda heard: record(RecordFact(placed()), heard), context))
    [stored] = store.stream("ord_1")
    assert (stored.type, stored.schema_version) == ("FactRecorded", 1)
    assert messages_for(stored, placed()) == ()


def told_long_ago(stored: dict[str, Any]) -> FactRecorded:
    """A fact keeps the words that it was told in: the contract has grown since, the fact has not."""
    return replace(placed(), data=stored["data"]["data"])


def test_the_stored_form_of_a_fact_has_not_changed() -> None:
    golden = json.loads((GOLDEN / "FactRecorded.v1.json").read_text(encoding="utf-8"))
    name, version, data = CODEC.encode(told_long_ago(golden), NoVault())
    assert {"type": name, "schema_version": version, "data": data} == golden


def test_every_stored_form_that_ever_was_can_still_be_read() -> None:
    for file in GOLDEN.glob("*.json"):
        stored = json.loads(file.read_text(encoding="utf-8"))
        fact = CODEC.decode(stored["type"], stored["schema_version"], stored["data"], NoVault())
        assert fact == told_long_ago(stored), file.name


def test_a_fact_of_an_earlier_release_tells_as_much_of_an_order_as_a_new_one() -> None:
    golden = json.loads((GOLDEN / "FactRecorded.v1.json").read_text(encoding="utf-8"))
    assert set(golden["data"]["data"]) < set(placed().data)
    fresh = timeline.OrderTimeline(order_id="ord_1")
    assert timeline.evolve(fresh, told_long_ago(golden)) == timeline.evolve(fresh, placed())
