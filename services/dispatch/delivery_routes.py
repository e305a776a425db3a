"""The routes by which deliveries find their riders, and are seen."""

from services.dispatch import live, time_views, views
from services.dispatch.codec import DELIVERY, ETA
from services.dispatch.commanding import (
    DISPATCHER,
    OFFICE,
    RIDER_OR_OFFICE,
    RIDER_ROLE,
    Commanding,
    acting_rider,
    approach_m,
    may_see_delivery,
)
from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as d
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.eta.state import NOTHING_TOLD, stream_of
from services.dispatch.schemas import (
    AssignBody,
    DeclineBody,
    DeliveriesQuery,
    DeliveryView,
    DispatchBoard,
    PoolEntry,
    ReportBody,
    UnassignBody,
)
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.cursor import Page, PageQuery, encode_cursor
from shared.gateway.route import route
from shared.gateway.sse import Stream
from shared.kernel.ids import prefix_of

TAKING = (errors.DeliveryAlreadyTaken, errors.DeliveryEnded, errors.RiderBusy, errors.RiderOffShift)
UNFIT = (
    errors.RiderLacksSkills,
    errors.RiderLacksCapacity,
    errors.RiderOutsideZones,
    errors.RiderOnBreak,
    errors.RiderMustRest,
)


class DeliveryRoutes(Commanding):
    """Riders answer and claim; dispatchers decide."""

    @route(
        "GET",
        "/v1/grab-pool",
        roles=RIDER_ROLE | DISPATCHER,
        query=PageQuery,
        answer=Page[PoolEntry],
        summary="Deliveries that any fitting rider may claim",
    )
    def get_grab_pool(self, call: Call[None, PageQuery]) -> Page[PoolEntry]:
        with self.parts.store.reading() as reading:
            position = views.position_read(reading.connection)
            rows = views.grab_pool(reading.connection, call.query.limit)
        return Page(items=[PoolEntry.of(row) for row in rows], position=position)

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/accept",
        roles=RIDER_ROLE,
        body=ReportBody,
        answer=DeliveryView,
        command=True,
        summary="Accept an offer",
        refusals=(errors.OfferNotOpen, *TAKING),
    )
    def accept(self, call: Call[ReportBody], delivery_id: str) -> DeliveryView:
        return self.command(call, d.AcceptOffer(delivery_id=delivery_id, rider_id=acting_rider(call), now=call.now))

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/decline",
        roles=RIDER_ROLE,
        body=DeclineBody,
        answer=DeliveryView,
        command=True,
        summary="Decline an offer",
        refusals=(errors.OfferNotOpen, errors.DeliveryNotFound),
    )
    def decline(self, call: Call[DeclineBody], delivery_id: str) -> DeliveryView:
        reason = call.body.reason
        return self.command(call, d.DeclineOffer(delivery_id=delivery_id, rider_id=acting_rider(call), reason=reason))

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/grab",
        roles=RIDER_ROLE,
        body=ReportBody,
        answer=DeliveryView,
        command=True,
        summary="Claim a delivery from the pool: the first one wins",
        refusals=(errors.NotInGrabPool, *UNFIT, *TAKING),
    )
    def grab(self, call: Call[ReportBody], delivery_id: str) -> DeliveryView:
        rider_id = acting_rider(call)
        return self.command_from(
            call,
            delivery_id,
            lambda transaction, delivery: d.GrabDelivery(
                delivery_id=delivery_id,
                rider_id=rider_id,
                distance_m=approach_m(transaction, rider_id, delivery),
                now=call.now,
            ),
        )

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/assign",
        roles=DISPATCHER,
        body=AssignBody,
        answer=DeliveryView,
        command=True,
        summary="Give a delivery to a rider, or from one rider to another before the pick-up",
        description="With a reason also to a rider whose zones do not hold the pick-up.",
        refusals=(errors.DeliveryAlreadyPickedUp, *UNFIT, *TAKING),
    )
    def assign(self, call: Call[AssignBody], delivery_id: str) -> DeliveryView:
        rider_id = call.body.rider_id

        def command(transaction: Transaction, delivery: Delivery) -> d.DeliveryCommand:
            return d.AssignRider(
                delivery_id=delivery_id,
                rider_id=rider_id,
                distance_m=approach_m(transaction, rider_id, delivery),
                reason=call.body.reason,
                now=call.now,
            )

        return self.command_from(call, delivery_id, command)

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/unassign",
        roles=DISPATCHER,
        body=UnassignBody,
        answer=DeliveryView,
        command=True,
        summary="Take the rider off before the pick-up; the engine will not put him back",
        refusals=(errors.DeliveryAlreadyPickedUp, errors.DeliveryNotAssigned, errors.DeliveryNotFound),
    )
    def unassign(self, call: Call[UnassignBody], delivery_id: str) -> DeliveryView:
        reason = call.body.reason

        def command(_transaction: Transaction, _delivery: Delivery) -> d.DeliveryCommand:
            return d.UnassignRider(delivery_id=delivery_id, reason=reason, now=call.now)

        return self.command_from(call, delivery_id, command)

    @route(
        "GET",
        "/v1/deliveries/<delivery_id>",
        roles=RIDER_OR_OFFICE,
        answer=DeliveryView,
        summary="One delivery",
        refusals=(errors.DeliveryNotFound,),
    )
    def get_delivery(self, call: Call[None], delivery_id: str) -> DeliveryView:
        if prefix_of(delivery_id) != "dlv":
            raise errors.DeliveryNotFound("there is no such delivery")
        loaded = self.parts.store.load(DELIVERY, delivery_id)
        if not loaded.version:
            raise errors.DeliveryNotFound("there is no such delivery")
        may_see_delivery(call, loaded.state)
        told = self.parts.store.load(ETA, stream_of(delivery_id)).state
        return DeliveryView.of(delivery_id, loaded.version, loaded.state, told)

    @route(
        "GET",
        "/v1/deliveries",
        roles=OFFICE,
        query=DeliveriesQuery,
        answer=Page[DeliveryView],
        summary="Deliveries, the latest order first",
    )
    def list_deliveries(self, call: Call[None, DeliveriesQuery]) -> Page[DeliveryView]:
        query = call.query
        before = query.after("delivery_id")
        with self.parts.store.reading() as reading:
            position = views.position_read(reading.connection)
            last = None if before is None else str(before["delivery_id"])
            rows = views.deliveries_page(reading.connection, query.stage, last, query.limit)
            told = time_views.told_of(reading.connection, [row.delivery_id for row in rows])
        more = encode_cursor({"delivery_id": rows[-1].delivery_id}) if len(rows) == query.limit else None
        items = [
            DeliveryView.of(row.delivery_id, row.version, row.delivery, told.get(row.delivery_id, NOTHING_TOLD))
            for row in rows
        ]
        return Page(items=items, next=more, position=position)

    @route(
        "GET",
        "/v1/dispatch/live",
        roles=OFFICE,
        answer=DispatchBoard,
        summary="What waits, who rides and what is urgent, as it changes",
        description="Events named `board`, each the whole of it; the id is a position in the log.",
    )
    def watch_board(self, call: Call[None]) -> Stream:  # noqa: ARG002
        return Stream(live.board_events(self.parts))
