"""How soon somebody must look at a case, and why."""

from dataclasses import replace

import pytest

from services.support.domain.policy import severity_of
from services.support.domain.vocabulary import Kind, Severity, Trouble
from tests.unit.support.story import FACTS

P0, P1, P2, P3 = Severity


def failed(reason: str, goods: str = "returned") -> Trouble:
    return Trouble(kind=Kind.DELIVERY_FAILED, reason=reason, goods=goods)


NOBODY = Trouble(kind=Kind.UNDELIVERABLE, reason="no_rider", goods="not_collected")
COMPLAINT = Trouble(kind=Kind.COMPLAINT, reason="cold_food", goods="")


@pytest.mark.parametrize(
    ("trouble", "priority", "number", "expected", "because"),
    [
        (failed("rider_accident"), "normal", 1, P0, "person_at_risk"),
        (failed("rider_illness"), "normal", 1, P0, "person_at_risk"),
        (failed("address_wrong"), "medical", 1, P0, "medical"),
        (failed("address_wrong", "with_rider"), "normal", 1, P1, "goods_with_rider"),
        (failed("address_wrong", "left"), "normal", 1, P1, "goods_left"),
        (failed("address_unsafe"), "normal", 1, P1, "address_unsafe"),
        (failed("goods_damaged"), "normal", 1, P1, "goods_damaged"),
        (failed("address_wrong"), "urgent", 1, P1, "urgent"),
        (failed("address_wrong"), "normal", 2, P1, "failed_before"),
        (failed("address_wrong"), "normal", 1, P2, "delivery_failed"),
        (NOBODY, "normal", 1, P2, "undeliverable"),
        (failed("customer_refused"), "normal", 1, P3, "customer_refused"),
        (COMPLAINT, "normal", 3, P3, "complaint"),
        (COMPLAINT, "medical", 1, P0, "medical"),
    ],
)
def test_the_most_severe_rule_decides(
    trouble: Trouble, priority: str, number: int, expected: Severity, because: str
) -> None:
    severity, reasons = severity_of(trouble, replace(FACTS, priority=priority), number)
    assert severity is expected
    assert because in reasons


def test_a_trouble_of_an_unknown_order_is_judged_by_itself() -> None:
    assert severity_of(failed("address_wrong"), None, 1) == (P2, ("delivery_failed",))


def test_severity_rises_step_by_step_up_to_the_most_urgent() -> None:
    assert [severity.raised() for severity in Severity] == [P0, P0, P1, P2]
