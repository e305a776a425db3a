"""The routes by which dispatchers decide what the engine must not undo: pins, orders of stops, ways."""

from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.commanding import DISPATCHER, Commanding, may_see_rider
from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as d
from services.dispatch.domain.rider import commands as r
from services.dispatch.manual_schemas import PinBody, StopsBody, UnpinBody, WayBody
from services.dispatch.rider_schemas import RiderView
from services.dispatch.schemas import DeliveryView
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.route import route


class ManualRoutes(Commanding):
    """Dispatchers only; who it was is the actor of the event."""

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/pin",
        roles=DISPATCHER,
        body=PinBody,
        answer=DeliveryView,
        command=True,
        summary="Keep a delivery for one rider: nobody else is offered it, may claim it, or takes it off him",
        refusals=(
            errors.DeliveryNotFound,
            errors.RiderNotFound,
            errors.DeliveryEnded,
            errors.DeliveryAlreadyTaken,
            errors.RiderLacksSkills,
        ),
    )
    def pin(self, call: Call[PinBody], delivery_id: str) -> DeliveryView:
        body = call.body
        return self.command(call, d.PinDelivery(delivery_id=delivery_id, rider_id=body.rider_id, reason=body.reason))

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/unpin",
        roles=DISPATCHER,
        body=UnpinBody,
        answer=DeliveryView,
        command=True,
        summary="Anybody may have the delivery again; whoever carries it keeps it",
        refusals=(errors.DeliveryNotFound,),
    )
    def unpin(self, call: Call[UnpinBody], delivery_id: str) -> DeliveryView:
        return self.command(call, d.UnpinDelivery(delivery_id=delivery_id, reason=call.body.reason))

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/way",
        roles=DISPATCHER,
        body=WayBody,
        answer=DeliveryView,
        command=True,
        summary="Send the carrier by certain points to his next door, or let him ride as he likes",
        refusals=(errors.DeliveryNotFound, errors.DeliveryNotAssigned),
    )
    def direct_way(self, call: Call[WayBody], delivery_id: str) -> DeliveryView:
        via = tuple(point.place() for point in call.body.via)
        command = d.DirectWay(delivery_id=delivery_id, via=via, reason=call.body.reason, now=call.now)
        return self.command(call, command)

    @route(
        "POST",
        "/v1/riders/<rider_id>/stops",
        roles=DISPATCHER,
        body=StopsBody,
        answer=RiderView,
        command=True,
        summary="Set the order of a rider's stops, or give the usual order back",
        description="Faults: not_in_hand, named_twice, picked_up_already, dropoff_before_pickup; all at once.",
        refusals=(errors.RiderNotFound,),
    )
    def order_stops(self, call: Call[StopsBody], rider_id: str) -> RiderView:
        may_see_rider(call, rider_id)
        stops = tuple(stop.stop() for stop in call.body.stops)

        def command(transaction: Transaction) -> r.OrderStops:
            carried = transaction.load(RIDER, rider_id).state.carrying
            picked_up = frozenset(each for each in carried if transaction.load(DELIVERY, each).state.all_picked_up)
            return r.OrderStops(rider_id=rider_id, stops=stops, picked_up=picked_up, reason=call.body.reason)

        return self.rider_command_from(call, rider_id, command)
