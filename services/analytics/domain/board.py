"""The war room's picture of the operation, and what changed between two of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.analytics.domain.events import FactRecorded
from services.analytics.domain.kpis import Kpis, kpis, kpis_by_kind
from services.analytics.domain.riders import Rider
from services.analytics.domain.summary import OrderSummary
from services.analytics.domain.timeline import FOOD, OrderState

WINDOW = timedelta(hours=24)
"""Orders that ended are counted on the board while they were placed within this span."""
FLOW_MINUTES = 60
FEED_LENGTH = 40

NOTEWORTHY = frozenset(
    {
        "OrderPlaced",
        "OrderAccepted",
        "OrderRejected",
        "OrderReady",
        "OrderCancelled",
        "OrderReviewed",
        "PaymentFailed",
        "RefundIssued",
        "PreparationLate",
        "OrderStalled",
        "OrderReinstated",
        "MerchantReminded",
        "MerchantPaused",
        "MerchantResumed",
        "WithdrawalRequested",
        "RiderAssigned",
        "RiderUnassigned",
        "DeliveryOpenedForGrab",
        "DispatcherNeeded",
        "PickedUp",
        "Delivered",
        "DeliveryFailed",
        "DeliveryUndeliverable",
        "DeliveryWithdrawn",
        "GoodsReturned",
        "ShiftStarted",
        "ShiftEnded",
        "RiderWentSilent",
        "DelayPredicted",
        "RoadDisrupted",
        "DisruptionLifted",
        "SurgeBegan",
        "SurgeEnded",
        "AlertRaised",
        "AlertEscalated",
        "CaseOpened",
        "RedispatchRequested",
        "CaseClosed",
    }
)
"""Facts that a person in the war room wants to see pass; the rest is in the archive."""


class Flag(StrEnum):
    """Why an order is red."""

    FAILED = "failed"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that has not ended. `failed_at` is set while it is in exception; whether it is late depends on the
    clock, so that is asked, not kept."""

    order_id: str
    state: OrderState
    merchant_id: str | None
    rider_id: str | None
    placed_at: datetime
    promised_at: datetime | None
    failed_at: datetime | None
    kind: str = FOOD


@dataclass(frozen=True, slots=True)
class KindFigures:
    """The orders of one kind: how many stand where, and how they fare."""

    states: Mapping[OrderState, int]
    kpis: Kpis


@dataclass(frozen=True, slots=True)
class RedFlag:
    """An order that needs a look, and how many minutes it is past its promise (0 when it is not)."""

    order: OpenOrder
    flag: Flag
    late_minutes: int


@dataclass(frozen=True, slots=True)
class RiderCounts:
    """Riders on shift, and of those: without and with a delivery in hand, and not heard of."""

    on_shift: int = 0
    free: int = 0
    busy: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True)
class FlowMinute:
    """What happened within one minute."""

    minute: datetime
    placed: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One fact that passed by. `until` is when it will be over, where it said so."""

    position: int
    at: datetime
    service: str
    type: str
    subject: str
    order_id: str | None
    rider_id: str | None
    detail: str | None
    merchant_id: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The operation after the first `position` facts. `feed` is newest first, `kinds` those there are orders of."""

    position: int
    states: Mapping[OrderState, int]
    orders: Mapping[str, OpenOrder]
    riders: RiderCounts
    kpis: Kpis
    kinds: Mapping[str, KindFigures]
    flow: Mapping[datetime, FlowMinute]
    feed: Sequence[FeedItem]


@dataclass(frozen=True, slots=True)
class Change:
    """What turns the board at `after` into the one at `position`; None: that part is as it was."""

    after: int
    position: int
    states: Mapping[OrderState, int] | None
    orders: Sequence[OpenOrder]
    gone: Sequence[str]
    riders: RiderCounts | None
    kpis: Kpis | None
    kinds: Mapping[str, KindFigures] | None
    flow: Sequence[FlowMinute]
    feed: Sequence[FeedItem]


def within_window(summary: OrderSummary, now: datetime) -> bool:
    """Whether the board still shows this order: it is open, or was placed lately."""
    return not summary.ended or summary.placed_at > now - WINDOW


