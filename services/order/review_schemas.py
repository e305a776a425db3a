"""What is sent and answered about reviews and their pictures."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Base64Bytes, BaseModel, Field, StringConstraints

from services.order.domain.values import ReviewTag, Standing
from services.order.schemas import Input, Score, TagWords, shown
from shared.gateway.cursor import PageQuery

PhotoId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_SMALL_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class ReviewBody(Input):
    """Scores, and what else the customer wants to say; `photos` are ids of pictures sent before."""

    model_config = shown({"merchant": 5, "rider": 5, "platform": 4, "comment": "Warm and quick."})

    merchant: Score
    rider: Score
    platform: Score
    tags: list[ReviewTag] = Field(default=[], max_length=10)
    comment: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    photos: list[PhotoId] = Field(default=[], max_length=10)


class TagView(BaseModel):
    """A tag that a review may have, and what it is called in each language."""

    code: ReviewTag
    words: dict[str, str]


class TagsView(BaseModel):
    items: list[TagView]


class PhotoBody(Input):
    """A JPEG, PNG or WebP picture in base64; where and with what it was taken is not kept.

    A body has at most 256 KiB, a picture so about 190 kB: pages make the picture small before they send it.
    """

    content: Base64Bytes = Field(examples=[_SMALL_PNG])


class PhotoView(BaseModel):
    photo_id: str
    media_type: str
    size_bytes: int


class ModerationReason(StrEnum):
    """Why words and pictures are shown or not: the customer is told, so nobody's own words."""

    FITS = "fits"
    PERSONAL_DATA = "personal_data"
    INSULT = "insult"
    ADVERTISING = "advertising"
    UNFITTING_PICTURE = "unfitting_picture"
    UNRELATED = "unrelated"


class ModerateBody(Input):
    publish: bool
    reason: ModerationReason


class PublicReview(BaseModel):
    """A review as everybody may see it: words and pictures only of one that is published."""

    order_id: str
    reviewed_at: AwareDatetime
    merchant: int
    rider: int
    platform: int
    tags: list[str]
    tag_words: TagWords
    comment: str | None
    photos: list[str]
    standing: Standing
    held_for: list[str] = Field(default=[], description="rules that it tripped; for staff")


class ReviewsQuery(PageQuery):
    standing: Standing = Standing.HELD
