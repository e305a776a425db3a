"""What can happen to a review: written, published, hidden, or never come."""

from dataclasses import dataclass
from datetime import datetime

from services.order.domain.fact import OrderFact
from services.order.domain.values import By, Review, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReviewed(OrderFact):
    """`photos` are digests; `held_for` are rules that words or pictures tripped, to be decided on by `decide_by`."""

    merchant_score: int
    rider_score: int
    platform_score: int
    comment: str | None
    tags: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    held_for: tuple[str, ...] = ()
    decide_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPublished(OrderFact):
    """Somebody has looked: everybody may read the words and see the pictures."""

    by: By
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewHidden(OrderFact):
    """The words and pictures are for the customer and staff only; the scores count."""

    by: By
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClosed(OrderFact):
    pass


def review_of(event: OrderReviewed) -> Review:
    """The review as it stands when it has just been written."""
    return Review(
        merchant=event.merchant_score,
        rider=event.rider_score,
        platform=event.platform_score,
        comment=event.comment,
        tags=event.tags,
        photos=event.photos,
        standing=Standing.HELD if event.held_for else Standing.PUBLISHED,
        held_for=event.held_for,
    )
