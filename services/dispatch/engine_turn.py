"""One turn of the engine: the leader looks at the world, decides purely, and asks riders through their streams."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.dispatch import views
from services.dispatch.application import perform
from services.dispatch.codec import DELIVERY
from services.dispatch.domain.delivery.commands import OfferDelivery
from services.dispatch.domain.policy import DispatchPolicy, PolicySource, Where
from services.dispatch.domain.values import Priority
from services.dispatch.engine.nearest import decide
from services.dispatch.engine.picture import Decision, DeliverySeen, NobodyFits, OfferTo, Picture, Standing
from shared.contracts.cells import cell_of
from shared.eventstore import because
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import DomainError, StaleVersion

_LEAD = "SELECT pg_try_advisory_xact_lock(hashtextextended('doorstep.dispatch.engine', 0)) AS leads"


def take_turn(store: Store, actor: str, now: datetime, policy: PolicySource) -> int:
    """Asks whom the policy chooses; returns how many riders were asked (0 as well when another process leads).

    The lock lasts for the turn only, so that a leader that dies leaves nothing to wait for.
    """
    with store.transaction() as turn:
        if not turn.connection.execute(_LEAD).fetchone()["leads"]:
            return 0
        picture = views.picture(turn.connection, now, policy.at(None, now).deliveries_per_tick)
        if picture is None:
            return 0
        decisions = decide_by_place(picture, policy)
        asked = offer(store, decisions, actor, now, policy)
        views.explain(turn.connection, [each for each in decisions if isinstance(each, NobodyFits)], now)
        return asked


def decide_by_place(picture: Picture, policy: PolicySource) -> list[Decision]:
    """Decides under the policy of each pick-up: the deliveries of one policy together, the group with the most urgent
    and longest waiting first. Riders whom an earlier group asks are asked by no later one.

    This is the seam for an engine that weighs places itself: it takes `policy.at` instead, delivery by delivery.
    """
    decisions: list[Decision] = []
    for deliveries, here in _by_policy(picture, policy):
        asked = {each.rider_id for each in decisions if isinstance(each, OfferTo)}
        riders = tuple(
            replace(rider, standing=Standing.ASKED) if rider.rider_id in asked else rider for rider in picture.riders
        )
        decisions += decide(replace(picture, deliveries=deliveries, riders=riders), here)
    return decisions


def _by_policy(picture: Picture, policy: PolicySource) -> list[tuple[tuple[DeliverySeen, ...], DispatchPolicy]]:
    groups: dict[DispatchPolicy, list[DeliverySeen]] = {}
    for delivery in picture.deliveries:
        where = Where(delivery.pickup, cell_of(delivery.pickup))
        groups.setdefault(policy.at(where, picture.now), []).append(delivery)
    ordered = sorted(groups.items(), key=lambda group: min(map(_turn, group[1])))
    return [(tuple(deliveries), here) for here, deliveries in ordered]


def _turn(delivery: DeliverySeen) -> tuple[int, datetime]:
    return -tuple(Priority).index(delivery.priority), delivery.requested_at


def offer(store: Store, decisions: Sequence[Decision], actor: str, now: datetime, policy: PolicySource) -> int:
    """Issues each offer in a transaction of its own, judged by the streams: the picture may be a moment old."""
    return sum(_offer(store, each, actor, now, policy) for each in decisions if isinstance(each, OfferTo))


def _offer(store: Store, decision: OfferTo, actor: str, now: datetime, policy: PolicySource) -> bool:
    command = OfferDelivery(
        delivery_id=decision.delivery_id,
        rider_id=decision.rider_id,
        distance_m=decision.distance_m,
        reasons=decision.reasons,
        again=decision.again,
        now=now,
    )

    def work(transaction: Transaction) -> bool:
        version = transaction.load(DELIVERY, decision.delivery_id).version
        with because.of_state(transaction, "offer", decision.delivery_id, version, actor, now) as context:
            return bool(perform(transaction, command, context, policy).delivery(decision.delivery_id).events)

    try:
        return store.run(work)
    except (DomainError, StaleVersion):
        # The world has moved on since the picture was taken; the next turn sees it as it is.
        return False
