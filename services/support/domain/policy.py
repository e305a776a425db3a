"""How urgent a trouble is and how long support may take; every span may be set by the operator."""

from dataclasses import dataclass

from services.support.domain.vocabulary import Kind, OrderFacts, Severity, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportPolicy:
    """Spans in seconds of the platform's time. All compensation of an order together is at most
    `compensation_max_cents`, and at most that share of what the order costs."""

    decision_seconds: int = 20 * 60
    outcome_seconds: int = 2 * 3600
    compensation_max_cents: int = 10_000
    compensation_max_percent: int = 100
    currency: str = "CNY"

    def compensation_limit_cents(self, facts: OrderFacts | None) -> int:
        if facts is None or facts.total_cents is None:
            return self.compensation_max_cents
        return min(self.compensation_max_cents, facts.total_cents * self.compensation_max_percent // 100)


_PERSON_AT_RISK = frozenset({"rider_accident", "rider_illness"})
_NEEDS_CARE = frozenset({"address_unsafe", "age_check_failed", "goods_damaged", "goods_missing"})
_OUT_OF_HANDS = frozenset({"with_rider", "left"})


def severity_of(trouble: Trouble, facts: OrderFacts | None, number: int) -> tuple[Severity, tuple[str, ...]]:
    """The most severe of all rules that apply, and the codes of those rules. `number` counts the order's cases."""
    found = [(Severity.P3 if trouble.kind is Kind.COMPLAINT else Severity.P2, trouble.kind.value)]
    if trouble.reason in _PERSON_AT_RISK:
        found.append((Severity.P0, "person_at_risk"))
    if trouble.reason in _NEEDS_CARE:
        found.append((Severity.P1, trouble.reason))
    if trouble.kind is Kind.DELIVERY_FAILED and trouble.goods in _OUT_OF_HANDS:
        found.append((Severity.P1, f"goods_{trouble.goods}"))
    if facts is not None and facts.priority == "medical":
        found.append((Severity.P0, "medical"))
    if facts is not None and facts.priority == "urgent":
        found.append((Severity.P1, "urgent"))
    if number > 1 and trouble.kind is not Kind.COMPLAINT:
        found.append((Severity.P1, "failed_before"))
    if trouble.reason == "customer_refused" and trouble.goods == "returned" and len(found) == 1:
        found = [(Severity.P3, "customer_refused")]
    return min(severity for severity, _ in found), tuple(code for _, code in found)
