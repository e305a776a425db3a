"""What callers send to ask a price and to place an order, and what else prices depend on."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from services.order.domain.city import Weather
from services.order.domain.values import Handling, OrderKind, Priority
from services.order.schemas import (
    LINE,
    Cents,
    Identifier,
    Input,
    LineView,
    LongText,
    Point,
    ShortText,
    TotalsView,
    shown,
)
from shared.gateway.words import Reference
from shared.kernel.area import CORNERS_MIN

CouponCode = Annotated[str, StringConstraints(min_length=3, max_length=32, pattern=r"^[A-Za-z0-9-]+$", to_upper=True)]


class ItemBody(Input):
    """An item of the menu with the ids of the options chosen for it."""

    sku: Identifier
    quantity: int = Field(ge=1, le=10_000)
    options: list[Identifier] = Field(default=[], max_length=50)


class ContactBody(Input):
    name: Annotated[str, StringConstraints(max_length=120, pattern=LINE)]
    phone: Annotated[str, StringConstraints(max_length=40)]
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    language: Literal["en", "zh"] = "en"


class PaymentBody(Input):
    method: Reference


class SenderBody(Input):
    """Whoever hands the things over at a door."""

    name: Annotated[str, StringConstraints(max_length=120, pattern=LINE)]
    phone: Annotated[str, StringConstraints(max_length=40)]


class PickupBody(Input):
    """The door where an errand begins."""

    place: Point
    address: LongText
    contact: SenderBody | None = None


class FurtherStopBody(PickupBody):
    """One more door where the errand fetches something, after the first and before the customer's."""

    task: LongText = Field(default="", description="what is to be done there, beside the errand's own task")


class ErrandBody(Input):
    """What is to be fetched, bought or queued for; the kind of the order says which of the figures it needs."""

    model_config = shown(
        {
            "task": "Aspirin, and flowers for my mother",
            "pickup": {"place": {"lat": 30.2735, "lon": 120.154}, "address": "Corner pharmacy, 1 Lotus Road"},
            "further_stops": [
                {
                    "place": {"lat": 30.275, "lon": 120.156},
                    "address": "3 Heron Street",
                    "task": "White lilies, if there are any",
                }
            ],
            "budget_cents": 8000,
        }
    )

    task: LongText = Field(description="what the rider is to do, in the customer's own words")
    pickup: PickupBody
    further_stops: list[FurtherStopBody] = Field(
        default=[], max_length=20, description="up to four more places, in the order of the way; not of errand_queue"
    )
    budget_cents: Cents = Field(default=0, description="errand_buy: the most that may be spent; authorised whole")
    wait_minutes_max: int = Field(default=0, ge=0, le=24 * 60, description="errand_queue: the longest wait")
    parcel: bool = Field(default=False, description="errand_document: a parcel, not papers")
    handling: list[Handling] = Field(default=[], max_length=4)
    weight_g: int = Field(default=0, ge=0, le=100_000)
    volume_ml: int = Field(default=0, ge=0, le=1_000_000)


class WishBody(Input):
    """What somebody would like to have: the same for asking its price and for placing it."""

    merchant_id: Identifier | None = Field(default=None, description="of food; an errand has none")
    customer_id: Identifier | None = Field(
        default=None, description="for callers who may act for several customers; their first one when absent"
    )
    kind: OrderKind = OrderKind.FOOD
    items: list[ItemBody] = Field(default=[], max_length=200)
    errand: ErrandBody | None = None
    dropoff: Point
    priority: Priority = Priority.NORMAL
    scheduled_for: AwareDatetime | None = None
    coupon: CouponCode | None = None
    tip_cents: Cents = 0


class QuoteBody(WishBody):
    model_config = shown(
        {
            "merchant_id": "mer_lakeside-noodles",
            "items": [{"sku": "noodles", "quantity": 2, "options": ["egg"]}, {"sku": "tea", "quantity": 1}],
            "dropoff": {"lat": 30.279, "lon": 120.16},
            "coupon": "SPRING",
            "tip_cents": 200,
        }
    )


