"""What a cancellation costs, and whose it is: by part, by percent, or the platform's, to the cent."""

from dataclasses import replace

import pytest

from services.order.domain import events as e
from services.order.domain import paying, sharing
from services.order.domain.fees import Fee, fee_of
from services.order.domain.payment import MoneyBackOwed
from services.order.domain.policy import OrderPolicy
from services.order.domain.values import NO_MERCHANT, By
from tests.unit.order import facts as f
from tests.unit.order.facts import MERCHANT_ID, NOON, ORDER_ID, RIDER
from tests.unit.order.scenario import given
from tests.unit.order.test_payment import GIVE_BACK, captured, done, paid

COOKING, WITH_RIDER = f.COOKING, (*f.COOKING, f.assigned)
SHARED = replace(GIVE_BACK, keep_cents=500, merchant_cents=350, carrier_cents=150, rider_id=RIDER)
MERCHANTS, CARRIERS = f"cancellation_fees_payable:{MERCHANT_ID}", f"cancellation_fees_payable:{RIDER}"


def fee(*story: e.OrderEvent, policy: OrderPolicy | None = None, errand: bool = False) -> Fee:
    order = given(*story).order
    assert order is not None
    if errand:
        order = replace(order, placed=replace(order.placed, merchant_id=NO_MERCHANT))
    return fee_of(order, By.CUSTOMER, policy or OrderPolicy())


def test_by_part_the_goods_are_the_merchants_and_the_way_the_carriers() -> None:
    assert fee(*COOKING) == Fee(2800, 2800, 0)
    assert fee(*WITH_RIDER) == Fee(2950, 2800, 150)


@pytest.mark.parametrize(("percent", "merchant"), [(0, 0), (33, 974), (50, 1475), (100, 2950)])
def test_by_percent_the_odd_cent_is_the_merchants(percent: int, merchant: int) -> None:
    policy = OrderPolicy(cancel_fee_split="by_percent", cancel_fee_merchant_percent=percent)
    assert fee(*WITH_RIDER, policy=policy) == Fee(2950, merchant, 2950 - merchant)


def test_by_percent_who_is_alone_has_all_of_it() -> None:
    policy = OrderPolicy(cancel_fee_split="by_percent")
    assert fee(*COOKING, policy=policy) == Fee(2800, 2800, 0)
    assert fee(*WITH_RIDER, policy=policy, errand=True) == Fee(150, 0, 150)


def test_the_platform_may_keep_it() -> None:
    assert fee(*WITH_RIDER, policy=OrderPolicy(cancel_fee_split="platform")) == Fee(2950, 0, 0)


def test_nobody_pays_for_what_an_errand_has_not_fetched_yet() -> None:
    assert fee(*f.READY, errand=True) == Fee()
    assert fee(*f.READY, f.assigned, errand=True) == Fee(150, 0, 150)


def test_a_fee_never_exceeds_the_order_and_the_goods_come_first() -> None:
    greedy = OrderPolicy(cancel_goods_percent_preparing=900)
    assert fee(*WITH_RIDER, policy=greedy) == Fee(f.TOTALS.total_cents, f.TOTALS.total_cents, 0)


def test_a_kept_fee_is_shared_whether_it_is_taken_or_held_back() -> None:
    reserved = paid()
    reserved.take(SHARED, done("capture"))
    taken = captured()
    taken.take(SHARED, done("refund"))
    assert reserved.balances == taken.balances == {"provider_clearing": 500, MERCHANTS: -350, CARRIERS: -150}


def test_a_fee_of_which_not_all_can_be_kept_fills_the_merchants_share_first() -> None:
    owed = MoneyBackOwed(
        order_id=ORDER_ID, at=NOON, reason="", keep_cents=500, merchant_cents=300, carrier_cents=150, rider_id=RIDER
    )
    shares = [sharing.shares(owed, cents) for cents in (0, 200, 300, 400, 450, 500)]
    assert shares == [(0, 0), (200, 0), (300, 0), (300, 100), (300, 150), (300, 150)]


def test_a_fee_from_before_there_was_a_policy_stays_with_the_platform() -> None:
    ledger = captured()
    ledger.take(
        paying.GiveMoneyBack(order_id=ORDER_ID, reason="changed_mind", keep_cents=500, at=NOON), done("refund")
    )
    assert ledger.balances == {"provider_clearing": 500, "cancellation_fees": -500}
