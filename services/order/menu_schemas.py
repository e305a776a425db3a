"""What callers send about merchants, their menus, hours and areas, and what they are answered."""

from datetime import date, time
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from services.order.domain.pausing import PauseReason
from services.order.domain.values import Handling
from services.order.schemas import Cents, Identifier, Input, Minutes, Point, ShortText, shown
from shared.kernel.area import CORNERS_MIN


class OptionBody(Input):
    option_id: Identifier
    name: ShortText
    delta_cents: int = Field(default=0, ge=-100_000_000, le=100_000_000, description="added to the item's price")


class OptionGroupBody(Input):
    """Of these options a customer takes at least `min_choices` and at most `max_choices`."""

    name: ShortText
    options: list[OptionBody] = Field(min_length=1, max_length=50)
    min_choices: int = Field(default=0, ge=0, le=50)
    max_choices: int = Field(default=1, ge=1, le=50)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.min_choices <= self.max_choices <= len(self.options):
            raise ValueError("min_choices is at most max_choices, and max_choices at most the number of options")
        return self


class MenuItemBody(Input):
    sku: Identifier
    name: ShortText
    unit_cents: Cents
    skills: list[Identifier] = Field(default=[], max_length=10, description="what a rider must have to carry it")
    handling: list[Handling] = Field(default=[], max_length=4, description="care on the road; skills as well")
    weight_g: int = Field(default=0, ge=0, le=100_000)
    volume_ml: int = Field(default=0, ge=0, le=1_000_000)
    packing_cents: Cents = Field(default=0, description="for each piece")
    preparation_minutes: Minutes | None = Field(default=None, description="the merchant's usual time when absent")
    option_groups: list[OptionGroupBody] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _options_differ(self) -> Self:
        ids = [option.option_id for group in self.option_groups for option in group.options]
        if len(set(ids)) != len(ids):
            raise ValueError("an option_id is in the item twice")
        return self


def _menu(items: list[MenuItemBody]) -> list[MenuItemBody]:
    if len({item.sku for item in items}) != len(items):
        raise ValueError("a sku is on the menu twice")
    return items


def _area(corners: list[Point]) -> list[Point]:
    if corners and len(corners) < CORNERS_MIN:
        raise ValueError(f"an area has at least {CORNERS_MIN} corners")
    return corners


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("a time of the day without an offset: the zone says where")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("there is no such time zone") from None
    return value


Menu = Annotated[list[MenuItemBody], Field(min_length=1, max_length=500), AfterValidator(_menu)]
Area = Annotated[list[Point], Field(max_length=500), AfterValidator(_area)]
# JSON Schema's own format `time` has an offset, which these must not have.
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"
LocalTime = Annotated[
    time,
    AfterValidator(_local),
    WithJsonSchema({"type": "string", "pattern": _CLOCK, "examples": ["11:30:00"]}),
]
Zone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_zone)]


class OpenHoursBody(Input):
    """Daily hours; closing before opening means past midnight."""

    opens: LocalTime
    closes: LocalTime
    zone: Zone = Field(default="Asia/Shanghai", description="IANA time zone")


class OpenSpanBody(Input):
    """Closing at or before opening means past midnight."""

    opens: LocalTime
    closes: LocalTime


class SpecialDayBody(Input):
    """A date with hours of its own; without any, closed."""

    day: date
    spans: list[OpenSpanBody] = Field(default=[], max_length=6)


class WeeklyHoursBody(Input):
    """`days` are Monday to Sunday, each with its spans; none means closed that day."""

    model_config = shown(
        {
            "zone": "Asia/Shanghai",
            "days": [[{"opens": "07:00:00", "closes": "02:00:00"}]] * 7,
            "exceptions": [{"day": "2026-10-01", "spans": []}],
        }
    )

    zone: Zone = Field(default="Asia/Shanghai", description="IANA time zone")
    days: list[Annotated[list[OpenSpanBody], Field(max_length=6)]] = Field(min_length=7, max_length=7)
    exceptions: list[SpecialDayBody] = Field(default=[], max_length=400)


