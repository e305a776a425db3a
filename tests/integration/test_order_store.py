"""The order service on real PostgreSQL: money, lists, sealed people, waits and races that have one winner."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.order import searching, views
from services.order.codec import ORDER, PAYMENT
from services.order.domain.merchant import PauseOrders, ResumeOrders
from services.order.domain.pausing import Pause
from services.order.domain.payment import PaymentState
from services.order.domain.values import OrderState, Wait
from services.order.outbound import messages_for, payment_id_of
from services.order.payments import ProviderRequest, ProviderUnavailable
from services.order.reactors import decoded
from shared.contracts import dispatch
from shared.contracts.common import AssignmentMode, Proof
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.model import RecordedAnswer
from shared.eventstore.ports import Transaction
from shared.kernel.errors import DomainError, StaleVersion
from shared.kernel.ids import new_id
from shared.messaging.inbox import Inbox, batch_of
from tests.support.database import Database
from tests.support.order_service import Service, serving
from tests.unit.order import wishes as w
from tests.unit.order.facts import NOON, RIDER
from tests.unit.order.test_placing import WISH


@pytest.fixture(scope="module")
def service(database: Database) -> Iterator[Service]:
    with serving(database) as started:
        yield started


def of(order_id: str, command: Any) -> Any:
    return replace(command, order_id=order_id)


def test_one_order_lives_from_placing_to_the_archive(service: Service) -> None:
    order_id = service.paid()
    for command in (w.accept(), w.start(), w.mark_ready(), w.rider_assigned(), w.picked_up(), w.delivered()):
        service.do(of(order_id, command))
        service.settle()
    service.do(of(order_id, w.confirm()))
    service.do(of(order_id, w.review()))
    service.settle()
    assert service.order(order_id).state is OrderState.COMPLETED
    assert service.payment_state(order_id) is PaymentState.CAPTURED
    [row] = searching.list_orders(service.store, searching.OrderFilter(everybody=True), None, 1)
    assert (row.order_id, row.state, row.payment_state, row.rider_id) == (order_id, "completed", "captured", RIDER)
    assert row.version == service.store.load(ORDER, order_id).version


def test_the_sandbox_answers_the_same_key_the_same_way_for_ever(service: Service) -> None:
    def request(key: str, method: str, cents: int = 100) -> ProviderRequest:
        return ProviderRequest(
            idempotency_key=key, payment_id="pay_x", amount_cents=cents, currency="CNY", method=method
        )

    ok = service.provider.authorize(request("k1", "sandbox_ok"))
    assert ok.declined is None
    assert service.provider.authorize(request("k1", "sandbox_declined")) == ok
    assert service.provider.authorize(request("k2", "sandbox_declined")).declined == "card_declined"
    with pytest.raises(ProviderUnavailable):
        service.provider.authorize(request("k3", "sandbox_unavailable_once"))
    assert service.provider.authorize(request("k3", "sandbox_unavailable_once")).declined is None
    with pytest.raises(ValueError, match="another amount"):
        service.provider.authorize(request("k1", "sandbox_ok", 101))


def test_a_provider_that_was_away_once_is_asked_again(service: Service) -> None:
    order_id = service.place("sandbox_unavailable_once")
    service.settle()
    assert service.payment_state(order_id) is PaymentState.PENDING
    service.due(seconds=6)
    service.settle()
    assert service.payment_state(order_id) is PaymentState.AUTHORIZED


def test_an_order_whose_card_is_declined_ends(service: Service) -> None:
    order_id = service.place("sandbox_declined")
    service.settle()
    assert service.order(order_id).state is OrderState.CANCELLED


def test_a_merchant_who_stays_silent_is_reminded_and_the_order_ends_with_the_money_back(service: Service) -> None:
    order_id = service.paid()
    service.due(minutes=2, seconds=1)
    assert service.types(order_id)[-1] == "MerchantReminded"
    service.due(minutes=3)
    service.settle()
    ending = service.order(order_id).ending
    assert ending is not None
    assert ending.reason == "merchant_no_answer"
    assert service.payment_state(order_id) is PaymentState.RELEASED
    [row] = [
        each for each in views.list_merchants(service.store, None, 100) if each.merchant_id == service.merchant_id
    ]
    assert row.missed_answers >= 1


def test_two_processes_fire_a_wait_once(service: Service) -> None:
    ids = [service.paid() for _ in range(5)]
    service.clock.advance(timedelta(minutes=2, seconds=1))

    def fire() -> int:
        return service.store.take_due(service.clock.now(), service.reactors.end_wait, limit=500)

    together(fire, fire)
    for order_id in ids:
        assert service.types(order_id).count("MerchantReminded") == 1


def together(*actions: Callable[[], Any]) -> list[Any]:
    """Runs actions at the same moment, each in a thread; what each answered or refused."""
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        start.wait(10)
        try:
            return action()
        except (DomainError, StaleVersion) as refusal:
            return refusal

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def race(service: Service, order_id: str, *commands: Any) -> list[Any]:
    return together(*[(lambda command=command: service.do(of(order_id, command))) for command in commands])


ENDS = {"OrderCancelled", "OrderRejected", "OrderCompleted"}


def after_pick_up() -> Sequence[Any]:
    return (w.accept(), w.mark_ready(), w.rider_assigned(), w.picked_up())


@pytest.mark.parametrize(
    ("before", "racers", "one_of"),
    [
        ((), (w.cancel(), w.reject(), w.cancel()), {"OrderCancelled", "OrderRejected"}),
        ((), (w.accept(), w.reject()), {"OrderAccepted", "OrderRejected"}),
        ((), (w.accept(), w.time_is_up(Wait.MERCHANT_ANSWER)), {"OrderAccepted", "OrderCancelled"}),
        (
            (w.accept(), w.rider_assigned(), w.cancel()),
            (w.withdrawn(), w.picked_up(), w.withdrawal_refused()),
            {"OrderCancelled", "OrderOutForDelivery", "CancellationRefused"},
        ),
        (after_pick_up(), (w.delivered(), w.failed(), w.cancel()), {"OrderDelivered", "OrderDeliveryFailed"}),
        (
            (*after_pick_up(), w.delivered()),
            (w.confirm(), w.time_is_up(Wait.CONFIRMATION), w.confirm()),
            {"OrderConfirmed"},
        ),
    ],
    ids=["cancel-reject", "accept-reject", "accept-time", "withdraw-pickup", "deliver-fail", "confirm-time"],
)
def test_a_race_leaves_one_story(
    service: Service, before: Sequence[Any], racers: Sequence[Any], one_of: set[str]
) -> None:
    for _ in range(8):
        order_id = service.paid()
        for command in before:
            service.do(of(order_id, command))
        seen = len(service.types(order_id))
        race(service, order_id, *racers)
        fresh = service.types(order_id)[seen:]
        winners = [name for name in fresh if name in one_of]
        assert winners, fresh
        assert len(winners) == len(set(winners)), fresh
        assert len([name for name in service.types(order_id) if name in ENDS]) <= 1
        state = service.order(order_id)
        assert "OrderDelivered" not in fresh or state.picked_up
        service.settle()
        payment = service.store.load(PAYMENT, payment_id_of(order_id)).state
        assert payment is not None
        if state.state in (OrderState.CANCELLED, OrderState.REJECTED):
            fee_cents = getattr(state.ending, "fee_cents", 0)
            assert payment.captured_cents - payment.refunded_cents in (0, fee_cents)


def envelope(order_id: str, sequence: int, message: Message) -> bytes:
    return Envelope(
        id=f"evt_{order_id}_{sequence}",
        source=message.source(),
        type=message.type_name(),
        subject=order_id.replace("ord_", "dlv_"),
        time=NOON,
        dataschema=message.schema_urn(),
        sequence=sequence,
        partitionkey=order_id,
        correlationid="cor_1",
        actor=f"rider:{RIDER}",
        recordedat=NOON,
        data=message.model_dump(mode="json"),
    ).to_bytes()


def test_messages_that_come_twice_or_late_have_their_effect_once(service: Service) -> None:
    order_id = service.paid()
    service.do(of(order_id, w.accept()))
    about = {"order_id": order_id, "delivery_id": order_id.replace("ord_", "dlv_"), "rider_id": RIDER}
    bodies = [
        envelope(order_id, 3, dispatch.RiderAssigned(**about, mode=AssignmentMode.ENGINE, policy_version="1")),
        envelope(order_id, 5, dispatch.PickedUp(**about, proof=Proof())),
        envelope(order_id, 7, dispatch.Delivered(**about, proof=Proof())),
    ]
    inbox = Inbox(service.store, "order", service.reactors.hear)
    inbox.consume(batch_of(*bodies))
    told = service.types(order_id)
    assert told[-3:] == ["OrderRiderAssigned", "OrderOutForDelivery", "OrderDelivered"]
    inbox.consume(batch_of(*bodies, *reversed(bodies)))
    # Another inbox has no memory of them: then the domain itself must see that they are old.
    Inbox(service.store, "another", service.reactors.hear).consume(batch_of(*bodies))
    assert service.types(order_id) == told


def test_a_message_about_an_unknown_order_is_taken_in_and_forgotten(service: Service, database: Database) -> None:
    order_id = new_id("ord")
    about = {"order_id": order_id, "delivery_id": "dlv_x", "rider_id": RIDER}
    body = envelope(order_id, 1, dispatch.Delivered(**about, proof=Proof()))
    Inbox(service.store, "order", service.reactors.hear).consume(batch_of(body))
    assert service.types(order_id) == []
    with psycopg.connect(database.url("order")) as connection:
        assert connection.execute("SELECT count(*) FROM parked").fetchone() == (0,)


def test_people_are_sealed_in_the_store_and_gone_when_forgotten(service: Service, database: Database) -> None:
    order_id = service.place()
    customer = replace(WISH, order_id=new_id("ord"), merchant_id=service.merchant_id, customer_id="cus_to_forget")
    service.do(customer)
    service.settle()
    service.do(of(customer.order_id, w.accept()))
    service.settle()
    with psycopg.connect(database.url("order")) as connection:
        rows = connection.execute(
            "SELECT data::text FROM events UNION ALL SELECT to_jsonb(o)::text FROM order_list o"
        )
        everything = "\n".join(row[0] for row in rows)
    for secret in ("Chen Yu", "13812345678", "chen@example.com", "Willow", "ring twice"):
        assert secret not in everything
    service.store.forget("cus_to_forget")
    assert service.order(customer.order_id).placed.recipient is None
    assert service.order(order_id).placed.recipient is not None
    with service.store.reading() as tx:
        private = [row for row in tx.stream(customer.order_id) if row.type == "DeliveryContactShared"]
        assert [messages_for(row, decoded(tx, row)) for row in private] == [[]]


def test_the_list_pages_without_gaps_and_tells_each_his_own(service: Service) -> None:
    placed = {service.place() for _ in range(7)}
    service.settle()
    seen: list[str] = []
    mine = searching.OrderFilter(of_merchants=[service.merchant_id])
    after: searching.Mark | None = None
    while rows := searching.list_orders(service.store, mine, after, 3):
        seen += [row.order_id for row in rows]
        after = searching.mark_of(rows[-1], mine)
    assert placed <= set(seen)
    assert seen == sorted(set(seen), reverse=True)
    assert searching.list_orders(service.store, searching.OrderFilter(of_customers=["cus_nobody"]), None, 10) == []
    assert searching.list_orders(service.store, searching.OrderFilter(), None, 10) == []
    only = replace(mine, states=["pending_acceptance"])
    assert {row.state for row in searching.list_orders(service.store, only, None, 100)} == {"pending_acceptance"}


def test_every_list_row_says_what_its_stream_says(service: Service) -> None:
    service.settle()
    for row in searching.list_orders(service.store, searching.OrderFilter(everybody=True), None, 200):
        loaded = service.store.load(ORDER, row.order_id)
        assert loaded.state is not None
        assert (row.state, row.rider_id, row.version) == (
            loaded.state.state.value,
            loaded.state.rider_id,
            loaded.version,
        )
        assert row.payment_state == service.payment_state(row.order_id).value


def pause_in_list(service: Service) -> Pause | None:
    rows = views.list_merchants(service.store, None, 100)
    return next(row.pause for row in rows if row.merchant_id == service.merchant_id)


def test_the_list_of_merchants_says_who_takes_no_orders_since_when_until_when_and_why(
    service: Service, database: Database
) -> None:
    began = service.clock.now()
    whose: dict[str, Any] = {"merchant_id": service.merchant_id}
    for reason, minutes in (("too_busy", 10), ("equipment", 30)):
        until = began + timedelta(minutes=minutes)
        service.do(PauseOrders(**whose, at=service.clock.now(), reason=reason, until=until))
        service.clock.advance(timedelta(minutes=1))
    service.settle()
    paused = Pause(since=began, until=began + timedelta(minutes=30), reason="equipment")
    assert pause_in_list(service) == paused

    migration = Path("services/order/migrations/0012_merchant_pauses.sql").read_text(encoding="utf-8")
    with psycopg.connect(database.url("order")) as connection:
        connection.execute("UPDATE merchant_list SET paused_since = NULL, paused_until = NULL, pause_reason = NULL")
        connection.execute(migration.partition(";")[2].encode())
    assert pause_in_list(service) == paused

    service.do(ResumeOrders(**whose, at=service.clock.now()))
    service.settle()
    assert pause_in_list(service) is None


def kept(body: dict[str, Any], subject_id: str | None = None) -> RecordedAnswer:
    return RecordedAnswer(
        request_hash="h", status=200, body=json.dumps(body), headers={}, subject_id=subject_id, sealed=None
    )


def test_answers_that_an_older_release_recorded_in_plain_lose_their_customer(service: Service) -> None:
    whole = {
        "customer_id": "cus_old",
        "note": "ring twice",
        "recipient": {"name": "Chen Yu"},
        "errand": {"task": "Chen Yu's parcel"},
        "review": {"merchant": 5, "comment": "says Chen Yu"},
    }
    half = {**whole, "recipient": None, "note": "", "errand": None}
    clean = {**half, "review": None}
    stranger = {**whole, "customer_id": "cus_new", "review": {"merchant": 1, "comment": "not of cus_old"}}
    quote = {"customer_id": "cus_old", "total_cents": 500}

    def record(tx: Transaction) -> None:
        for key, answer in (
            ("old", kept(whole)),
            ("half", kept(half, "cus_old")),
            ("clean", kept(clean, "cus_old")),
            ("stranger", kept(stranger)),
            ("quote", kept(quote)),
        ):
            tx.remember(key, answer)

    service.store.run(record)
    assert service.store.run(lambda tx: views.strip_answers(tx, "cus_old")) == 2
    told = {}
    with service.store.reading() as tx:
        for key in ("old", "half", "clean", "stranger", "quote"):
            answer = tx.recall(key)
            assert answer is not None
            told[key] = json.loads(answer.body)
    assert "Chen" not in json.dumps([told["old"], told["half"]])
    assert told["old"]["review"] == {"merchant": 5, "comment": None}
    assert (told["clean"], told["stranger"], told["quote"]) == (clean, stranger, quote)


def test_what_others_reported_is_never_changed_afterwards(service: Service, database: Database) -> None:
    for statement in ("UPDATE order_reports SET actor = 'me'", "DELETE FROM order_reports"):
        with (
            psycopg.connect(database.url("order")) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
        ):
            connection.execute(statement)


def test_a_rebuilt_list_is_the_list(service: Service, database: Database) -> None:
    service.settle()

    def lists() -> str:
        with psycopg.connect(database.url("order")) as connection:
            rows = connection.execute("SELECT to_jsonb(o) FROM order_list o ORDER BY order_id").fetchall()
            shops = connection.execute("SELECT to_jsonb(m) FROM merchant_list m ORDER BY merchant_id").fetchall()
        return json.dumps([rows, shops], sort_keys=True)

    before = lists()
    with psycopg.connect(database.url("order")) as connection:
        connection.execute("DELETE FROM order_list")
        connection.execute("DELETE FROM merchant_list")
        connection.execute("DELETE FROM follower_positions WHERE name LIKE '%list.v1'")
    service.settle()
    assert lists() == before
