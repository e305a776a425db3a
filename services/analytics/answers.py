"""What this service's gateway answers with: the board, the KPIs and the archive as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.analytics.domain.board import (
    WINDOW,
    Board,
    Change,
    FeedItem,
    Flag,
    FlowMinute,
    KindFigures,
    OpenOrder,
    RiderCounts,
    red_flags,
)
from services.analytics.domain.kpis import Distribution, Kpis, Ratio, Satisfaction, kpis, kpis_by_kind
from services.analytics.domain.summary import OrderSummary
from services.analytics.domain.timeline import OrderState
from shared.eventstore.model import StoredEvent
from shared.kernel.clock import VirtualClock

FACTS_AT_MOST = 1_000
Position = Annotated[int, Field(ge=0, description="true up to this position of the log")]


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class KpiQuery(Query):
    """Which orders: those placed in [`placed_from`, `placed_until`) of the `kind`; all that is not narrowed down."""

    placed_from: datetime | None = None
    placed_until: datetime | None = None
    kind: Annotated[str, Field(max_length=40, pattern="^[a-z_]+$")] | None = None


class FactsQuery(Query):
    """Which part of the archive: at most `limit` facts after position `after`."""

    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=FACTS_AT_MOST)] = 200


class KpisView(BaseModel):
    """The KPIs of a set of orders, computed from events' own times alone; `kinds` has them for each kind apart."""

    position: Position
    placed_from: datetime | None
    placed_until: datetime | None
    orders: int
    order_processing_minutes: Distribution
    click_to_door_minutes: Distribution
    ready_to_pickup_minutes: Distribution
    exception_ratio: Ratio
    on_time_rate: Ratio
    satisfaction: Satisfaction
    kind: str | None = None
    kinds: dict[str, Kpis] = {}


class OrderOnBoard(BaseModel):
    """An order that has not ended."""

    order_id: str
    state: OrderState
    merchant_id: str | None
    merchant_name: str | None
    rider_id: str | None
    placed_at: datetime
    promised_at: datetime | None
    failed_at: datetime | None
    kind: str


class FeedItemView(BaseModel):
    """One fact that passed by; `until` is when it will be over, where it said so."""

    position: int
    at: datetime
    service: str
    type: str
    subject: str
    order_id: str | None
    rider_id: str | None
    merchant_id: str | None
    merchant_name: str | None
    detail: str | None
    until: datetime | None


class KindView(BaseModel):
    """The orders of one kind: how many stand where, and how they fare."""

    states: dict[OrderState, int]
    kpis: Kpis


class RedFlagView(BaseModel):
    """An open order that failed or is past its promise."""

    order_id: str
    flag: Flag
    late_minutes: int


class Moment(BaseModel):
    """When it was said, so that a page can carry the platform's time on by itself."""

    server_time: datetime
    clock_speed: float


class BoardView(Moment):
    """The whole war room."""

    kind: Literal["snapshot"] = "snapshot"
    position: Position
    window_hours: float
    states: dict[OrderState, int]
    orders: list[OrderOnBoard]
    red_flags: list[RedFlagView]
    riders: RiderCounts
    kpis: Kpis
    kinds: dict[str, KindView]
    flow: list[FlowMinute]
    feed: list[FeedItemView]


class ChangeView(Moment):
    """What turns the board at `after` into the one at `position`; null parts are as they were."""

    kind: Literal["change"] = "change"
    after: Position
    position: Position
    states: dict[OrderState, int] | None
    orders: list[OrderOnBoard]
    gone: list[str]
    riders: RiderCounts | None
    kpis: Kpis | None
    kinds: dict[str, KindView] | None
    flow: list[FlowMinute]
    feed: list[FeedItemView]


class TickView(Moment):
    """A sign of life while nothing changes."""

    position: Position


class FactView(BaseModel):
    """One fact of the archive, as it was told."""

    position: int
    event_id: str
    recorded_here_at: datetime
    fact: dict[str, Any]


class FactsView(BaseModel):
    """A page of the archive; `next` is what to ask for as `after`, null at the end."""

    items: list[FactView]
    next: int | None
    log_position: Position


def kpis_view(query: KpiQuery, position: int, orders: Sequence[OrderSummary]) -> KpisView:
    """`orders` are those placed in the time that was asked for."""
    wanted = [order for order in orders if query.kind in (None, order.kind)]
    all_of_them = kpis(wanted)
    figures = {field.name: getattr(all_of_them, field.name) for field in fields(all_of_them)}
    return KpisView(
        position=position,
        placed_from=query.placed_from,
        placed_until=query.placed_until,
        kind=query.kind,
        kinds=kpis_by_kind(wanted),
        **figures,
    )


def board_view(board: Board, merchants: Mapping[str, str], clock: VirtualClock) -> BoardView:
    now = clock.now()
    return BoardView(
        server_time=now,
        clock_speed=clock.speed,
        position=board.position,
        window_hours=WINDOW / timedelta(hours=1),
        states=dict(board.states),
        orders=[_on_board(order, merchants) for order in board.orders.values()],
        red_flags=[
            RedFlagView(order_id=red.order.order_id, flag=red.flag, late_minutes=red.late_minutes)
            for red in red_flags(board.orders.values(), now)
        ],
        riders=board.riders,
        kpis=board.kpis,
        kinds=_kinds(board.kinds),
        flow=list(board.flow.values()),
        feed=[_feed_item(item, merchants) for item in board.feed],
    )


def change_view(change: Change, merchants: Mapping[str, str], clock: VirtualClock) -> ChangeView:
    return ChangeView(
        server_time=clock.now(),
        clock_speed=clock.speed,
        after=change.after,
        position=change.position,
        states=None if change.states is None else dict(change.states),
        orders=[_on_board(order, merchants) for order in change.orders],
        gone=list(change.gone),
        riders=change.riders,
        kpis=change.kpis,
        kinds=None if change.kinds is None else _kinds(change.kinds),
        flow=list(change.flow),
        feed=[_feed_item(item, merchants) for item in change.feed],
    )


def _on_board(order: OpenOrder, merchants: Mapping[str, str]) -> OrderOnBoard:
    return OrderOnBoard(
        order_id=order.order_id,
        state=order.state,
        merchant_id=order.merchant_id,
        merchant_name=merchants.get(order.merchant_id or ""),
        rider_id=order.rider_id,
        placed_at=order.placed_at,
        promised_at=order.promised_at,
        failed_at=order.failed_at,
        kind=order.kind,
    )


def _kinds(kinds: Mapping[str, KindFigures]) -> dict[str, KindView]:
    return {kind: KindView(states=dict(each.states), kpis=each.kpis) for kind, each in kinds.items()}


def _feed_item(item: FeedItem, merchants: Mapping[str, str]) -> FeedItemView:
    return FeedItemView(merchant_name=merchants.get(item.merchant_id or ""), **asdict(item))


def fact_view(stored: StoredEvent, fact: Mapping[str, Any]) -> FactView:
    return FactView(
        position=stored.position, event_id=stored.event_id, recorded_here_at=stored.recorded_at, fact=dict(fact)
    )
