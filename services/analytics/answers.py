"""What this service's gateway answers with: the board, the KPIs and the archive as JSON."""

from collections.abc import Mapping
from dataclasses import fields
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
    OpenOrder,
    RiderCounts,
    red_flags,
)
from services.analytics.domain.kpis import Distribution, Kpis, Ratio, Satisfaction
from services.analytics.domain.timeline import OrderState
from shared.eventstore.model import StoredEvent
from shared.kernel.clock import VirtualClock

FACTS_AT_MOST = 1_000
Position = Annotated[int, Field(ge=0, description="true up to this position of the log")]


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class KpiQuery(Query):
    """Which orders: those placed in [`placed_from`, `placed_until`); all when neither is given."""

    placed_from: datetime | None = None
    placed_until: datetime | None = None


class FactsQuery(Query):
    """Which part of the archive: at most `limit` facts after position `after`."""

    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=FACTS_AT_MOST)] = 200


class KpisView(BaseModel):
    """The KPIs of a set of orders, computed from events' own times alone."""

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
    flow: list[FlowMinute]
    feed: list[FeedItem]


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
    flow: list[FlowMinute]
    feed: list[FeedItem]


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


def kpis_view(query: KpiQuery, position: int, kpis: Kpis) -> KpisView:
    figures = {field.name: getattr(kpis, field.name) for field in fields(kpis)}
    return KpisView(position=position, placed_from=query.placed_from, placed_until=query.placed_until, **figures)


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
        flow=list(board.flow.values()),
        feed=list(board.feed),
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
        flow=list(change.flow),
        feed=list(change.feed),
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
    )


def fact_view(stored: StoredEvent, fact: Mapping[str, Any]) -> FactView:
    return FactView(
        position=stored.position, event_id=stored.event_id, recorded_here_at=stored.recorded_at, fact=dict(fact)
    )
