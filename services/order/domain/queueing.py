"""Where an order stands in its merchant's queue: what is to be done about it next, and until when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.order.domain.state import Order
from services.order.domain.values import NO_MERCHANT, OrderState

_S = OrderState


class Lane(StrEnum):
    """What a merchant has to do about an order, in the order in which it should be looked at."""

    ANSWER = "answer"
    COOK = "cook"
    HAND_OVER = "hand_over"
    WATCH = "watch"
    """Being cancelled, failed or on its way back: somebody else decides, the goods may come back."""
    COMING = "coming"
    """Not paid for yet, or scheduled for later: nothing can be done about it."""


_LANES = {
    _S.ACCEPTED: Lane.COOK,
    _S.PREPARING: Lane.COOK,
    _S.READY: Lane.HAND_OVER,
    _S.CANCELLING: Lane.WATCH,
    _S.DELIVERY_EXCEPTION: Lane.WATCH,
    _S.RETURNING: Lane.WATCH,
}
RANKS = {lane: rank for rank, lane in enumerate(Lane)}


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """`due_at` is when it should be done: answered, ready, collected, decided, asked for."""

    lane: Lane
    due_at: datetime

    @property
    def key(self) -> tuple[int, datetime]:
        """Sorts what is to be done next before the rest."""
        return RANKS[self.lane], self.due_at


def place_of(order: Order) -> QueuePlace | None:
    """None for an order that is no merchant's business any more, or never was."""
    if order.placed.merchant_id == NO_MERCHANT:
        return None
    if order.state is _S.PENDING_ACCEPTANCE:
        if order.answer_by is not None:
            return QueuePlace(Lane.ANSWER, order.answer_by)
        return QueuePlace(Lane.COMING, order.placed.ask_at or order.placed.at)
    lane = _LANES.get(order.state)
    if lane is None:
        return None
    return QueuePlace(lane, order.ready_at or order.placed.promised_at)
