"""The table of an order's life says what the decisions do, cell by cell, and promises nothing that never happens."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from services.order.application import ExistingOrderCommand
from services.order.domain import events as e
from services.order.domain.deadlines import waits_of
from services.order.domain.lifecycle import Moves, Refused, Row, Same
from services.order.domain.policy import OrderPolicy
from services.order.domain.timeouts import TIME_ROWS
from services.order.domain.transitions import PEOPLES_ROWS, ROWS, row_of
from services.order.domain.values import By, Goods, OrderState, Wait
from services.order.domain.watching import WATCHES, owner_of
from services.order.gateway import OrderGateway
from services.order.lifecycle_page import PAGE, render
from shared.gateway.route import routes_of
from shared.kernel.deadlines import SetDeadline
from shared.kernel.errors import DomainError
from tests.unit.order import facts as f
from tests.unit.order import wishes as w
from tests.unit.order.scenario import POLICY, Given, given, told

_S = OrderState
Story = tuple[e.OrderEvent, ...]


def _withdrawing(story: Story) -> Story:
    return (*story, f.assigned, f.withdrawing)


HELD = replace(f.reviewed, held_for=("link",), decide_by=f.after(days=2))
LENIENT = OrderPolicy(address_change_after_pickup=True)

STORIES: dict[OrderState, tuple[Story, ...]] = {
    _S.PENDING_ACCEPTANCE: ((f.placed,), f.PAID, f.SCHEDULED, (f.errand_placed,), f.ERRAND_SCHEDULED),
    _S.ACCEPTED: (f.ACCEPTED, f.ASSIGNED, (*f.ACCEPTED, f.late)),
    _S.PREPARING: (f.COOKING, (*f.COOKING, f.assigned), (*f.COOKING, f.late)),
    _S.READY: (f.QUEUEING, f.GATHERING, f.READY, (*f.READY, f.assigned)),
    _S.DELIVERING: (f.ON_THE_WAY,),
    _S.DELIVERED: (f.DELIVERED,),
    _S.DELIVERY_EXCEPTION: (
        f.FAILED,
        f.UNDELIVERABLE,
        (*f.ACCEPTED, f.undeliverable),
        (*f.COOKING, f.undeliverable),
        (*f.FAILED, f.returning, f.brought_back),
        (*f.DELIVERED, f.undelivered),
    ),
    _S.RETURNING: (
        (*f.FAILED, f.returning),
        (*f.ACCEPTED, f.assigned, f.failed_at_counter, f.returning),
        (*f.COOKING, f.assigned, f.failed_at_counter, f.returning),
    ),
    _S.COMPLETED: (f.COMPLETED, (*f.COMPLETED, f.reviewed), (*f.COMPLETED, f.review_closed), (*f.COMPLETED, HELD)),
    _S.CANCELLING: (
        f.CANCELLING,
        _withdrawing(f.QUEUEING),
        _withdrawing(f.GATHERING),
        _withdrawing(f.COOKING),
        _withdrawing(f.READY),
        (*f.ON_THE_WAY, f.withdrawing),
        *((*story, f.withdrawing_for_the_last_time) for story in (f.ASSIGNED, f.ON_THE_WAY)),
        *((*story, f.assigned, f.withdrawing_for_the_last_time) for story in (f.COOKING, f.READY)),
    ),
    _S.CANCELLED: (f.CANCELLED, (*f.CANCELLED, f.taken)),
    _S.REJECTED: (f.REJECTED,),
    _S.ARCHIVED: (f.ARCHIVED, (*f.COMPLETED, f.reviewed, f.archived)),
}
"""The different ways to be in each state."""

WISHES: Sequence[ExistingOrderCommand] = (
    w.accept(),
    w.accept(3 * w.DAY),
    w.reject(),
    w.extend(),
    w.extend(10),
    w.extend(3 * w.DAY),
    w.start(),
    w.mark_ready(),
    *(w.cancel(by) for by in (By.CUSTOMER, By.MERCHANT, By.SUPPORT, By.OPERATIONS)),
    w.confirm(),
    w.review(),
    w.review(merchant=1),
    w.review(at=20 * w.DAY),
    w.correct(),
    w.moderate(),
    w.moderate(publish=True),
    w.move(),
    w.move(w.FAR),
    w.move_out_of_reach(),
    w.reorder(),
    w.reorder(800),
    w.correct(_S.DELIVERED),
    w.paid(),
    w.unpaid(),
    w.rider_assigned(),
    w.rider_assigned(f.OTHER_RIDER),
    w.rider_unassigned(),
    w.at_pickup(),
    w.stop_collected(),
    w.picked_up(),
    w.picked_up(late=True),
    w.delivered(),
    w.failed(),
    w.failed(Goods.NOT_COLLECTED),
    w.undeliverable(),
    w.withdrawn(),
    w.withdrawal_refused(),
    w.return_opened(),
    w.goods_returned(),
    w.redispatch(),
    w.support_cancels(),
    *(w.time_is_up(wait) for wait in Wait),
)


def of(row: Row) -> list[ExistingOrderCommand]:
    return [wish for wish in WISHES if row_of(wish) is row]


def outcomes(
    row: Row, state: OrderState
) -> list[tuple[Given, ExistingOrderCommand, list[e.OrderEvent] | DomainError]]:
    return [
        (before, wish, before.when(wish).outcome_or_refusal())
        for story, wish, policy in product(lived(state), of(row), (POLICY, LENIENT))
        for before in [given(*story).under(policy)]
    ]


@pytest.mark.parametrize("state", list(OrderState))
def test_every_story_tells_of_its_state(state: OrderState) -> None:
    for story in STORIES[state]:
        order = given(*story).order
        assert order is not None
        assert order.state is state


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_is_tried(row: Row) -> None:
    assert of(row)


def test_every_wait_has_its_row() -> None:
    assert set(TIME_ROWS) == set(Wait)


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_table_does_not_lie(row: Row, state: OrderState) -> None:
    cell = row.cells[state]
    reached: set[OrderState] = set()
    refused: set[type[DomainError]] = set()
    for before, wish, outcome in outcomes(row, state):
        if isinstance(outcome, DomainError):
            refused.add(type(outcome))
        elif outcome:
            order = Given((*before.facts, *outcome)).order
            assert order is not None
            reached.add(order.state)
        else:
            assert not isinstance(cell, Refused), f"{wish} was let go and not refused"
    match cell:
        case Moves():
            assert reached == cell.to
            assert refused == set(cell.unless)
        case Same():
            assert (reached, refused) == (set(), set())
        case Refused():
            assert reached == set()
            assert refused == {row.refusal(state)}


def test_every_impossible_transition_has_a_code_of_its_own_and_names_its_family() -> None:
    refusals = [(row, state, refusal) for row in ROWS for state in OrderState if (refusal := row.refusal(state))]
    assert len({refusal.code for _, _, refusal in refusals}) == len(refusals)
    for row, state, refusal in refusals:
        [(_, _, said)] = outcomes(row, state)[:1]
        assert isinstance(said, DomainError)
        assert said.facts["state"] == state.value
        assert said.facts["why"] == refusal.__mro__[1].code  # type: ignore[attr-defined]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_only_people_are_refused(row: Row) -> None:
    assert row.by_people or not row.refusals()


@pytest.mark.parametrize("row", PEOPLES_ROWS, ids=lambda row: row.name)
def test_the_route_of_a_row_is_for_those_whom_the_table_names_and_documents_its_refusals(row: Row) -> None:
    [spec] = [each for each in routes_of(OrderGateway) if each.path.endswith(f"<order_id>/{row.name}")]
    assert spec.roles == row.roles
    assert set(row.refusals()) <= set(spec.refusals)


def armed(story: Story) -> set[str]:
    """The waits that are open after a story."""
    waits: set[str] = set()
    for event in story:
        for change in waits_of(event):
            (waits.add if isinstance(change, SetDeadline) else waits.discard)(change.name)
    return waits


@pytest.mark.parametrize("state", [state for state in OrderState if state is not _S.ARCHIVED])
def test_no_state_but_the_last_lacks_a_deadline_and_an_owner(state: OrderState) -> None:
    assert owner_of(state) is not None
    for watch in WATCHES[state]:
        assert POLICY.span(watch.span) > timedelta(0)
        assert not isinstance(TIME_ROWS[watch.wait].cells[state], Refused)
    for story in lived(state):
        assert armed(story) & {watch.wait.value for watch in WATCHES[state]}, story[-1]


def test_an_archived_order_waits_for_nothing() -> None:
    assert not any(armed(story) for story in lived(_S.ARCHIVED))


def lived(state: OrderState) -> list[Story]:
    """The stories of a state as today's decisions tell them, with the deadlines that old facts do not carry."""
    return [retold(story) for story in STORIES[state]]


