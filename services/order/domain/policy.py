"""What the business may tune about orders: deadlines, prices and limits, with their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from services.order.domain.city import Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSurcharge:
    """So much more between two times of the day by the city's clock; the second before the first: past midnight."""

    opens: time
    closes: time
    cents: int

    def holds(self, local: time) -> bool:
        if self.opens <= self.closes:
            return self.opens <= local < self.closes
        return local >= self.opens or local < self.closes


def _weather_cents() -> dict[Weather, int]:
    return {Weather.RAIN: 200, Weather.HEAT: 100, Weather.SNOW: 400, Weather.STORM: 500}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicy:
    """Times in seconds of the platform's clock, money in cents of `currency`."""

    payment_seconds: int = 15 * 60
    merchant_reminder_seconds: int = 2 * 60
    merchant_answer_seconds: int = 5 * 60
    preparation_grace_seconds: int = 10 * 60
    preparation_max_seconds: int = 24 * 3600
    withdrawal_answer_seconds: int = 2 * 60
    withdrawal_asks: int = 30
    kitchen_seconds: int = 30 * 60
    pickup_seconds: int = 45 * 60
    transit_seconds: int = 90 * 60
    exception_seconds: int = 60 * 60
    return_seconds: int = 2 * 3600
    stalled_max_seconds: int = 24 * 3600
    confirmation_reminder_seconds: int = 90 * 60
    confirmation_seconds: int = 2 * 3600
    moderation_seconds: int = 48 * 3600
    review_photos_max: int = 4
    review_words_held: tuple[str, ...] = (
        "idiot",
        "scam",
        "wechat",
        "whatsapp",
        "加微信",
        "微信号",
        "骗子",
        "傻",
        "滚",
    )
    review_seconds: int = 7 * 24 * 3600
    archive_seconds: int = 30 * 24 * 3600
    schedule_ahead_seconds: int = 7 * 24 * 3600
    payment_retry_seconds: int = 5
    payment_retry_max_seconds: int = 10 * 60
    payment_attempts_max: int = 140
    refund_again_seconds: int = 24 * 3600
    refund_tries_max: int = 3
    due_again_seconds: int = 30 * 60
    due_tries_max: int = 3
    compensation_credit_max_cents: int = 0
    payment_provider: str = "sandbox"
    capture_at: Literal["acceptance", "delivery"] = "acceptance"
    courier_speed_m_per_minute: float = 270.0
    promise_buffer_seconds: int = 10 * 60
    delivery_fee_base_cents: int = 300
    delivery_fee_base_m: int = 1_000
    delivery_fee_per_km_cents: int = 100
    time_surcharges: tuple[TimeSurcharge, ...] = ()
    weather_surcharge_cents: Mapping[Weather, int] = field(default_factory=_weather_cents)
    zone: str = "Asia/Shanghai"
    tip_max_cents: int = 20_000
    quote_seconds: int = 5 * 60
    errand_base_cents: int = 500
    errand_per_minute_cents: int = 60
    errand_wait_minutes_max: int = 180
    errand_budget_max_cents: int = 200_000
    errand_radius_m: int = 15_000
    errand_service_seconds: int = 10 * 60
    errand_further_stops_max: int = 4
    errand_further_stop_cents: int = 300
    errand_further_stop_seconds: int = 5 * 60
    address_change_after_pickup: bool = False
    cancel_goods_percent_accepted: int = 0
    cancel_goods_percent_preparing: int = 50
    cancel_goods_percent_ready: int = 100
    cancel_carrying_percent_rider: int = 50
    cancel_fee_split: Literal["by_part", "by_percent", "platform"] = "by_part"
    cancel_fee_merchant_percent: int = 50
    service_radius_m: int = 15_000
    item_quantity_max: int = 99
    items_max: int = 50
    currency: str = "CNY"
    payment_methods: tuple[str, ...] = ("sandbox_*",)

    def accepts_method(self, method: str) -> bool:
        """Whether a payment method may be named; a `*` at the end of a policy's stands for any end."""
        return any(
            method.startswith(known[:-1]) if known.endswith("*") else method == known
            for known in self.payment_methods
        )

    def span(self, name: str) -> timedelta:
        """The policy called `<name>_seconds` as a span of time."""
        return timedelta(seconds=getattr(self, f"{name}_seconds"))

    def time_surcharge_cents(self, moment: datetime) -> int:
        """The dearest surcharge that holds at a moment by the city's clock."""
        local = moment.astimezone(ZoneInfo(self.zone)).time()
        return max((each.cents for each in self.time_surcharges if each.holds(local)), default=0)