class PlaceOrderBody(WishBody):
    model_config = shown(
        {
            "merchant_id": "mer_lakeside-noodles",
            "items": [{"sku": "noodles", "quantity": 2}, {"sku": "tea", "quantity": 1}],
            "dropoff": {"lat": 30.279, "lon": 120.16},
            "address": "18 Willow Lane, room 502",
            "contact": {"name": "Chen Yu", "phone": "138 1234 5678", "email": "chen@example.com", "language": "zh"},
            "payment": {"method": "sandbox_ok"},
            "note": "Ring twice, please.",
        }
    )

    address: LongText
    contact: ContactBody
    payment: PaymentBody
    note: LongText = ""
    quote_id: Identifier | None = Field(
        default=None, description="refused as price_changed or quote_expired when it does not hold any more"
    )


class QuoteView(BaseModel):
    """A price and a promise, good until `expires_at` for whoever asked."""

    quote_id: str
    customer_id: str
    merchant_id: str
    kind: OrderKind
    items: list[LineView]
    totals: TotalsView
    weather: Weather
    required_skills: list[str]
    promised_at: AwareDatetime
    scheduled_for: AwareDatetime | None
    expires_at: AwareDatetime


class CouponBody(Input):
    """Either `percent` or `fixed_cents`; what it is for can be narrowed to merchants and kinds."""

    model_config = shown(
        {
            "code": "SPRING",
            "percent": 20,
            "ceiling_cents": 1500,
            "minimum_cents": 2000,
            "valid_from": "2026-03-01T00:00:00Z",
            "valid_until": "2026-06-01T00:00:00Z",
        }
    )

    code: CouponCode
    percent: int = Field(default=0, ge=0, le=100)
    fixed_cents: Cents = 0
    ceiling_cents: Cents | None = None
    minimum_cents: Cents = 0
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    uses_per_customer: int = Field(default=1, ge=1, le=1_000)
    uses_max: int | None = Field(default=None, ge=1, le=1_000, description="for all customers together")
    merchant_ids: list[Identifier] = Field(default=[], max_length=500)
    kinds: list[OrderKind] = Field(default=[], max_length=5)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.percent) == bool(self.fixed_cents):
            raise ValueError("give either percent or fixed_cents")
        if self.valid_until <= self.valid_from:
            raise ValueError("a coupon is valid until after it becomes valid")
        return self


class CouponView(CouponBody):
    model_config = shown(
        {
            "code": "SPRING",
            "percent": 20,
            "valid_from": "2026-03-01T00:00:00Z",
            "valid_until": "2026-06-01T00:00:00Z",
            "claimed": 0,
            "version": 1,
        }
    )

    claimed: int = Field(description="how many of its limited uses are gone")
    version: int


class ZoneBody(Input):
    model_config = shown(
        {
            "name": "Around the lake",
            "area": [
                {"lat": 30.2, "lon": 120.1},
                {"lat": 30.2, "lon": 120.25},
                {"lat": 30.35, "lon": 120.25},
                {"lat": 30.35, "lon": 120.1},
            ],
        }
    )

    name: ShortText
    area: Annotated[list[Point], Field(min_length=CORNERS_MIN, max_length=500)]


class WeatherBody(Input):
    """What it is like outside, as operations see it; no zone means the whole city."""

    model_config = shown({"zone_id": "lake", "weather": "rain", "until": "2026-03-01T15:00:00Z"})

    zone_id: Identifier | None = None
    weather: Weather
    until: AwareDatetime


class ZoneView(BaseModel):
    zone_id: str
    name: str
    area: list[Point]
    weather: Weather


class CityView(BaseModel):
    """Where the platform serves (no zones: everywhere), and the weather that surcharges follow."""

    zones: list[ZoneView]
    weather: Weather
    version: int
