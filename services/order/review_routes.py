"""The HTTP routes of reviews: writing one, its pictures, reading them, and deciding what others may see."""

from werkzeug.wrappers import Response

from services.order import access, answering, review_views
from services.order.application import NO_SUCH_ORDER, perform
from services.order.doing import do
from services.order.domain import transitions as table
from services.order.domain.commands import ModerateReview, ReviewOrder
from services.order.domain.values import By, ReviewTag, Standing
from services.order.photos import PHOTOS
from services.order.pictures import NotAPicture, cleaned
from services.order.review_schemas import (
    ModerateBody,
    PhotoBody,
    PhotoView,
    PublicReview,
    ReviewBody,
    ReviewsQuery,
    TagsView,
    TagView,
)
from services.order.schemas import OrderView
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.cursor import Page, PageQuery, encode_cursor
from shared.gateway.route import route
from shared.kernel.errors import DomainError, Fault, InvalidInput, NotFound

TAGS = ("reviews",)
EVERYBODY = {"customer", "merchant", "rider", "dispatcher", "support", "operations", "analyst"}


class TooManyPhotos(DomainError):
    """A review has room for a few pictures only."""

    code = "photo.too_many"


class ReviewRoutes:
    """Everything over HTTP that concerns what customers thought."""

    parts: OrderParts

    @route(
        "POST",
        "/v1/orders/<order_id>/photos",
        roles={"customer"},
        body=PhotoBody,
        answer=PhotoView,
        status=201,
        command=True,
        summary="Send a picture for the review",
        description="Before the review that names it. The picture is kept without EXIF, XMP and comments (turn it"
        " upright before), named by its digest, and gone when the customer is forgotten.",
        tags=TAGS,
        refusals=(NotFound, NotAPicture, TooManyPhotos),
    )
    def send_photo(self, call: Call[PhotoBody], order_id: str) -> PhotoView:
        picture = cleaned(call.body.content)

        def work(tx: Transaction) -> PhotoView:
            order, _ = answering.order_of(tx, order_id)
            access.require_customer(call.principal, order)
            known = PHOTOS.known(tx, order_id)
            if picture.photo_id not in known and len(known) >= self.parts.policy.review_photos_max:
                raise TooManyPhotos("a review has room for a few pictures only", order_id=order_id)
            PHOTOS.keep(tx, order_id, order.placed.customer_id, picture)
            return PhotoView(
                photo_id=picture.photo_id, media_type=picture.media_type, size_bytes=len(picture.content)
            )

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/orders/<order_id>/photos/<photo_id>",
        roles=EVERYBODY,
        summary="A picture of a review",
        media="image/*",
        description="To everybody once its review is published; before and otherwise to the customer and staff.",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def get_photo(self, call: Call[None], order_id: str, photo_id: str) -> Response:
        with self.parts.store.reading() as tx:
            order, _ = answering.order_of(tx, order_id)
            review = order.review
            shown = review is not None and review.standing is Standing.PUBLISHED and photo_id in review.photos
            if not (shown or access.is_staff(call.principal) or access.is_customer_of(call.principal, order)):
                raise NotFound(NO_SUCH_ORDER)
            picture = PHOTOS.find(tx, order_id, photo_id)
        if picture is None:
            raise NotFound("there is no such picture")
        return Response(picture.content, content_type=picture.media_type)

    @route(
        "POST",
        "/v1/orders/<order_id>/review",
        roles=table.REVIEW.roles,
        body=ReviewBody,
        answer=OrderView,
        command=True,
        summary="Say how it was",
        description="Words or pictures that trip a rule are held until staff has looked; the scores count at once.",
        tags=TAGS,
        refusals=(NotFound, *table.REVIEW.refusals()),
    )
    def review_order(self, call: Call[ReviewBody], order_id: str) -> OrderView:
        body = call.body
        command = ReviewOrder(
            order_id=order_id,
            at=call.now,
            now=call.now,
            merchant_score=body.merchant,
            rider_score=body.rider,
            platform_score=body.platform,
            comment=body.comment,
            tags=tuple(dict.fromkeys(tag.value for tag in body.tags)),
            photos=tuple(dict.fromkeys(body.photos)),
        )

        def work(tx: Transaction) -> OrderView:
            order, version = answering.order_of(tx, order_id)
            access.require_customer(call.principal, order)
            call.expect(version)
            known = PHOTOS.known(tx, order_id)
            faults = [
                Fault(f"photos.{index}", "unknown_photo", "send the picture first")
                for index, photo_id in enumerate(body.photos)
                if photo_id not in known
            ]
            if faults:
                raise InvalidInput(faults)
            done = perform(tx, command, call.context, self.parts.policy)
            return answering.order_view(tx, done.state, done.version, personal=True)

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/review-tags",
        roles=EVERYBODY,
        answer=TagsView,
        summary="What a review may say with a tap, in words",
        tags=TAGS,
    )
    def list_tags(self, call: Call) -> TagsView:  # noqa: ARG002
        words = answering.tag_words(ReviewTag)
        return TagsView(items=[TagView(code=tag, words=words[tag]) for tag in ReviewTag])

    @route(
        "POST",
        "/v1/orders/<order_id>/moderate-review",
        roles=table.MODERATE.roles,
        body=ModerateBody,
        answer=OrderView,
        command=True,
        summary="Publish or hide the words and pictures of a review",
        tags=TAGS,
        refusals=(NotFound, *table.MODERATE.refusals()),
    )
    def moderate_review(self, call: Call[ModerateBody], order_id: str) -> OrderView:
        command = ModerateReview(
            order_id=order_id,
            at=call.now,
            now=call.now,
            by=By.SUPPORT if call.principal.has("support") else By.OPERATIONS,
            publish=call.body.publish,
            reason=call.body.reason.value,
        )
        return do(self.parts, call, command, access.require_reader)

    @route(
        "GET",
        "/v1/merchants/<merchant_id>/reviews",
        roles=EVERYBODY,
        query=PageQuery,
        answer=Page[PublicReview],
        summary="What customers thought of a merchant, newest first",
        tags=TAGS,
    )
    def list_reviews(self, call: Call[None, PageQuery], merchant_id: str) -> Page[PublicReview]:
        after, limit = call.query.after("id"), call.query.limit
        staff = access.is_staff(call.principal)
        with self.parts.store.reading() as tx:
            ids = review_views.of_merchant(tx, merchant_id, str(after["id"]) if after else None, limit + 1)
            return self._page(tx, ids, limit, staff=staff)

    @route(
        "GET",
        "/v1/reviews",
        roles=access.STAFF,
        query=ReviewsQuery,
        answer=Page[PublicReview],
        summary="Reviews that wait for a decision, the longest waiting first",
        tags=TAGS,
    )
    def list_held(self, call: Call[None, ReviewsQuery]) -> Page[PublicReview]:
        after, query = call.query.after("id"), call.query
        with self.parts.store.reading() as tx:
            ids = review_views.standing_as(tx, query.standing, str(after["id"]) if after else None, query.limit + 1)
            return self._page(tx, ids, query.limit, staff=True)

    def _page(self, tx: Transaction, ids: list[str], limit: int, *, staff: bool) -> Page[PublicReview]:
        position = self.parts.store.follower_position(review_views.REVIEW_LIST.follower.name)
        more = encode_cursor({"id": ids[limit - 1]}) if len(ids) > limit else None
        found = [review_views.read(tx, order_id, staff=staff) for order_id in ids[:limit]]
        return Page[PublicReview](items=[each for each in found if each], next=more, position=position)
