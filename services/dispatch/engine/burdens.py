"""What one more delivery costs with a rider beyond time: whoever has earned much, is tired, or will probably decline,
is asked a little later."""

from collections.abc import Iterable
from datetime import datetime
from statistics import fmean

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider.state import Rider

FAIR_AFTER_HOURS = 0.25
"""Before this, what a rider has earned in an hour says nothing."""
LEAST_UNFAIR, MOST_UNFAIR = -1.0, 2.0
ACCEPTED_BEFORE, ASKED_BEFORE = 8.0, 10.0
"""What is believed of a rider who was never asked: four of five offers are accepted, with the weight of ten
(the mean of a Beta distribution)."""


def burdens(rider: Rider, now: datetime, policy: DispatchPolicy, usual_pay: float) -> dict[str, float]:
    """In seconds of a customer's waiting, by part; `usual_pay` as `usual_pay_per_hour` says, in cents."""
    pay = pay_per_hour(rider, now)
    unfair = 0.0 if pay is None or usual_pay <= 0 else pay / usual_pay - 1
    accepts = acceptance(rider)
    parts = {
        "fairness": policy.fairness_seconds * min(MOST_UNFAIR, max(LEAST_UNFAIR, unfair)),
        "fatigue": policy.fatigue_seconds * min(1.0, rider.spell_seconds(now) / policy.longest_spell_seconds),
        # A decline loses on average half of the time to answer, as often as it takes to find somebody.
        "doubt": policy.doubt_weight * (1 - accepts) / accepts * policy.offer_seconds / 2,
    }
    return {name: seconds for name, seconds in parts.items() if seconds}


def acceptance(rider: Rider) -> float:
    """The probability that he accepts an offer, by how he answered lately."""
    asked = rider.offers_accepted + rider.offers_refused
    return (rider.offers_accepted + ACCEPTED_BEFORE) / (asked + ASKED_BEFORE)


def usual_pay_per_hour(riders: Iterable[Rider], now: datetime) -> float:
    """Cents an hour at work, over everybody who has been there for long enough; 0 when nobody has."""
    rates = [pay for each in riders if (pay := pay_per_hour(each, now)) is not None]
    return fmean(rates) if rates else 0.0


def pay_per_hour(rider: Rider, now: datetime) -> float | None:
    """Cents an hour of this shift without its breaks; None while that says nothing yet."""
    hours = rider.online_seconds(now) / 3600
    return rider.earned_cents / hours if hours >= FAIR_AFTER_HOURS else None
