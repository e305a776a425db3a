"""A customer is forgotten when nobody stands before their door, or when they insist; and as often as they ask."""

from dataclasses import replace

import pytest

from services.order.domain.customer import Customer, CustomerForgotten, ForgetCustomer, HasOpenOrders, evolve, forget
from tests.unit.order.facts import CUSTOMER, NOON, ORDER_ID

ask = ForgetCustomer(customer_id=CUSTOMER, open_orders=(), shared=(), even_with_open_orders=False, at=NOON)
forgotten = CustomerForgotten(customer_id=CUSTOMER, order_ids=(), at=NOON)


def test_a_customer_without_open_orders_is_forgotten() -> None:
    assert forget(ask, Customer()) == [forgotten]


def test_an_open_order_is_a_reason_to_wait() -> None:
    with pytest.raises(HasOpenOrders) as refusal:
        forget(replace(ask, open_orders=(ORDER_ID,)), Customer())
    assert refusal.value.facts["orders"] == [ORDER_ID]


def test_a_customer_who_insists_is_forgotten_and_the_others_are_told_which_contacts_to_drop() -> None:
    insisting = replace(ask, open_orders=(ORDER_ID,), shared=(ORDER_ID,), even_with_open_orders=True)
    assert forget(insisting, Customer()) == [replace(forgotten, order_ids=(ORDER_ID,))]


def test_asking_twice_changes_nothing() -> None:
    after = evolve(Customer(), forgotten)
    assert forget(ask, after) == []


def test_what_was_told_since_is_taken_back_too() -> None:
    after = evolve(Customer(), forgotten)
    assert forget(replace(ask, shared=(ORDER_ID,)), after) == [replace(forgotten, order_ids=(ORDER_ID,))]
