"""Whatever an operator does about a parked message is an event in the service's own store, with it or not at all."""

import base64
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.eventstore.verify import verify_log
from shared.messaging.inbox import batch_of
from shared.messaging.operations import PARKED, SetAside, Standing, stream_of
from shared.messaging.outbox import Outbox
from shared.messaging.parked import NobodyHandles, NotFirstOfItsSequence, Parked
from tests.contract.publishing import CODEC, messages_for, store_of
from tests.integration.test_messaging_inbox import OLGA, Bench
from tests.support.database import Database


@pytest.fixture(scope="module")
def store(database: Database) -> Iterator[PostgresStore]:
    opened = store_of(database.url("support"))
    yield opened
    opened.close()


@pytest.fixture
def bench(store: PostgresStore, request: pytest.FixtureRequest) -> Bench:
    made = Bench(store, request.node.name[:60])
    made.poison("bad", 1)
    made.poison("bad", 3)
    made.consume(*(("bad", sequence) for sequence in range(1, 5)))
    return made


def evidence(store: PostgresStore, parked_id: int) -> list[tuple[str, str, dict[str, Any]]]:
    return [(event.type, event.actor, dict(event.data)) for event in store.stream(stream_of(parked_id))]


def test_each_retried_message_has_an_event_that_says_who_which_and_how_it_went(bench: Bench) -> None:
    first, second, third, fourth = bench.parked.show(bench.head())
    bench.handler.poison.discard((bench.stream("bad"), 1))
    bench.parked.retry(first.parked_id, OLGA)
    [(kind, actor, told)] = evidence(bench.store, first.parked_id)
    assert (kind, actor, told["outcome"], told["failure"]) == (
        "ParkedMessageRetried",
        "operator:olga",
        "handled",
        None,
    )
    assert SetAside(**told["message"]) == SetAside(
        first.parked_id,
        bench.prefix,
        "/doorstep/order",
        bench.stream("bad"),
        "bad",
        1,
        first.message_id,
        "OrderPlaced",
        "failed",
    )
    assert [told["outcome"] for _, _, told in evidence(bench.store, second.parked_id)] == ["handled"]
    assert [told["outcome"] for _, _, told in evidence(bench.store, third.parked_id)] == ["failed"]
    assert evidence(bench.store, fourth.parked_id) == []


def test_a_failed_retry_is_kept_by_the_kind_of_its_error_and_not_by_its_words(bench: Bench) -> None:
    parked_id = bench.head()
    for _ in range(2):
        assert "cannot digest" in (bench.parked.retry(parked_id, OLGA).error or "")
    told = [data for _, _, data in evidence(bench.store, parked_id)]
    assert [each["failure"] for each in told] == ["ValueError", "ValueError"]
    assert "digest" not in str(told)
    assert bench.store.load(PARKED, stream_of(parked_id)).state.failed_retries == 2


def test_a_refusal_is_kept_by_its_code(bench: Bench) -> None:
    bench.heal()
    bench.handler.refused.add((bench.stream("bad"), 1))
    parked_id = bench.head()
    bench.parked.retry(parked_id, OLGA)
    assert evidence(bench.store, parked_id)[0][2]["failure"] == "test.refused"


def test_a_skipped_message_has_an_event_that_says_why(bench: Bench) -> None:
    parked_id = bench.head()
    bench.parked.skip(parked_id, OLGA, " the merchant does not exist ")
    [(kind, actor, told)] = evidence(bench.store, parked_id)
    assert (kind, actor, told["reason"]) == ("ParkedMessageSkipped", "operator:olga", "the merchant does not exist")
    assert bench.store.load(PARKED, stream_of(parked_id)).state.standing is Standing.SKIPPED


def test_what_was_refused_to_an_operator_leaves_no_event(bench: Bench) -> None:
    behind = bench.parked.show(bench.head())[1].parked_id
    with pytest.raises(NotFirstOfItsSequence):
        bench.parked.skip(behind, OLGA, "no")
    with pytest.raises(NobodyHandles):
        Parked(bench.store).retry(behind, OLGA)
    assert evidence(bench.store, behind) == []


@pytest.fixture
def no_evidence(database: Database) -> Iterator[None]:
    """A database that takes no operators' events."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            """CREATE FUNCTION support.no_evidence() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'no evidence today'; END $$"""
        )
        admin.execute(
            """CREATE TRIGGER no_evidence BEFORE INSERT ON support.events FOR EACH ROW
               WHEN (NEW.type LIKE 'ParkedMessage%') EXECUTE FUNCTION support.no_evidence()"""
        )
        yield
        admin.execute("DROP FUNCTION support.no_evidence CASCADE")


@pytest.mark.usefixtures("no_evidence")
def test_what_cannot_be_written_down_is_not_done(bench: Bench) -> None:
    bench.heal()
    effects, parked_id = bench.effects("bad"), bench.head()
    for settle in (
        lambda: bench.parked.retry(parked_id, OLGA),
        lambda: bench.parked.skip(parked_id, OLGA, "no"),
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="no evidence"):
            settle()
    assert (bench.effects("bad"), bench.head(), bench.waiting()) == (effects, parked_id, {"bad": 4})


def test_operators_events_are_sequenced_hashed_and_told_to_nobody(bench: Bench, database: Database) -> None:
    parked_id = bench.head()
    bench.parked.skip(parked_id, OLGA, "a test")
    sequencer = Sequencer(database.url("support"))
    while sequencer.tick():
        pass
    sequencer.close()
    verdict = verify_log(database.url("support"))
    assert (verdict.is_whole, verdict.pending) == (True, 0)
    logged = bench.store.log_after(0, 1000)
    assert stream_of(parked_id) in {event.stream_id for event in logged}
    published = Outbox(bench.store, (CODEC,), messages_for).read(0, 1000)
    assert [each.position for each in published] == [event.position for event in logged], "the relay goes on past it"
    assert not any(each.wires for each in published)


def test_bytes_that_are_no_text_are_kept_whole_and_a_retry_says_why_it_cannot_help(bench: Bench) -> None:
    garbage = b"\xff\x00\xfe" + bench.prefix.encode()
    bench.inbox.consume(batch_of(garbage))
    found = next(head for head in bench.parked.list() if head.cause == "unreadable" and head.handler == bench.prefix)
    [shown] = bench.parked.show(found.parked_id)
    assert base64.b64decode(shown.body_base64) == garbage
    assert shown.body.startswith("\ufffd")
    retried = bench.parked.retry(found.parked_id, OLGA)
    assert (retried.handled, retried.left) == (0, 1)
    assert (retried.error or "").startswith("StillUnreadable: it cannot be read: not an envelope")
    assert evidence(bench.store, found.parked_id)[0][2]["failure"] == "StillUnreadable"
    bench.parked.skip(found.parked_id, OLGA, "somebody tried things out")
    assert found.parked_id not in {head.parked_id for head in bench.parked.list()}