def retold(story: Story) -> Story:
    return tuple(_with_deadlines(event) for event in story)


def _with_deadlines(event: Any) -> Any:
    soon = f.after(hours=1)
    return replace(event, **{name: soon for name in ("stalled_at", "remind_at", "archive_at") if _lacks(event, name)})


def _lacks(event: e.OrderEvent, name: str) -> bool:
    return hasattr(event, name) and getattr(event, name) is None


def test_who_owns_the_next_step_is_called_again_after_twice_as_long() -> None:
    waiting = given(*retold(f.READY))
    called = waiting.when(w.time_is_up(Wait.NEXT_STEP, at=90)).then(
        told(e.OrderStalled, owner="dispatch", times=1, again_at=f.after(minutes=180, seconds=1))
    )
    called.when(w.time_is_up(Wait.NEXT_STEP, at=179)).then_nothing()
    called.when(w.time_is_up(Wait.NEXT_STEP, at=181)).then(
        told(e.OrderStalled, times=2, again_at=f.after(minutes=361, seconds=1))
    )


def test_a_customer_is_reminded_once_to_confirm() -> None:
    remind_at = f.after(hours=2, seconds=1)
    there = given(*f.ON_THE_WAY).when(w.delivered()).then(told(e.OrderDelivered, remind_at=remind_at))
    asked = there.when(w.time_is_up(Wait.CONFIRMATION_REMINDER)).then(e.ConfirmationReminded)
    asked.when(w.confirm()).then(e.OrderConfirmed, e.OrderCompleted, e.DeliveryContactWithdrawn)


def test_no_reminder_comes_after_the_confirmation_by_time() -> None:
    hasty = given(*f.ON_THE_WAY).under(OrderPolicy(confirmation_seconds=60))
    hasty.when(w.delivered()).then(told(e.OrderDelivered, remind_at=None))


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render()
