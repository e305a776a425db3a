"""An order on real PostgreSQL: races that have one winner, changes that move money, and an archive that keeps."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from services.order import searching, views
from services.order.amending_orders import perform_change_address, perform_change_items
from services.order.codec import ORDER
from services.order.domain.commands import Wanted
from services.order.domain.errors import PriceChanged
from services.order.domain.values import By, OrderState, Wait
from shared.kernel.place import Place
from tests.integration.test_order_store import of, race
from tests.support.database import Database
from tests.support.order_service import Service, serving
from tests.unit.order import wishes as w
from tests.unit.order.facts import HOME

ROUNDS = 6


@pytest.fixture(scope="module")
def service(database: Database) -> Iterator[Service]:
    with serving(database) as started:
        yield started


ON_THE_COUNTER = (w.accept(), w.mark_ready(), w.rider_assigned())
ON_THE_WAY = (*ON_THE_COUNTER, w.picked_up())


@pytest.mark.parametrize(
    ("before", "racers", "one_of"),
    [
        (ON_THE_COUNTER[:2], (w.cancel(), w.picked_up()), {"OrderCancelled", "OrderOutForDelivery"}),
        (ON_THE_COUNTER[:2], (w.cancel(), w.rider_assigned()), {"OrderCancelled", "OrderRiderAssigned"}),
        ((*ON_THE_COUNTER, w.cancel()), (w.withdrawn(), w.delivered()), {"OrderCancelled", "OrderDelivered"}),
        (ON_THE_WAY, (w.cancel(), w.delivered(), w.cancel(By.SUPPORT)), {"OrderDelivered"}),
        (ON_THE_COUNTER[:2], (w.move(), w.picked_up()), {"OrderOutForDelivery"}),
        ((*ON_THE_WAY, w.delivered()), (w.confirm(), w.correct()), {"OrderConfirmed", "OrderReinstated"}),
        (
            (*ON_THE_WAY, w.delivered()),
            (w.correct(), w.time_is_up(Wait.CONFIRMATION)),
            {"OrderConfirmed", "OrderReinstated"},
        ),
    ],
    ids=[
        "cancel-pickup",
        "cancel-rider",
        "withdrawal-delivery",
        "cancel-delivery",
        "move-pickup",
        "confirm-correct",
        "time-correct",
    ],
)
def test_a_race_has_exactly_one_winner(
    service: Service, before: Sequence[Any], racers: Sequence[Any], one_of: set[str]
) -> None:
    for _ in range(ROUNDS):
        order_id = service.paid()
        for command in before:
            service.do(of(order_id, command))
        seen = len(service.types(order_id))
        race(service, order_id, *racers)
        fresh = service.types(order_id)[seen:]
        winners = [name for name in fresh if name in one_of]
        assert len(winners) == 1 or winners == ["OrderRiderAssigned", "OrderCancelled"], fresh
        assert len({"OrderCancelled", "OrderDelivered"} & set(service.types(order_id))) <= 1


def test_a_further_door_is_paid_for_once_it_is_agreed_to(service: Service) -> None:
    order_id = service.paid()
    before = service.order(order_id).placed.totals.total_cents
    far = of(order_id, w.move(replace(w.NEARBY, place=Place(HOME.lat + 0.02, HOME.lon))))

    def move(command: Any) -> Any:
        return service.store.run(lambda tx: perform_change_address(tx, command, service.context(), service.policy))

    with pytest.raises(PriceChanged) as told:
        move(far)
    total = told.value.facts["total_cents"]
    assert total > before
    move(replace(far, expected_total_cents=total))
    service.settle()
    service.do(of(order_id, w.accept()))
    service.settle()
    [row] = [each for each in listed(service) if each.order_id == order_id]
    assert row.total_cents == total
    assert captured_cents(service, order_id) == total


def test_other_items_are_priced_by_the_menu_of_now(service: Service) -> None:
    order_id = service.paid()

    def order(expected: int | None) -> Any:
        wanted = (Wanted(sku="tea", quantity=3),)
        now = service.clock.now()
        return service.store.run(
            lambda tx: perform_change_items(tx, order_id, wanted, expected, now, service.context(), service.policy)
        )

    with pytest.raises(PriceChanged) as told:
        order(None)
    done = order(told.value.facts["total_cents"])
    assert [(line.sku, line.quantity) for line in done.state.placed.lines] == [("tea", 3)]
    service.settle()
    service.do(of(order_id, w.accept()))
    service.settle()
    assert captured_cents(service, order_id) == told.value.facts["total_cents"]


def captured_cents(service: Service, order_id: str) -> int:
    from services.order.codec import PAYMENT
    from services.order.outbound import payment_id_of

    payment = service.store.load(PAYMENT, payment_id_of(order_id)).state
    assert payment is not None
    return int(payment.captured_cents)


def listed(service: Service, *states: str) -> list[views.OrderRow]:
    return searching.list_orders(service.store, searching.OrderFilter(everybody=True, states=states), None, 500)


def test_what_is_archived_is_still_listed_read_and_told_in_full(service: Service, database: Database) -> None:
    delivered, called_off = service.paid(), service.paid()
    for command in (*ON_THE_WAY, w.delivered(), w.confirm(), w.review()):
        service.do(of(delivered, command))
        service.settle()
    service.do(of(called_off, w.cancel()))
    service.settle()
    service.clock.advance(timedelta(days=31))
    while service.due():
        service.settle()
    service.settle()
    rows = {row.order_id: (row.state, row.ended_as) for row in listed(service, "archived")}
    assert rows[delivered] == ("archived", "completed")
    assert rows[called_off] == ("archived", "cancelled")
    order = service.order(delivered)
    assert order.state is OrderState.ARCHIVED
    assert order.review is not None
    assert service.types(delivered)[0] == "OrderPlaced"
    assert service.store.load(ORDER, delivered).version == len(service.types(delivered))
    with psycopg.connect(database.url("order")) as connection:
        found = connection.execute(
            "SELECT DISTINCT tableoid::regclass::text FROM order_list WHERE order_id = ANY(%s)",
            ([delivered, called_off],),
        ).fetchall()
    assert all(name.startswith("order_list_2") for (name,) in found)


def test_an_old_order_lies_in_the_partition_of_its_year(database: Database) -> None:
    old = "ord_018cc300-0000-7000-8000-000000000001"
    with psycopg.connect(database.url("order")) as connection:
        connection.execute(
            "INSERT INTO order_list (order_id, customer_id, merchant_id, merchant_name, kind, state, payment_state,"
            " item_count, total_cents, currency, placed_at, promised_at, version)"
            " SELECT %s, customer_id, merchant_id, merchant_name, kind, 'archived', payment_state, item_count,"
            " total_cents, currency, placed_at, promised_at, version FROM order_list LIMIT 1",
            (old,),
        )
        row = connection.execute(
            "SELECT tableoid::regclass::text FROM order_list WHERE order_id = %s", (old,)
        ).fetchone()
        assert row == ("order_list_2024",)
        connection.rollback()
