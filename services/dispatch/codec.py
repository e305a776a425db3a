"""The stored names of what happens to deliveries, their times, riders, policies and streets, and their folds."""

from typing import Any

from services.dispatch.domain.delivery import deadlines as delivery_deadlines
from services.dispatch.domain.delivery import events as d
from services.dispatch.domain.delivery.state import UNHEARD_DELIVERY, Delivery
from services.dispatch.domain.delivery.state import evolve as evolve_delivery
from services.dispatch.domain.disruptions import deadlines as disruption_deadlines
from services.dispatch.domain.disruptions import events as h
from services.dispatch.domain.disruptions.state import UNREPORTED, Disruption
from services.dispatch.domain.disruptions.state import evolve as evolve_disruption
from services.dispatch.domain.eta import events as t
from services.dispatch.domain.eta.state import NOTHING_TOLD, Told
from services.dispatch.domain.eta.state import evolve as evolve_eta
from services.dispatch.domain.policies import deadlines as policy_deadlines
from services.dispatch.domain.policies import events as p
from services.dispatch.domain.policies.state import UNWRITTEN, Policy
from services.dispatch.domain.policies.state import evolve as evolve_policy
from services.dispatch.domain.rider import deadlines as rider_deadlines
from services.dispatch.domain.rider import events as r
from services.dispatch.domain.rider.state import NOBODY, Rider
from services.dispatch.domain.rider.state import evolve as evolve_rider
from services.dispatch.domain.surges.noticing import CALM, Surge, SurgeBegan, SurgeEnded, SurgeEvent
from services.dispatch.domain.surges.noticing import evolve as evolve_surge
from services.dispatch.domain.wellbeing import NEVER_ASKED, RiderAsked, Wellbeing
from services.dispatch.domain.wellbeing import evolve as evolve_wellbeing
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType, Personal
from shared.eventstore.snapshot import Snapshots


def _as_it_was(data: dict[str, Any]) -> dict[str, Any]:
    """What a later version can tell besides has the same default in the event itself."""
    return data


DELIVERY_CODEC: Codec[d.DeliveryEvent] = Codec(
    (
        EventType("DeliveryAnnounced", d.DeliveryAnnounced, 3, {1: _as_it_was, 2: _as_it_was}),
        EventType("DeliveryRequested", d.DeliveryRequested, 2, {1: _as_it_was}),
        EventType("ReadyTimeMoved", d.ReadyTimeMoved, 2, {1: _as_it_was}),
        EventType("GoodsReady", d.GoodsReady),
        EventType("DeliveryOffered", d.DeliveryOffered, 2, {1: _as_it_was}),
        EventType("NoRiderFitted", d.NoRiderFitted),
        EventType("OfferDeclined", d.OfferDeclined),
        EventType("OfferExpired", d.OfferExpired),
        EventType("DeliveryOpenedForGrab", d.DeliveryOpenedForGrab, 2, {1: _as_it_was}),
        EventType("DispatcherNeeded", d.DispatcherNeeded),
        EventType("DeliveryGrabbed", d.DeliveryGrabbed),
        EventType("RiderAssigned", d.RiderAssigned),
        EventType("RiderUnassigned", d.RiderUnassigned, 2, {1: _as_it_was}),
        EventType("DeliveryPinned", d.DeliveryPinned),
        EventType("DeliveryUnpinned", d.DeliveryUnpinned),
        EventType("WayDirected", d.WayDirected),
        EventType("GoodsToBeFetched", d.GoodsToBeFetched),
        EventType("ReportExtended", d.ReportExtended),
        EventType("ArrivedAtPickup", d.ArrivedAtPickup),
        EventType("StopCollected", d.StopCollected),
        EventType("PickedUp", d.PickedUp, 4, {1: _as_it_was, 2: _as_it_was, 3: _as_it_was}),
        EventType("ArrivedAtDropoff", d.ArrivedAtDropoff),
        EventType("Delivered", d.Delivered, 2, {1: _as_it_was}),
        EventType("DeliveryFailed", d.DeliveryFailed),
        EventType("DeliveryUndeliverable", d.DeliveryUndeliverable),
        EventType("DeliveryWithdrawn", d.DeliveryWithdrawn),
        EventType("WithdrawalRefused", d.WithdrawalRefused),
        EventType("ReturnOpened", d.ReturnOpened),
        EventType("GoodsReturned", d.GoodsReturned),
        EventType("RouteChanged", d.RouteChanged),
        EventType("LoadChanged", d.LoadChanged),
        EventType("DeliveryCorrected", d.DeliveryCorrected),
        EventType("LateReportKept", d.LateReportKept),
        EventType("PickupZoneEntered", d.PickupZoneEntered),
        EventType("DropoffZoneEntered", d.DropoffZoneEntered),
        EventType("TrackKept", d.TrackKept),
    )
)

