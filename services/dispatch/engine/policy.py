"""The figures that the engine decides by, in one place; none of them depends on a city or an instance."""

from dataclasses import dataclass

from services.dispatch.domain.policy import DispatchPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePolicy:
    """Seconds unless the name says otherwise. What each figure is worth is in docs/benchmarks/dispatch.md."""

    version: str = "engine-1"
    tick: float = 60
    pickup_service: float = 240
    dropoff_service: float = 240
    largest_bundle: int = 4
    # What an order left over costs, and what a second past the target costs on top.
    left_over: float = 7200
    target: float = 2400
    overage: float = 0.0
    # Riders looked at for each order, and rounds of search for each order that waits, up to a bound.
    near_riders: int = 16
    rounds_per_order: int = 12
    most_rounds: int = 120
    # A larger picture is searched in cells, with at most so many riders each, and in so many rounds together.
    riders_in_cell: int = 80
    rounds_in_all: int = 240
    # Anticipation: futures imagined, how far ahead, and what they weigh beside what is known.
    worlds: int = 20
    horizon: float = 2700
    future_weight: float = 0.7
    future_doubt: float = 0.3
    missed: float = 2400
    approach_weight: float = 0.2
    # Demand: how fast the past fades, and what is believed before anything was seen.
    half_life: float = 1800
    prior_orders_per_hour: float = 1.5
    prior_rider_hours: float = 4
    prior_orders_by_shop: float = 20
    # Idle riders: what a move must gain, what it costs a second, and how many shops are looked at.
    moves: bool = True
    ticks_between_moves: int = 3
    move_gain: float = 30
    move_weight: float = 0.05
    move_shops: int = 12
    most_moved: int = 50
    # Uncertain ready times: the share of them that should come after the rider does.
    arrive_quantile: float = 0.05
    # Live decisions are taken so long before a departure is due: riders must be asked, and may decline.
    # `offer_ahead`: whoever is to fetch it is asked at the latest so long before the goods are ready.
    lead: float = 0.0
    offer_ahead: float = 0.0
    # A bound on the work of one decision: imagined orders looked at by riders, in millions.
    work_millions: float = 0.4


def engine_policy(policy: DispatchPolicy) -> EnginePolicy:
    """What operators have set, in the engine's own figures; the rest is as the benchmark runs it."""
    return EnginePolicy(
        version=policy.version,
        tick=policy.engine_turn_seconds,
        pickup_service=policy.handover_seconds,
        dropoff_service=policy.handover_seconds,
        largest_bundle=policy.orders_per_bundle,
        left_over=policy.left_over_seconds,
        overage=policy.lateness_weight,
        near_riders=policy.near_riders,
        worlds=policy.futures,
        future_weight=policy.future_weight,
        move_gain=policy.move_gain_seconds,
        lead=policy.offer_lead_seconds,
        offer_ahead=policy.offer_ahead_seconds,
    )