class RegisterMerchantBody(Input):
    model_config = shown(
        {
            "merchant_id": "mer_lakeside-noodles",
            "name": "Lakeside Noodles",
            "phone": "+86 571 8765 4321",
            "place": {"lat": 30.2741, "lon": 120.1551},
            "address": "1 Lotus Road",
            "service_radius_m": 5000,
            "menu": [{"sku": "noodles", "name": "Beef noodles", "unit_cents": 2800}],
            "preparation_minutes": 15,
        }
    )

    merchant_id: Annotated[str, StringConstraints(max_length=80, pattern=r"^mer_[A-Za-z0-9_-]+$")] | None = None
    name: ShortText
    phone: ShortText
    place: Point
    address: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    service_radius_m: int | None = Field(default=None, ge=1, le=100_000)
    area: Area = Field(default=[], description="the corners of where it delivers; empty: the circle around its door")
    open_hours: OpenHoursBody | None = Field(default=None, description="every day the same")
    week: WeeklyHoursBody | None = Field(
        default=None, description="comes before open_hours; without both, always open"
    )
    menu: Menu
    preparation_minutes: Minutes
    packing_cents: Cents = Field(default=0, description="for each order")


class MenuBody(Input):
    """A new menu, whole."""

    model_config = shown(
        {
            "menu": [
                {
                    "sku": "noodles",
                    "name": "Beef noodles",
                    "unit_cents": 2800,
                    "weight_g": 600,
                    "handling": ["fragile"],
                    "option_groups": [
                        {"name": "Extras", "options": [{"option_id": "egg", "name": "Egg", "delta_cents": 200}]}
                    ],
                },
                {"sku": "dumplings", "name": "Dumplings", "unit_cents": 2800, "weight_g": 500},
                {"sku": "tea", "name": "Jasmine tea", "unit_cents": 600},
            ],
            "preparation_minutes": 12,
            "packing_cents": 100,
        }
    )

    menu: Menu
    preparation_minutes: Minutes
    packing_cents: Cents = 0


class ServiceAreaBody(Input):
    """Where it delivers: a polygon, or without corners a circle around its door."""

    model_config = shown(
        {
            "area": [
                {"lat": 30.24, "lon": 120.12},
                {"lat": 30.24, "lon": 120.2},
                {"lat": 30.31, "lon": 120.2},
                {"lat": 30.31, "lon": 120.12},
            ],
            "service_radius_m": 5000,
        }
    )

    area: Area = Field(default=[], description="corners")
    service_radius_m: int = Field(ge=1, le=100_000)


class SoldOutBody(Input):
    model_config = shown({"until": "2026-03-01T16:00:00Z"})

    until: AwareDatetime | None = Field(default=None, description="until somebody says otherwise when absent")


class RestockBody(Input):
    pass


class PauseBody(Input):
    """Until a moment, for so many minutes, or (without both) until it is resumed."""

    model_config = shown({"reason": "too_busy", "minutes": 30})

    reason: PauseReason = PauseReason.UNSPECIFIED
    until: AwareDatetime | None = None
    minutes: Annotated[int, Field(ge=1, le=24 * 60)] | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.until is not None and self.minutes is not None:
            raise ValueError("give until or minutes, not both")
        return self


class ResumeBody(Input):
    pass


class PauseView(BaseModel):
    """No orders are taken since then; `until` is absent when somebody has to resume."""

    since: AwareDatetime
    until: AwareDatetime | None
    reason: str


class MenuItemView(BaseModel):
    """`sold_out_until` tells when it comes back, where somebody has said so."""

    sku: str
    name: str
    unit_cents: int
    skills: list[str]
    handling: list[Handling]
    weight_g: int
    volume_ml: int
    packing_cents: int
    preparation_minutes: int
    option_groups: list[OptionGroupBody]
    in_stock: bool
    sold_out_until: AwareDatetime | None


class MerchantSummary(BaseModel):
    merchant_id: str
    name: str
    place: Point
    address: str
    service_radius_m: int
    preparation_minutes: int
    pause: PauseView | None = Field(default=None, description="no new orders are taken now; absent: they are")


class MerchantView(MerchantSummary):
    phone: str
    open_hours: OpenHoursBody | None
    week: WeeklyHoursBody | None
    open_now: bool = Field(description="by its hours")
    area: list[Point]
    packing_cents: int
    menu: list[MenuItemView]
    missed_answers: int
    version: int
