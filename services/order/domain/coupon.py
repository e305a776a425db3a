"""Coupons: what one takes off, for whom and until when, and the books that let each use happen exactly once.

A coupon's own stream holds its terms and, where the uses of everybody together are limited, each of them. How often
one customer has used it is a small stream of its own, so that a popular coupon is no bottleneck. Both are written in
the transaction that places the order: two orders that want the last use cannot both have it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from shared.kernel.errors import DomainError, Fault

_PERCENT = 100
FIELD = "coupon"


class CouponAlreadyIssued(DomainError):
    code = "coupon.already_issued"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerms:
    """`percent` of the price or `fixed_cents`, at most `ceiling_cents`; from a price of `minimum_cents` on.

    `merchant_ids` and `kinds` narrow what it is for; empty means everything. `uses_max` None: no limit for all
    customers together.
    """

    code: str
    percent: int = 0
    fixed_cents: int = 0
    ceiling_cents: int | None = None
    minimum_cents: int = 0
    valid_from: datetime
    valid_until: datetime
    uses_per_customer: int = 1
    uses_max: int | None = None
    merchant_ids: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def discount_cents(self, price_cents: int) -> int:
        """What it takes off a price: a whole number of cents, in the customer's favour never above the price."""
        cents = self.fixed_cents or price_cents * self.percent // _PERCENT
        ceiling = price_cents if self.ceiling_cents is None else min(price_cents, self.ceiling_cents)
        return max(0, min(cents, ceiling))


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponIssued:
    terms: CouponTerms
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponClaimed:
    """One of the limited uses is gone."""

    order_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponReleased:
    """The order of a limited use came to nothing: the use is there again."""

    order_id: str
    at: datetime


CouponEvent = CouponIssued | CouponClaimed | CouponReleased


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    terms: CouponTerms
    claims: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponRedeemed:
    """A customer used a coupon for an order."""

    order_id: str
    discount_cents: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponGivenBack:
    order_id: str
    at: datetime


UseEvent = CouponRedeemed | CouponGivenBack


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """The orders that one customer has used one coupon for."""

    orders: frozenset[str] = field(default_factory=frozenset)


def evolve(coupon: Coupon | None, event: CouponEvent) -> Coupon | None:
    if isinstance(event, CouponIssued):
        return Coupon(terms=event.terms)
    if coupon is None:
        raise ValueError("a coupon begins with its terms")
    match event:
        case CouponClaimed():
            return replace(coupon, claims=coupon.claims | {event.order_id})
        case CouponReleased():
            return replace(coupon, claims=coupon.claims - {event.order_id})
        case _:
            assert_never(event)


def evolve_uses(uses: Uses, event: UseEvent) -> Uses:
    match event:
        case CouponRedeemed():
            return Uses(orders=uses.orders | {event.order_id})
        case CouponGivenBack():
            return Uses(orders=uses.orders - {event.order_id})
        case _:
            assert_never(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCoupon:
    terms: CouponTerms
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveCouponBack:
    """The order came to nothing: whatever coupon it used can be used again. Never refused."""

    order_id: str
    at: datetime


CouponCommand = IssueCoupon | GiveCouponBack


def issue(command: IssueCoupon, coupon: Coupon | None) -> list[CouponEvent]:
    """Issues once: the same terms again change nothing, others under the same code are refused."""
    if coupon is None:
        return [CouponIssued(terms=command.terms, at=command.at)]
    if coupon.terms == command.terms:
        return []
    raise CouponAlreadyIssued("another coupon has this code", coupon=command.terms.code)


def claim(coupon: Coupon | None, order_id: str, at: datetime) -> list[CouponEvent]:
    """Takes one of the limited uses; nothing to take where there is no limit."""
    if coupon is None or coupon.terms.uses_max is None or order_id in coupon.claims:
        return []
    return [CouponClaimed(order_id=order_id, at=at)]


def redeem(uses: Uses, order_id: str, discount_cents: int, at: datetime) -> list[UseEvent]:
    if order_id in uses.orders:
        return []
    return [CouponRedeemed(order_id=order_id, discount_cents=discount_cents, at=at)]


def release(coupon: Coupon | None, order_id: str, at: datetime) -> list[CouponEvent]:
    if coupon is None or order_id not in coupon.claims:
        return []
    return [CouponReleased(order_id=order_id, at=at)]


def give_back(uses: Uses, order_id: str, at: datetime) -> list[UseEvent]:
    """The order came to nothing that the customer had: the coupon can be used again, while it is valid."""
    return [CouponGivenBack(order_id=order_id, at=at)] if order_id in uses.orders else []


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponWish:
    """What a coupon is wanted for. `price_cents` None: the basket has faults of its own and no price."""

    order_id: str
    merchant_id: str
    kind: str
    price_cents: int | None
    now: datetime


def faults_of(coupon: Coupon | None, uses: Uses, wish: CouponWish) -> Iterator[Fault]:
    """Why a coupon cannot be used; empty when it can."""
    if coupon is None:
        yield Fault(FIELD, "unknown_coupon", "there is no such coupon")
        return
    terms = coupon.terms
    if wish.now < terms.valid_from:
        yield Fault(FIELD, "coupon_not_yet_valid", f"the coupon is valid from {terms.valid_from.isoformat()}")
    if wish.now >= terms.valid_until:
        yield Fault(FIELD, "coupon_expired", f"the coupon was valid until {terms.valid_until.isoformat()}")
    if terms.merchant_ids and wish.merchant_id not in terms.merchant_ids:
        yield Fault(FIELD, "coupon_not_for_merchant", "the coupon is not for this merchant")
    if terms.kinds and wish.kind not in terms.kinds:
        yield Fault(FIELD, "coupon_not_for_kind", "the coupon is not for this kind of order")
    if wish.price_cents is not None and wish.price_cents < terms.minimum_cents:
        yield Fault(FIELD, "coupon_minimum_not_reached", f"the coupon is for {terms.minimum_cents} cents or more")
    if _used_up(coupon, uses, wish.order_id):
        yield Fault(FIELD, "coupon_used_up", "the coupon cannot be used again")


def _used_up(coupon: Coupon, uses: Uses, order_id: str) -> bool:
    terms = coupon.terms
    mine = len(uses.orders - {order_id}) >= terms.uses_per_customer
    return mine or (terms.uses_max is not None and len(coupon.claims - {order_id}) >= terms.uses_max)