RIDER_CODEC: Codec[r.RiderEvent] = Codec(
    (
        EventType(
            "RiderRegistered",
            r.RiderRegistered,
            2,
            {1: _as_it_was},
            personal=(Personal("name", "rider_id"), Personal("phone", "rider_id")),
        ),
        EventType("RiderZonesChanged", r.RiderZonesChanged),
        EventType("ShiftStarted", r.ShiftStarted, 2, {1: _as_it_was}),
        EventType("ShiftEnded", r.ShiftEnded),
        EventType("BreakStarted", r.BreakStarted),
        EventType("BreakEnded", r.BreakEnded),
        EventType("OfferReceived", r.OfferReceived, 2, {1: _as_it_was}),
        EventType("OfferClosed", r.OfferClosed),
        EventType("DeliveryTaken", r.DeliveryTaken, 2, {1: _as_it_was}),
        EventType("DeliveryReleased", r.DeliveryReleased, 2, {1: _as_it_was}),
        EventType("StopsOrdered", r.StopsOrdered),
        EventType("PayAccrued", r.PayAccrued),
        EventType("ReturnTaken", r.ReturnTaken),
        EventType("ReturnDone", r.ReturnDone),
        EventType("RiderWentSilent", r.RiderWentSilent),
        EventType("RiderCameBack", r.RiderCameBack),
    )
)

POLICY_CODEC: Codec[p.PolicyEvent] = Codec(
    (
        EventType("PolicyDrafted", p.PolicyDrafted),
        EventType("PolicyScheduled", p.PolicyScheduled),
        EventType("PolicyUnscheduled", p.PolicyUnscheduled),
        EventType("PolicyActivated", p.PolicyActivated),
        EventType("PolicyRolledBack", p.PolicyRolledBack),
    )
)

DISRUPTION_CODEC: Codec[h.DisruptionEvent] = Codec(
    (
        EventType("RoadDisrupted", h.RoadDisrupted),
        EventType("DisruptionExtended", h.DisruptionExtended),
        EventType("DisruptionLifted", h.DisruptionLifted),
    )
)

ETA_CODEC: Codec[t.EtaEvent] = Codec(
    (
        EventType("EtaTold", t.EtaTold),
        EventType("DelayForeseen", t.DelayForeseen),
    )
)

WELLBEING_CODEC: Codec[RiderAsked] = Codec((EventType("RiderAsked", RiderAsked),))

SURGE_CODEC: Codec[SurgeEvent] = Codec((EventType("SurgeBegan", SurgeBegan), EventType("SurgeEnded", SurgeEnded)))

CODECS: tuple[Codec[Any], ...] = (
    DELIVERY_CODEC,
    RIDER_CODEC,
    POLICY_CODEC,
    DISRUPTION_CODEC,
    SURGE_CODEC,
    WELLBEING_CODEC,
    ETA_CODEC,
)

DELIVERY: Aggregate[Delivery, d.DeliveryEvent] = Aggregate(
    category="delivery",
    initial=UNHEARD_DELIVERY,
    evolve=evolve_delivery,
    codec=DELIVERY_CODEC,
    deadlines=delivery_deadlines.deadlines,
)

RIDER: Aggregate[Rider, r.RiderEvent] = Aggregate(
    category="rider",
    initial=NOBODY,
    evolve=evolve_rider,
    codec=RIDER_CODEC,
    deadlines=rider_deadlines.deadlines,
    # A rider's stream grows with every offer, for years. Raise the number when `evolve` or the state changes.
    snapshots=Snapshots(Rider, 4, personal=(Personal("name", "rider_id"), Personal("phone", "rider_id"))),
)

POLICY: Aggregate[Policy, p.PolicyEvent] = Aggregate(
    category="policy",
    initial=UNWRITTEN,
    evolve=evolve_policy,
    codec=POLICY_CODEC,
    deadlines=policy_deadlines.deadlines,
)

WELLBEING: Aggregate[Wellbeing, RiderAsked] = Aggregate(
    category="wellbeing",
    initial=NEVER_ASKED,
    evolve=evolve_wellbeing,
    codec=WELLBEING_CODEC,
)

SURGE: Aggregate[Surge, SurgeEvent] = Aggregate(
    category="surge",
    initial=CALM,
    evolve=evolve_surge,
    codec=SURGE_CODEC,
)

DISRUPTION: Aggregate[Disruption, h.DisruptionEvent] = Aggregate(
    category="disruption",
    initial=UNREPORTED,
    evolve=evolve_disruption,
    codec=DISRUPTION_CODEC,
    deadlines=disruption_deadlines.deadlines,
)

ETA: Aggregate[Told, t.EtaEvent] = Aggregate(
    category="eta",
    initial=NOTHING_TOLD,
    evolve=evolve_eta,
    codec=ETA_CODEC,
)
