"""Random people, facts, waits, outages and races against one order: whatever comes, in whatever order, it stays true.

The model is deliberately simpler than the code: which state may follow which, and what must never be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.order import views
from services.order.application import ExistingOrderCommand, decision
from services.order.codec import ORDER, ORDER_CODEC
from services.order.domain import events as e
from services.order.domain.lifecycle import edges
from services.order.domain.payment import Errand
from services.order.domain.state import Order
from services.order.domain.transitions import ROWS
from services.order.domain.values import ENDED, By, Goods, OrderState, Wait
from services.order.domain.watching import WATCHES
from shared.eventstore.model import Loaded
from shared.kernel.errors import DomainError, StaleVersion
from tests.unit.order import wishes as w
from tests.unit.order.facts import NOON, ORDER_ID, OTHER_RIDER
from tests.unit.order.town import Town

_S = OrderState
_ENDS = (e.OrderCancelled, e.OrderRejected, e.OrderCompleted)
_AFTER_THE_END = (
    e.OrderReturned,
    e.GoodsTakenAfterCancellation,
    e.DeliveredAfterCancellation,
    e.DeliveryContactWithdrawn,
    e.OrderReviewed,
    e.ReviewClosed,
    e.RefundGranted,
    e.OrderArchived,
)
_MOVES = {(before, after) for before, after, _ in edges(ROWS)}

Wish = Callable[[float], ExistingOrderCommand]
_WISHES: dict[str, Wish] = {
    "accept": lambda at: w.accept(at + 15, at),
    "reject": w.reject,
    "extend": lambda at: w.extend(at + 30, at),
    "start": w.start,
    "mark_ready": w.mark_ready,
    "cancel": lambda at: w.cancel(By.CUSTOMER, at),
    "cancel_by_merchant": lambda at: w.cancel(By.MERCHANT, at),
    "confirm": w.confirm,
    "review": lambda at: w.review(5, at),
    "undelivered": w.correct_undelivered,
    "delivered_after_all": w.correct_delivered,
    "rider_assigned": lambda at: w.rider_assigned(at=at),
    "other_rider_assigned": lambda at: w.rider_assigned(OTHER_RIDER, at),
    "rider_unassigned": lambda at: w.rider_unassigned(at=at),
    "picked_up": lambda at: w.picked_up(at=at),
    "picked_up_late": lambda at: w.picked_up(late=True, at=at),
    "delivered": w.delivered,
    "failed_with_goods": lambda at: w.failed(Goods.WITH_RIDER, at),
    "failed_without": lambda at: w.failed(Goods.NOT_COLLECTED, at),
    "undeliverable": w.undeliverable,
    "withdrawn": w.withdrawn,
    "withdrawal_refused": w.withdrawal_refused,
    "return_opened": w.return_opened,
    "goods_returned": w.goods_returned,
    "redispatch": w.redispatch,
    "support_cancels": w.support_cancels,
    # A withdrawal is asked for again on purpose: that wait is ended by its deadline only.
    **{wait.value: partial(w.time_is_up, wait) for wait in Wait if wait is not Wait.WITHDRAWAL_ANSWER},
}
_wishes = st.sampled_from(sorted(_WISHES))


@dataclass(frozen=True)
class Glimpse:
    """An order as somebody saw it a while ago."""

    loaded: Loaded[Order | None]


class OrderMachine(RuleBasedStateMachine):
    town: Town

    def __init__(self) -> None:
        super().__init__()
        self.glimpse: Glimpse | None = None

    @initialize(method=st.sampled_from(["sandbox_ok", "sandbox_ok", "sandbox_declined"]))
    def open_the_town(self, method: str) -> None:
        self.town = Town(method)

    def _command(self, name: str) -> ExistingOrderCommand:
        minutes = (self.town.clock.now() - NOON) / timedelta(minutes=1)
        return _WISHES[name](minutes)

    def _loaded(self) -> Loaded[Order | None]:
        return self.town.store.load(ORDER, ORDER_ID)

    def _try(self, command: ExistingOrderCommand) -> bool:
        """Whether the command was heard; a refusal must be one of the domain's own and leave no event."""
        before = self._loaded().version
        refusal: DomainError | None = None
        try:
            self.town.do(command)
        except DomainError as said:
            refusal = said
        if refusal is not None:
            assert refusal.code.startswith("order.")
            assert self._loaded().version == before
        return refusal is None

    @rule(name=_wishes)
    def somebody_does_something_and_does_it_again(self, name: str) -> None:
        command = self._command(name)
        if self._try(command):
            version = self._loaded().version
            self._try(command)
            assert self._loaded().version == version, f"{name} repeated changed something"

    @rule(names=st.lists(_wishes, min_size=2, max_size=5))
    def several_things_come_in_any_order(self, names: list[str]) -> None:
        for command in [self._command(name) for name in names]:
            self._try(command)

    @rule(first=_wishes, second=_wishes)
    def two_decide_at_once_and_one_wins(self, first: str, second: str) -> None:
        seen = self._loaded()
        written = [self._write_on(seen, self._command(name)) for name in (first, second)]
        assert written != [True, True], "two writers won on one version"
        if written[1] is False:
            self._try(self._command(second))

    @rule()
    def somebody_looks_and_falls_asleep(self) -> None:
        self.glimpse = Glimpse(self._loaded())

    @precondition(lambda self: self.glimpse is not None)
    @rule(name=_wishes)
    def the_sleeper_wakes_and_decides_on_what_it_saw(self, name: str) -> None:
        assert self.glimpse is not None
        seen, now = self.glimpse.loaded, self._loaded()
        if self._write_on(seen, self._command(name)):
            assert seen.version == now.version
        else:
            assert self._loaded() == now

    def _write_on(self, seen: Loaded[Order | None], command: ExistingOrderCommand) -> bool | None:
        """Appends what follows for an order seen earlier: True written, False stale, None nothing to write."""
        town = self.town
        try:
            events = decision(command, town.policy)(seen.state)
        except DomainError:
            return None
        if not events:
            return None
        try:
            with town.store.transaction() as tx:
                tx.append(ORDER, ORDER_ID, seen.version, events, town.context())
        except StaleVersion:
            return False
        return True

    @rule(minutes=st.sampled_from([0.1, 1, 2, 5, 20, 130, 24 * 60, 8 * 24 * 60]))
    def time_passes(self, minutes: float) -> None:
        self.town.pass_time(minutes=minutes)

    @rule(which=st.integers(0, 1))
    def a_follower_takes_a_turn(self, which: int) -> None:
        self.town.reactors.followers[which].run(self.town.store)

    @rule(leases_run_out=st.booleans())
    def the_cashier_takes_a_turn(self, leases_run_out: bool) -> None:
        if leases_run_out:
            self.town.desk.leave()
        self.town.cashier.work()

    @rule(away=st.booleans(), forgetful=st.booleans())
    def the_provider_has_a_mood(self, away: bool, forgetful: bool) -> None:
        self.town.provider.away, self.town.provider.forgetful = away, forgetful

    @rule()
    def a_follower_forgets_where_it_was(self) -> None:
        self.town.store.records.positions.clear()

    def _events(self) -> list[e.OrderEvent]:
        with self.town.store.reading() as tx:
            return [
                ORDER_CODEC.decode(row.type, row.schema_version, row.data, tx.vault) for row in tx.stream(ORDER_ID)
            ]

    @invariant()
    def every_state_may_follow_the_one_before_and_there_is_one_end(self) -> None:
        order: Order | None = None
        ended, picked_up, listed = 0, False, _S.PENDING_ACCEPTANCE
        for event in self._events():
            before, order = order, ORDER.evolve(order, event)
            assert order is not None
            if before is not None:
                assert order.state is before.state or (before.state, order.state) in _MOVES
                change = views.amended(event) if isinstance(event, e.Amendment) else views.change_of(event)
                listed = views.state_in_list(listed, change)
            assert listed is order.state, "the list tells another state than the order"
            assert not ended or isinstance(event, _AFTER_THE_END), f"{type(event).__name__} after the end"
            ended += isinstance(event, _ENDS)
            picked_up = picked_up or isinstance(event, e.OrderOutForDelivery)
            assert picked_up or not isinstance(event, e.OrderDelivered), "delivered before picked up"
        assert ended <= 1

    @invariant()
    def no_more_is_given_back_than_was_taken(self) -> None:
        payment = self.town.payment
        if payment is not None:
            assert 0 <= payment.refunded_cents <= payment.captured_cents <= payment.main.amount_cents
            assert sum(payment.balances.values()) == 0
            # The provider does an errand before the ledger can know of it, never the other way round.
            assert payment.captured_cents <= self.town.provider.cents[Errand.CAPTURE]
            assert payment.refunded_cents <= self.town.provider.cents[Errand.REFUND]
        assert self.town.provider.held_cents >= 0

    @invariant()
    def nothing_waits_unwatched_and_what_has_ended_waits_for_reviews_and_the_archive_only(self) -> None:
        state = self.town.order.state
        names = {name for stream_id, name in self.town.store.records.waits if stream_id == ORDER_ID}
        watched = {watch.wait.value for watch in WATCHES[state]}
        if state is _S.ARCHIVED:
            assert names == set()
        else:
            assert names & watched, f"nobody watches an order that is {state.value}"
        if state in ENDED:
            assert names <= {Wait.REVIEW.value, Wait.ARCHIVE.value}

    def teardown(self) -> None:
        """In the end the money is where it belongs."""
        if not hasattr(self, "town"):
            return
        town = self.town
        town.provider.away = town.provider.forgetful = False
        for _ in range(4):
            town.settle()
            town.pass_time(minutes=11)
        town.settle()
        state, held = town.order.state, town.provider.held_cents
        if town.order.ending is not None:
            assert held in (0, getattr(town.order.ending, "fee_cents", 0)), "a cancelled order kept money"
        elif state in (_S.COMPLETED, _S.ARCHIVED):
            assert held == (0 if town.order.refund_granted else 6400)


def _machine_test(machine: type[OrderMachine]) -> Any:
    case = machine.TestCase
    case.settings = settings(
        max_examples=40,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    return case


TestAnyOrderStaysTrue = _machine_test(OrderMachine)


class StartedOrderMachine(OrderMachine):
    """The same from an accepted order on, so that the far end of its life is reached as often as the near one."""

    @initialize(method=st.just("sandbox_ok"))
    def open_the_town(self, method: str) -> None:
        self.town = Town(method)
        self.town.settle()
        self.town.do(w.accept())
        self.town.settle()


TestAnyAcceptedOrderStaysTrue = _machine_test(StartedOrderMachine)
