"""An order's money on PostgreSQL: providers that break off, tell twice, late or nothing, and books that agree."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from services.order import books
from services.order.codec import PAYMENT
from services.order.domain import payment as p
from services.order.domain.errors import RefundExceedsCaptured
from services.order.domain.ledger import CLEARING, CUSTOMER
from services.order.domain.paying import AddTip, Compensate, GiveMoneyBack, RefundInPart, RetryPayment
from services.order.domain.payment import PaymentState
from services.order.domain.policy import OrderPolicy
from services.order.money_views import ledger_of
from services.order.outbound import payment_id_of
from services.order.payments import (
    ProviderAnswer,
    ProviderRequest,
    Providers,
    ProviderUnavailable,
    SandboxProvider,
    WebhookRefused,
)
from services.order.payments.desk import LEASE_SECONDS, waiting
from services.order.payments.signing import signature_of
from services.order.reconciliation import Fault, Reconciler
from services.order.webhooks import take_in
from shared.eventstore.connecting import Pool
from tests.integration.test_order_store import of, together
from tests.support.database import Database
from tests.support.order_service import SECRET, Service, serving
from tests.unit.order import wishes as w
from tests.unit.order.facts import NOON, RIDER

DAY = NOON.date()


@pytest.fixture(scope="module")
def service(database: Database) -> Iterator[Service]:
    with serving(database) as started:
        yield started


def captured(service: Service, method: str = "sandbox_ok") -> str:
    order_id = service.place(method)
    service.settle()
    accept(service, order_id)
    return order_id


def accept(service: Service, order_id: str) -> None:
    minutes = (service.clock.now() - NOON) / timedelta(minutes=1)
    service.do(of(order_id, w.accept(minutes + 15, minutes)))
    service.settle()


def delivered(service: Service) -> str:
    order_id = captured(service)
    for command in (w.mark_ready(), w.rider_assigned(), w.picked_up(), w.delivered()):
        service.do(of(order_id, command))
        service.settle()
    return order_id


def refund(order_id: str, cents: int, refund_id: str = "rfd_1") -> RefundInPart:
    return RefundInPart(order_id=order_id, refund_id=refund_id, amount_cents=cents, reason="cold", at=NOON)


def compensation(order_id: str, cents: int) -> Compensate:
    return Compensate(order_id=order_id, compensation_id="evt_1", amount_cents=cents, reason="late", at=NOON)


def tell(service: Service, body: bytes, signature: str | None) -> bool:
    return take_in(service.store, service.provider, service.policy, body, signature, service.context())


def payment_types(service: Service, order_id: str) -> list[str]:
    return service.types(payment_id_of(order_id))


def test_a_provider_that_tells_by_webhook_twice_and_late_is_heard_once(service: Service) -> None:
    order_id = service.place("sandbox_by_webhook")
    service.settle()
    assert service.payment_state(order_id) is PaymentState.PENDING
    told = []
    for command in (w.accept(), None, None):
        service.due(seconds=3)
        letters = service.provider.letters()
        told += letters
        for letter in letters:
            assert tell(service, letter.body, letter.signature)
            assert not tell(service, letter.body, letter.signature)
        service.settle()
        if command is not None:
            service.do(of(order_id, command))
            service.settle()
    assert service.payment_state(order_id) is PaymentState.CAPTURED
    before = payment_types(service, order_id)
    service.due(minutes=1)
    late = service.provider.letters()
    assert {letter.body for letter in late} == {letter.body for letter in told}
    for letter in reversed(late):
        assert not tell(service, letter.body, letter.signature)
    service.settle()
    assert payment_types(service, order_id) == before


def test_a_webhook_that_many_bring_at_once_has_its_effect_once(service: Service) -> None:
    order_id = service.place("sandbox_by_webhook")
    service.settle()
    service.due(seconds=3)
    [letter] = service.provider.letters()
    new = together(*[lambda: tell(service, letter.body, letter.signature)] * 6)
    assert sorted(new) == [False] * 5 + [True]
    assert payment_types(service, order_id).count("PaymentAuthorized") == 1


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (lambda body, now: None, "webhook.unsigned"),
        (lambda body, now: signature_of(body, "another secret", now), "webhook.signature_wrong"),
        (lambda body, now: signature_of(body, SECRET, now - timedelta(minutes=6)), "webhook.too_old"),
        (lambda body, now: "t=soon,v1=00", "webhook.signature_malformed"),
    ],
)
def test_a_webhook_that_is_not_surely_the_providers_changes_nothing(
    service: Service, signature: Callable[[bytes, datetime], str | None], code: str
) -> None:
    order_id = service.place("sandbox_by_webhook")
    service.settle()
    service.due(seconds=3)
    [letter] = service.provider.letters()
    with pytest.raises(WebhookRefused) as refusal:
        tell(service, letter.body, signature(letter.body, service.clock.now()))
    assert (refusal.value.code, service.payment_state(order_id)) == (code, PaymentState.PENDING)


def test_a_provider_that_breaks_off_after_it_did_is_asked_again_and_does_nothing_twice(service: Service) -> None:
    order_id = service.place("sandbox_timeout_once")
    service.settle()
    assert payment_types(service, order_id) == ["PaymentRequested", "PaymentDelayed"]
    service.due(seconds=6)
    service.settle()
    service.do(of(order_id, w.accept()))
    service.settle()
    service.due(seconds=6)
    service.settle()
    assert service.payment_state(order_id) is PaymentState.CAPTURED
    movements = service.provider.movements(NOON, NOON + timedelta(days=2))
    mine = [each.key for each in movements if each.key.startswith(payment_id_of(order_id))]
    assert mine == [f"{payment_id_of(order_id)}:capture"]


def test_a_capture_that_is_declined_ends_the_order(service: Service) -> None:
    order_id = captured(service, "sandbox_capture_declined")
    assert service.payment_state(order_id) is PaymentState.FAILED
    assert service.order(order_id).state.value == "cancelled"


def test_an_errand_whose_asker_died_is_asked_by_another_once_its_lease_is_over(
    service: Service, database: Database
) -> None:
    order_id = service.place()
    for _ in range(3):
        service.sequencer.tick()
        for follower in service.reactors.followers:
            follower.run(service.store)
    taken = service.desk.take(50)
    assert order_id in {slip.payment_id.replace("pay_", "ord_") for slip in taken}
    service.settle()
    assert service.payment_state(order_id) is PaymentState.PENDING
    with psycopg.connect(database.url("order"), autocommit=True) as connection:
        connection.execute(
            "UPDATE payment_errands SET leased_until = leased_until - %s * interval '1 second'", (LEASE_SECONDS + 1,)
        )
    service.settle()
    assert service.payment_state(order_id) is PaymentState.AUTHORIZED


class Watching(SandboxProvider):
    """Looks, while it is asked, for sessions that hold a transaction open."""

    seen: list[int]

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = current_user AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            ).fetchone()
        assert row is not None
        self.seen.append(row["n"])
        return super().authorize(request)


def test_no_transaction_is_open_while_the_provider_is_asked(service: Service, database: Database) -> None:
    watching = Watching(Pool(database.url("order"), size=8), service.clock, SECRET)
    watching.seen = []
    # One after another: what a neighbour is writing down at that moment would be seen too.
    cashier = replace(service.cashier, providers=Providers(watching), at_once=1)
    service.settle()
    ids = [service.place() for _ in range(3)]
    for _ in range(3):
        service.sequencer.tick()
        for follower in service.reactors.followers:
            follower.run(service.store)
    while cashier.work():
        pass
    watching.close()
    assert watching.seen == [0, 0, 0]
    assert {service.payment_state(order_id) for order_id in ids} == {PaymentState.AUTHORIZED}


class Switched(SandboxProvider):
    """Away until it is switched on."""

    on = False

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        if not self.on:
            raise ProviderUnavailable("switched off")
        return super().authorize(request)


def test_a_provider_that_is_down_leaves_orders_waiting_where_operators_see_them(database: Database) -> None:
    def switched(url: str, clock: Any) -> Switched:
        return Switched(Pool(url, size=8), clock, SECRET)

    with serving(database, switched, OrderPolicy(payment_attempts_max=4, payment_seconds=86_400)) as service:
        ids = [service.place() for _ in range(3)]
        service.settle()
        seen = {each.order_id: each for each in waiting(service.store, 100)}
        assert {seen[order_id].why for order_id in ids} == {"unavailable"}
        assert all(seen[order_id].again_at is not None for order_id in ids)
        for _ in range(4):
            service.due(minutes=10)
            service.settle()
        stuck = {each.order_id for each in waiting(service.store, 100) if each.stuck}
        assert set(ids) <= stuck
        service.provider.on = True
        for order_id in ids:
            service.do(RetryPayment(order_id=order_id, at=NOON))
        service.settle()
        assert {service.payment_state(order_id) for order_id in ids} == {PaymentState.AUTHORIZED}
        assert not {each.order_id for each in waiting(service.store, 100)} & set(ids)


def test_a_refund_against_a_compensation_never_gives_back_more_than_was_taken(service: Service) -> None:
    for _ in range(6):
        order_id = captured(service)
        total = service.payment(order_id).captured_cents
        together(
            partial(service.do, refund(order_id, total)),
            partial(service.do, compensation(order_id, total)),
            partial(service.do, GiveMoneyBack(order_id=order_id, reason="over", keep_cents=0, at=NOON)),
        )
        service.settle()
        payment = service.payment(order_id)
        assert payment.refunded_cents == payment.captured_cents == total
        assert payment.balance(CLEARING) == 0


def test_two_refunds_at_once_are_both_given_only_where_the_money_reaches(service: Service) -> None:
    order_id = captured(service)
    total = service.payment(order_id).captured_cents
    said = together(
        lambda: service.do(refund(order_id, total - 100, "rfd_a")),
        lambda: service.do(refund(order_id, total - 100, "rfd_b")),
    )
    assert sum(isinstance(each, RefundExceedsCaptured) for each in said) == 1


def test_a_tip_after_delivery_reaches_the_riders_account_once(service: Service) -> None:
    order_id = delivered(service)
    before = rider_tips(service)
    tip = AddTip(order_id=order_id, tip_id="tip_1", amount_cents=500, rider_id=RIDER, method="", at=NOON)
    for _ in range(2):
        service.do(tip)
        service.settle()
    assert rider_tips(service) == before + 500
    assert payment_types(service, order_id).count("TipPassedOn") == 1


def rider_tips(service: Service) -> int:
    return sum(each.cents for each in books.balances_of(service.store, f"rider_tips_payable:{RIDER}"))


def test_the_book_of_all_orders_balances_and_says_what_the_streams_say(service: Service, database: Database) -> None:
    order_id = captured(service)
    service.do(refund(order_id, 1000))
    service.settle()
    with psycopg.connect(database.url("order")) as connection:
        assert connection.execute("SELECT coalesce(sum(cents), 0) FROM account_balances").fetchone() == (0,)
        streams = connection.execute("SELECT stream_id FROM streams WHERE category = 'payment'").fetchall()
        kept: dict[str, int] = dict(
            connection.execute("SELECT account, cents FROM account_balances WHERE cents <> 0").fetchall()
        )
    folded: dict[str, int] = {}
    for (stream_id,) in streams:
        payment = service.store.load(PAYMENT, stream_id).state
        for account, cents in (payment.balances if payment else {}).items():
            folded[str(account)] = folded.get(str(account), 0) + cents
    assert kept == {account: cents for account, cents in folded.items() if cents}
    with service.store.reading() as tx:
        view = ledger_of(tx, order_id)
    assert [entry.entry for entry in view.entries] == ["capture", "refund_owed", "refund"]
    assert sum(each.cents for each in view.balances) == 0


def test_a_payment_of_the_first_release_is_in_the_book_with_what_its_facts_imply(service: Service) -> None:
    order_id = "ord_01a20000-0000-7000-8000-00000000f001"
    old: dict[str, Any] = {"order_id": order_id, "at": service.clock.now(), "amount_cents": 700, "currency": "XTS"}
    asked: dict[str, Any] = {**old, "customer_id": "cus_1", "method": "sandbox_ok", "merchant_id": "", "parts": ()}
    facts = (
        p.PaymentRequested(**asked, provider="sandbox"),
        p.PaymentAuthorized(**old, reference="sbx_1"),
        p.CaptureRequested(**old, fee=False),
        p.PaymentCaptured(**old, movement=""),
    )
    service.store.run(lambda tx: tx.append(PAYMENT, payment_id_of(order_id), 0, facts, service.context()))
    service.settle()
    assert [each.cents for each in books.balances_of(service.store, "unallocated") if each.currency == "XTS"] == [700]
    service.do(GiveMoneyBack(order_id=order_id, reason="over", keep_cents=0, at=NOON))
    service.settle()
    assert service.payment(order_id).balance(CUSTOMER) == 0
    assert [each.cents for each in books.balances_of(service.store, "unallocated") if each.currency == "XTS"] == [0]


def reconciled(service: Service, day: Any = None) -> Any:
    reconciler = Reconciler(service.store, Providers(service.provider), service.clock)
    [report] = reconciler.reconcile(day or service.clock.now().astimezone(UTC).date())
    return report


PLANTED = [
    ("UPDATE sandbox_payments SET amount_cents = amount_cents - 1 WHERE idempotency_key = %s", Fault.AMOUNT),
    ("UPDATE sandbox_payments SET currency = 'USD' WHERE idempotency_key = %s", Fault.CURRENCY),
    ("DELETE FROM sandbox_payments WHERE idempotency_key = %s", Fault.MISSING_AT_PROVIDER),
    (
        "INSERT INTO sandbox_payments SELECT idempotency_key || 'x', payment_id, errand, amount_cents, currency,"
        " outcome, asked, movement || 'x', at FROM sandbox_payments WHERE idempotency_key = %s",
        Fault.MISSING_IN_LEDGER,
    ),
    (
        "INSERT INTO sandbox_payments SELECT idempotency_key || 'y', payment_id, errand, amount_cents, currency,"
        " outcome, asked, movement, at FROM sandbox_payments WHERE idempotency_key = %s",
        Fault.TWICE_AT_PROVIDER,
    ),
    ("UPDATE sandbox_payments SET errand = 'refund' WHERE idempotency_key = %s", Fault.KIND),
]


@pytest.mark.parametrize(("change", "fault"), PLANTED, ids=[fault.value for _, fault in PLANTED])
def test_the_reconciliation_finds_what_was_planted_and_nothing_else(
    service: Service, database: Database, change: str, fault: Fault
) -> None:
    service.clock.advance(timedelta(days=3))
    first, second = captured(service), captured(service)
    service.do(refund(second, 100))
    service.settle()
    clean = reconciled(service)
    assert (clean.differences, clean.movements) == ((), 3)
    assert clean.charged_cents == service.payment(first).captured_cents + service.payment(second).captured_cents
    assert clean.refunded_cents == 100
    movement = f"{payment_id_of(first)}:capture"
    with psycopg.connect(database.url("order"), autocommit=True) as connection:
        assert connection.execute(change, (movement,)).rowcount == 1
    [found] = reconciled(service).differences
    assert found.fault is fault
    assert found.movement.startswith(movement)


def test_a_movement_over_midnight_is_no_difference(service: Service, database: Database) -> None:
    service.clock.advance(timedelta(days=3))
    order_id = captured(service)
    with psycopg.connect(database.url("order"), autocommit=True) as connection:
        connection.execute(
            "UPDATE sandbox_payments SET at = at - interval '13 hours' WHERE movement = %s",
            (f"{payment_id_of(order_id)}:capture",),
        )
    today = service.clock.now().astimezone(UTC).date()
    assert reconciled(service, today).differences == ()
    assert reconciled(service, today - timedelta(days=1)).differences == ()


def test_yesterday_is_reconciled_by_itself_once(service: Service) -> None:
    service.clock.advance(timedelta(days=3))
    captured(service)
    service.clock.advance(timedelta(days=1))
    reconciler = Reconciler(service.store, Providers(service.provider), service.clock)
    assert [reconciler.catch_up(), reconciler.catch_up()] == [1, 0]
    [newest, *_] = reconciler.reports()
    assert (newest["movements"], newest["differences"]) == (1, [])
