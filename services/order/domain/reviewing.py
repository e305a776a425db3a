"""Takes a customer's review, holds what trips a rule, and lets staff publish or hide it with a reason."""

import re
from datetime import datetime

from services.order.domain.commands import ModerateReview, ReviewOrder
from services.order.domain.errors import AlreadyReviewed, NoReview, ReviewIsClosed
from services.order.domain.events import OrderEvent, OrderReviewed, ReviewHidden, ReviewPublished
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import By, Standing

NOT_DECIDED = "not_decided"
_LINK = re.compile(r"https?:|www\.|\b[a-z0-9-]+\.(?:com|cn|net|org|io|top|xyz|vip|shop)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\+?\d[\s.\-()]*){7,}")


def reasons_to_hold(comment: str | None, photos: tuple[str, ...], policy: OrderPolicy) -> tuple[str, ...]:
    """Why a review must be looked at before anybody sees its words: a picture can be judged by a person only."""
    text = (comment or "").casefold()
    found = {
        "link": bool(_LINK.search(text)),
        "email": bool(_EMAIL.search(text)),
        "phone_number": bool(_NUMBER.search(text)),
        "word": any(word.casefold() in text for word in policy.review_words_held),
        "photo": bool(photos),
    }
    return tuple(reason for reason, holds in found.items() if holds)


def review(command: ReviewOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """One review an order, while reviews are open; the same again changes nothing."""
    known = order.review
    if known is not None:
        wanted = (command.merchant_score, command.rider_score, command.platform_score, command.tags, command.photos)
        if wanted == (known.merchant, known.rider, known.platform, known.tags, known.photos):
            return []
        raise AlreadyReviewed("the order has been reviewed", order_id=order.order_id, state=order.state.value)
    if order.review_by is None or command.now > order.review_by:
        raise ReviewIsClosed("the time for a review is over", order_id=order.order_id, state=order.state.value)
    held_for = reasons_to_hold(command.comment, command.photos, policy)
    decide_by: datetime | None = command.now + policy.span("moderation") if held_for else None
    return [
        OrderReviewed(
            **order.whose(command.at),
            merchant_score=command.merchant_score,
            rider_score=command.rider_score,
            platform_score=command.platform_score,
            comment=command.comment,
            tags=command.tags,
            photos=command.photos,
            held_for=held_for,
            decide_by=decide_by,
        )
    ]


def moderate(command: ModerateReview, order: Order) -> list[OrderEvent]:
    """Decides, or decides otherwise; the same decision again changes nothing."""
    if order.review is None:
        raise NoReview("this order has not been reviewed", order_id=order.order_id, state=order.state.value)
    if order.review.standing is (Standing.PUBLISHED if command.publish else Standing.HIDDEN):
        return []
    kind = ReviewPublished if command.publish else ReviewHidden
    return [kind(**order.whose(command.at), by=command.by, reason=command.reason)]


def hide_undecided(order: Order, at: datetime) -> list[OrderEvent]:
    """Nobody has looked in time: what tripped a rule is never public by default."""
    if order.review is None or order.review.standing is not Standing.HELD:
        return []
    return [ReviewHidden(**order.whose(at), by=By.TIME, reason=NOT_DECIDED)]
