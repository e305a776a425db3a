"""Fairness, fatigue and doubt, reckoned for the lab's riders as for those on the street."""

from collections.abc import Mapping
from datetime import datetime

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider.state import Rider
from services.dispatch.engine.burdens import burdens, usual_pay_per_hour
from services.dispatch.lab.riding import Courier
from services.dispatch.lab.town import Town

_NONE: Mapping[str, float] = {}


class Burdens:
    """Those of one moment. Where nobody is asked, nobody is spared either: so the public problem has it."""

    def __init__(self, town: Town, now: float) -> None:
        self._asks = town.day.behaviour.offers
        self._moment: datetime = town.day.moment(now)
        self._policy: DispatchPolicy = town.figures.service(self._moment)
        self._per_order = town.day.pay.per_order_cents
        self._starts = town.day.moment
        self._riders = {each.rider_id: self._state(each) for each in town.couriers.values()} if self._asks else {}
        at_work = (rider for rider in self._riders.values() if rider.on_shift)
        self._usual = usual_pay_per_hour(at_work, self._moment) if self._asks else 0.0

    def of(self, courier: Courier) -> Mapping[str, float]:
        """In seconds, by part."""
        rider = self._riders.get(courier.rider_id)
        if rider is None or not rider.on_shift:
            return _NONE
        return burdens(rider, self._moment, self._policy, self._usual)

    def _state(self, courier: Courier) -> Rider:
        on_at, off_at = self._starts(courier.fact.on_at), self._starts(courier.fact.off_at)
        return Rider(
            rider_id=courier.rider_id,
            on_shift=on_at <= self._moment <= off_at,
            shift_started_at=on_at,
            working_since=on_at,
            earned_cents=round(self._per_order * courier.delivered),
            offers_accepted=courier.said_yes,
            offers_refused=courier.said_no,
        )
