"""What a timeline means, flat: the row that the board and the KPIs are read from."""

from dataclasses import dataclass
from datetime import datetime

from services.analytics.domain.timeline import (
    DELIVERED_STATES,
    ENDED_STATES,
    FOOD,
    Milestone,
    OrderState,
    OrderTimeline,
    at_door_at,
    carrier_of,
    delivered_at,
    excepted,
    state_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSummary:
    """One order. The three spans are in minutes and None until both of their ends are known."""

    order_id: str
    state: OrderState
    merchant_id: str | None
    rider_id: str | None
    placed_at: datetime
    promised_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None
    ended_at: datetime | None
    excepted: bool
    processing_minutes: float | None
    click_to_door_minutes: float | None
    ready_to_pickup_minutes: float | None
    on_time: bool | None
    merchant_score: int | None
    rider_score: int | None
    platform_score: int | None
    kind: str = FOOD

    @property
    def ended(self) -> bool:
        return self.state in ENDED_STATES

    @property
    def failing(self) -> bool:
        """In exception now, its goods perhaps on their way back: somebody must do something."""
        return self.state in (OrderState.DELIVERY_EXCEPTION, OrderState.RETURNING)


def summarise(timeline: OrderTimeline) -> OrderSummary | None:
    """The row of an order; None until the order service has told that it was placed."""
    state = state_of(timeline)
    times = timeline.times
    placed = times.get(Milestone.PLACED)
    if state is None or placed is None:
        return None
    delivered = delivered_at(timeline)
    ended = delivered if state in DELIVERED_STATES else times.get(Milestone.ENDED)
    review = timeline.review
    return OrderSummary(
        order_id=timeline.order_id,
        state=state,
        merchant_id=timeline.merchant_id,
        rider_id=None if state in ENDED_STATES else carrier_of(timeline),
        placed_at=placed,
        promised_at=timeline.promised_at,
        delivered_at=delivered,
        failed_at=times.get(Milestone.FAILED),
        ended_at=ended if state in ENDED_STATES else None,
        excepted=excepted(timeline),
        processing_minutes=_minutes(placed, delivered),
        click_to_door_minutes=_minutes(placed, at_door_at(timeline)),
        ready_to_pickup_minutes=_waited(times.get(Milestone.READY), times.get(Milestone.PICKED_UP)),
        on_time=_on_time(delivered, timeline.promised_at),
        merchant_score=review.merchant if review else None,
        rider_score=review.rider if review else None,
        platform_score=review.platform if review else None,
        kind=timeline.kind,
    )


def _minutes(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds() / 60


def _waited(ready: datetime | None, picked_up: datetime | None) -> float | None:
    """Minutes the goods stood ready; none at all when the rider took them before the merchant said so."""
    waited = _minutes(ready, picked_up)
    return None if waited is None else max(0.0, waited)


def _on_time(delivered: datetime | None, promised: datetime | None) -> bool | None:
    return None if delivered is None or promised is None else delivered <= promised