def board(
    position: int,
    summaries: Iterable[OrderSummary],
    riders: Iterable[Rider],
    feed: Sequence[FeedItem],
    now: datetime,
) -> Board:
    """Puts the picture together from its parts as they were after the fact at `position`."""
    orders = [summary for summary in summaries if within_window(summary, now)]
    opened = {order.order_id: _open(order) for order in orders if not order.ended}
    carrying = {order.rider_id for order in opened.values() if order.rider_id is not None}
    return Board(
        position=position,
        states=Counter(order.state for order in orders),
        orders=opened,
        riders=_count(riders, carrying),
        kpis=kpis(orders),
        kinds=_kinds(orders),
        flow=_flow(orders, now),
        feed=tuple(feed[:FEED_LENGTH]),
    )


def _kinds(orders: Sequence[OrderSummary]) -> dict[str, KindFigures]:
    return {
        kind: KindFigures(Counter(order.state for order in orders if order.kind == kind), figures)
        for kind, figures in kpis_by_kind(orders).items()
    }


def _open(order: OrderSummary) -> OpenOrder:
    return OpenOrder(
        order.order_id,
        order.state,
        order.merchant_id,
        order.rider_id,
        order.placed_at,
        order.promised_at,
        order.failed_at if order.failing else None,
        order.kind,
    )


def _count(riders: Iterable[Rider], carrying: set[str]) -> RiderCounts:
    on_shift = [rider for rider in riders if rider.on_shift]
    silent = sum(rider.silent for rider in on_shift)
    busy = sum(rider.rider_id in carrying and not rider.silent for rider in on_shift)
    return RiderCounts(len(on_shift), len(on_shift) - busy - silent, busy, silent)


def _flow(orders: Iterable[OrderSummary], now: datetime) -> dict[datetime, FlowMinute]:
    oldest = minute_of(now) - timedelta(minutes=FLOW_MINUTES - 1)
    placed: Counter[datetime] = Counter()
    delivered: Counter[datetime] = Counter()
    failed: Counter[datetime] = Counter()
    for order in orders:
        for counter, at in ((placed, order.placed_at), (delivered, order.delivered_at), (failed, order.failed_at)):
            if at is not None and at >= oldest:
                counter[minute_of(at)] += 1
    return {
        minute: FlowMinute(minute, placed[minute], delivered[minute], failed[minute])
        for minute in sorted(placed.keys() | delivered.keys() | failed.keys())
    }


def minute_of(moment: datetime) -> datetime:
    """The start of the minute that holds a moment."""
    return moment.replace(second=0, microsecond=0)


def red_flags(orders: Iterable[OpenOrder], now: datetime) -> list[RedFlag]:
    """Open orders that failed or are past their promise, the worst first.

    An order that the rider has delivered has ended, so whatever is open and past its promise is late.
    """
    flagged = []
    for order in orders:
        late = _late_minutes(order, now)
        if order.failed_at is not None:
            flagged.append(RedFlag(order, Flag.FAILED, late))
        elif order.promised_at is not None and order.promised_at < now:
            flagged.append(RedFlag(order, Flag.LATE, late))
    return sorted(flagged, key=lambda red: (red.flag is Flag.LATE, -red.late_minutes, red.order.order_id))


def _late_minutes(order: OpenOrder, now: datetime) -> int:
    if order.promised_at is None or order.promised_at >= now:
        return 0
    return int((now - order.promised_at).total_seconds() // 60)


def feed_item(position: int, fact: FactRecorded) -> FeedItem | None:
    """A fact as a line of the feed; None when nobody in the war room would miss it."""
    if fact.type not in NOTEWORTHY:
        return None
    detail = fact.text("reason") or fact.text("mode") or fact.text("kind") or fact.text("outcome")
    return FeedItem(
        position,
        fact.time,
        fact.service,
        fact.type,
        fact.subject,
        fact.order_id,
        fact.rider_id,
        detail,
        fact.text("merchant_id"),
        fact.moment("until"),
    )


def difference(before: Board, after: Board) -> Change:
    """What a page that shows `before` must be told to show `after`."""
    return Change(
        after=before.position,
        position=after.position,
        states=None if before.states == after.states else after.states,
        orders=[order for key, order in after.orders.items() if before.orders.get(key) != order],
        gone=sorted(before.orders.keys() - after.orders.keys()),
        riders=None if before.riders == after.riders else after.riders,
        kpis=None if before.kpis == after.kpis else after.kpis,
        kinds=None if before.kinds == after.kinds else after.kinds,
        flow=[flow for minute, flow in after.flow.items() if before.flow.get(minute) != flow],
        feed=[item for item in after.feed if item.position > before.position],
    )
