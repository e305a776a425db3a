"""Which of our facts the world is told, and in which words; the rest stays between the streams of this service."""

from collections.abc import Sequence
from typing import Any, assert_never

from services.dispatch.domain.delivery import events as d
from services.dispatch.domain.disruptions import events as h
from services.dispatch.domain.eta import events as t
from services.dispatch.domain.eta.state import STREAM_PREFIX as ETA_PREFIX
from services.dispatch.domain.policies import events as p
from services.dispatch.domain.policies.state import label_of, scope_of
from services.dispatch.domain.rider import events as r
from services.dispatch.domain.surges.noticing import SurgeBegan, SurgeEnded
from services.dispatch.domain.values import Proof
from services.dispatch.domain.wellbeing import RiderAsked
from shared.contracts import common
from shared.contracts import dispatch as m
from shared.contracts.message import Message
from shared.eventstore.model import StoredEvent
from shared.kernel.ids import prefix_of, sibling_id
from shared.kernel.place import Place
from shared.messaging.outgoing import Outgoing


def messages_for(stored: StoredEvent, event: Any) -> Sequence[Outgoing]:
    """At most one public message. Whatever concerns an order is told under its id, a rider's own under his."""
    if prefix_of(stored.stream_id) == "dlv":
        order_id = sibling_id("ord", stored.stream_id)
        ids = {"delivery_id": stored.stream_id, "order_id": order_id}
        message = _finding(event, ids) or _carrying(event, ids) or _seen(event, ids) or _ending(event, ids)
        return () if message is None else (Outgoing(message, order_id),)
    if prefix_of(stored.stream_id) == ETA_PREFIX:
        order_id = sibling_id("ord", stored.stream_id)
        return (Outgoing(_times(event, order_id), order_id),)
    message = _rider(event, stored.stream_id) or _policy(event, scope_of(stored.stream_id))
    message = message or _street(event, stored.stream_id)
    return () if message is None else (Outgoing(message, stored.stream_id),)


def _finding(event: Any, ids: dict[str, str]) -> Message | None:
    match event:
        case d.DeliveryRequested():
            return m.DeliveryRequested(
                **ids,
                attempt=event.attempt,
                wanted_by=event.wanted_by,
                policy_version=event.policy_version,
            )
        case d.DeliveryOffered():
            return m.DeliveryOffered(
                **ids,
                rider_id=event.rider_id,
                answer_by=event.answer_by,
                reasons=event.reasons,
                policy_version=event.policy_version,
            )
        case d.OfferDeclined():
            return m.OfferDeclined(**ids, rider_id=event.rider_id, reason=event.reason)
        case d.OfferExpired():
            return m.OfferExpired(**ids, rider_id=event.rider_id)
        case d.DeliveryOpenedForGrab():
            return m.DeliveryOpenedForGrab(**ids, attempt=event.attempt, policy_version=event.policy_version)
        case d.DispatcherNeeded():
            return m.DispatcherNeeded(**ids, waiting_seconds=event.waiting_seconds)
        case d.DeliveryGrabbed():
            return m.DeliveryGrabbed(**ids, rider_id=event.rider_id)
        case d.DeliveryUndeliverable():
            return m.DeliveryUndeliverable(**ids, attempt=event.attempt)
        case _:
            return None


def _carrying(event: Any, ids: dict[str, str]) -> Message | None:
    match event:
        case d.RiderAssigned():
            return m.RiderAssigned(
                **ids,
                rider_id=event.rider_id,
                mode=common.AssignmentMode(event.mode.value),
                reasons=event.reasons,
                policy_version=event.policy_version,
            )
        case d.RiderUnassigned():
            return m.RiderUnassigned(**ids, rider_id=event.rider_id, reason=event.reason, cause=event.cause)
        case d.ArrivedAtPickup():
            return m.ArrivedAtPickup(**ids, rider_id=event.rider_id)
        case d.StopCollected():
            return m.StopCollected(**ids, rider_id=event.rider_id, stop=event.stop, empty_handed=event.empty_handed)
        case d.PickedUp():
            return m.PickedUp(
                **ids,
                rider_id=event.rider_id,
                proof=_proof(event.proof),
                after_withdrawal=event.after_withdrawal,
                receipt_cents=event.receipt_cents,
            )
        case d.ArrivedAtDropoff():
            return m.ArrivedAtDropoff(**ids, rider_id=event.rider_id)
        case d.Delivered():
            return m.Delivered(**ids, rider_id=event.rider_id, proof=_proof(event.proof))
        case _:
            return None


def _seen(event: Any, ids: dict[str, str]) -> Message | None:
    match event:
        case d.PickupZoneEntered():
            return m.PickupZoneEntered(**ids, rider_id=event.rider_id, at=event.at)
        case d.DropoffZoneEntered():
            return m.DropoffZoneEntered(**ids, rider_id=event.rider_id, at=event.at)
        case _:
            return None


