"""The list of reviews: scores, tags and whether they may be seen. Their words stay in the orders' streams, sealed."""

from typing import Any

from services.order import answering
from services.order.codec import ORDER, ORDER_CODEC
from services.order.domain import events as e
from services.order.domain.values import Standing
from services.order.review_schemas import PublicReview
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.projection import Projection


class _Blind:
    """Opens nothing: the list holds no words."""

    def seal(self, subject_id: str, plain: Any) -> str:  # noqa: ARG002
        raise AssertionError("a read model seals nothing")

    def open(self, subject_id: str, sealed: str) -> None:  # noqa: ARG002
        return None


TYPES = frozenset({"OrderReviewed", "ReviewPublished", "ReviewHidden"})


def project(tx: Transaction, stored: StoredEvent) -> None:
    """Keeps the list true to one more event."""
    if stored.type not in TYPES:
        return
    event = ORDER_CODEC.decode(stored.type, stored.schema_version, stored.data, _Blind())
    match event:
        case e.OrderReviewed():
            tx.connection.execute(
                "INSERT INTO review_list (order_id, merchant_id, reviewed_at, merchant_score, rider_score,"
                " platform_score, tags, standing) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    stored.stream_id,
                    event.merchant_id,
                    event.at,
                    event.merchant_score,
                    event.rider_score,
                    event.platform_score,
                    list(event.tags),
                    (Standing.HELD if event.held_for else Standing.PUBLISHED).value,
                ),
            )
        case e.ReviewPublished() | e.ReviewHidden():
            standing = Standing.PUBLISHED if isinstance(event, e.ReviewPublished) else Standing.HIDDEN
            tx.connection.execute(
                "UPDATE review_list SET standing = %s WHERE order_id = %s", (standing.value, stored.stream_id)
            )
        case _:
            return


REVIEW_LIST = Projection(
    "review_list",
    1,
    project,
    tables=("review_list",),
    types=TYPES,
)


def of_merchant(tx: Transaction, merchant_id: str, before_id: str | None, limit: int) -> list[str]:
    """The orders of a merchant that were reviewed, newest first."""
    rows = tx.connection.execute(
        "SELECT order_id FROM review_list WHERE merchant_id = %s AND (%s::text IS NULL OR order_id < %s)"
        " ORDER BY order_id DESC LIMIT %s",
        (merchant_id, before_id, before_id, limit),
    )
    return [row["order_id"] for row in rows]


def standing_as(tx: Transaction, standing: Standing, after_id: str | None, limit: int) -> list[str]:
    """Orders whose review stands so, the longest waiting first."""
    rows = tx.connection.execute(
        "SELECT order_id FROM review_list WHERE standing = %s AND (%s::text IS NULL OR order_id > %s)"
        " ORDER BY order_id LIMIT %s",
        (standing.value, after_id, after_id, limit),
    )
    return [row["order_id"] for row in rows]


def read(tx: Transaction, order_id: str, *, staff: bool) -> PublicReview | None:
    """A review by its stream, so that it is never shown a moment after it was hidden."""
    order = tx.load(ORDER, order_id).state
    if order is None or order.review is None:
        return None
    review, shown = order.review, staff or order.review.standing is Standing.PUBLISHED
    return PublicReview(
        order_id=order_id,
        reviewed_at=order.step("reviewed") or order.placed.at,
        merchant=review.merchant,
        rider=review.rider,
        platform=review.platform,
        tags=list(review.tags),
        tag_words=answering.tag_words(review.tags),
        comment=review.comment if shown else None,
        photos=list(review.photos) if shown else [],
        standing=review.standing,
        held_for=list(review.held_for) if staff else [],
    )