def _ending(event: Any, ids: dict[str, str]) -> Message | None:
    match event:
        case d.DeliveryFailed():
            return m.DeliveryFailed(
                **ids,
                rider_id=event.rider_id,
                reason=common.FailureReason(event.reason.value),
                evidence=event.evidence,
                goods=common.Goods(event.goods.value),
            )
        case d.RouteChanged():
            return m.RouteChanged(**ids, rider_id=event.rider_id, dropoff_cell=event.dropoff_cell)
        case d.DeliveryCorrected():
            return m.DeliveryCorrected(**ids, delivered=event.delivered, reason=event.reason)
        case d.DeliveryWithdrawn():
            return m.DeliveryWithdrawn(**ids, reason=event.reason)
        case d.WithdrawalRefused():
            return m.WithdrawalRefused(**ids, reason=event.reason)
        case d.ReturnOpened():
            return m.ReturnOpened(**ids, rider_id=event.rider_id)
        case d.GoodsReturned():
            return m.GoodsReturned(**ids, rider_id=event.rider_id)
        case _:
            return None


def _rider(event: Any, rider_id: str) -> Message | None:
    match event:
        case r.RiderRegistered():
            return m.RiderRegistered(rider_id=rider_id, skills=event.skills, vehicle=event.vehicle)
        case r.ShiftStarted():
            return m.ShiftStarted(rider_id=rider_id, cell=event.cell, until=event.until)
        case r.ShiftEnded():
            return m.ShiftEnded(rider_id=rider_id)
        case r.PayAccrued():
            return m.PayAccrued(
                rider_id=rider_id,
                delivery_id=event.delivery_id,
                order_id=sibling_id("ord", event.delivery_id),
                amount_cents=event.amount_cents,
                currency=event.currency,
                parts=dict(event.parts),
                policy_version=event.policy_version,
            )
        case r.RiderWentSilent():
            order_id = sibling_id("ord", event.delivery_id)
            return m.RiderWentSilent(rider_id=rider_id, delivery_id=event.delivery_id, order_id=order_id)
        case _:
            return None


def _times(event: t.EtaEvent, order_id: str) -> Message:
    ids = {"delivery_id": sibling_id("dlv", order_id), "order_id": order_id}
    p50, p90 = event.dropoff.p50, event.dropoff.p90
    match event:
        case t.EtaTold():
            pickup = {"pickup_p50": event.pickup.p50, "pickup_p90": event.pickup.p90} if event.pickup else {}
            return m.EtaChanged(**ids, **pickup, p50=p50, p90=p90, cause=event.cause)
        case t.DelayForeseen():
            return m.DelayPredicted(
                **ids, promised_at=event.promised_at, p50=p50, p90=p90, probability=event.probability
            )
        case _:
            assert_never(event)


def _policy(event: Any, scope: str) -> Message | None:
    match event:
        case p.PolicyActivated() | p.PolicyRolledBack():
            return m.PolicyActivated(
                scope=scope,
                policy_version=label_of(scope, event.version),
                previous_policy_version=label_of(scope, event.previous),
                rolled_back=isinstance(event, p.PolicyRolledBack),
            )
        case _:
            return None


def _street(event: Any, disruption_id: str) -> Message | None:
    match event:
        case h.RoadDisrupted():
            ground = event.ground
            return m.RoadDisrupted(
                disruption_id=disruption_id,
                kind=event.kind.value,
                polygon=tuple(_point(corner) for corner in ground.polygon),
                centre=None if ground.circle is None else _point(ground.circle.centre),
                radius_m=None if ground.circle is None else ground.circle.radius_m,
                cells=ground.cells,
                factor=event.factor,
                weather=None if event.weather is None else event.weather.value,
                starts_at=event.starts_at,
                until=event.until,
            )
        case h.DisruptionExtended():
            return m.DisruptionExtended(disruption_id=disruption_id, until=event.until)
        case RiderAsked():
            return m.RiderAsked(
                rider_id=event.rider_id,
                delivery_id=event.delivery_id,
                order_id=sibling_id("ord", event.delivery_id),
                answer_by=event.answer_by,
            )
        case SurgeBegan():
            return m.SurgeBegan(zone=event.zone, orders_waiting=event.orders_waiting, free_riders=event.free_riders)
        case SurgeEnded():
            return m.SurgeEnded(zone=event.zone, orders_waiting=event.orders_waiting, free_riders=event.free_riders)
        case h.DisruptionLifted():
            return m.DisruptionLifted(disruption_id=disruption_id, lifted_at=event.lifted_at, reason=event.reason)
        case _:
            return None


def _point(place: Place) -> common.GeoPoint:
    return common.GeoPoint(lat=place.lat, lon=place.lon)


def _proof(proof: Proof) -> common.Proof:
    return common.Proof(
        kind=proof.kind, reference=proof.reference, sha256=proof.sha256, received_by=proof.received_by
    )
