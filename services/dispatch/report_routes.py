"""The routes by which riders report from the street."""

from services.dispatch.commanding import RIDER_ROLE, Commanding, proof_of, told
from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as d
from services.dispatch.schemas import (
    CollectedBody,
    DeliveryView,
    FailureBody,
    HandOverBody,
    PickUpBody,
    ReportBody,
)
from shared.gateway.call import Call
from shared.gateway.route import route

NOT_HIS = (errors.DeliveryNotFound, errors.NotYourDelivery)


class ReportRoutes(Commanding):
    """Reports may come late and twice: the device's time is kept beside ours."""

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/arrived-at-pickup",
        roles=RIDER_ROLE,
        body=ReportBody,
        answer=DeliveryView,
        command=True,
        summary="Report the arrival at the merchant's",
        refusals=NOT_HIS,
    )
    def arrived_at_pickup(self, call: Call[ReportBody], delivery_id: str) -> DeliveryView:
        return self.command(call, d.ReportArrivalAtPickup(**told(call, delivery_id)))

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/collected",
        roles=RIDER_ROLE,
        body=CollectedBody,
        answer=DeliveryView,
        command=True,
        summary="Report that the rider is done at one of an errand's places",
        description="Of an errand that fetches at several. Each of its further places before the pick-up is reported;"
        " in whatever order it went. Receipts add up.",
        refusals=(*NOT_HIS, errors.NoSuchStop),
    )
    def collected(self, call: Call[CollectedBody], delivery_id: str) -> DeliveryView:
        body = call.body
        report = d.ReportCollected(
            stop=body.stop,
            receipt_cents=body.receipt_cents,
            empty_handed=body.empty_handed,
            **told(call, delivery_id),
        )
        return self.command(call, report)

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/picked-up",
        roles=RIDER_ROLE,
        body=PickUpBody,
        answer=DeliveryView,
        command=True,
        summary="Report that the rider has the goods",
        description="Of an errand that buys something, with what the receipt says; of one that fetches at several"
        " places, once the rider has been at each of the further ones.",
        refusals=(*NOT_HIS, errors.ReceiptMissing, errors.StopsNotCollected),
    )
    def picked_up(self, call: Call[PickUpBody], delivery_id: str) -> DeliveryView:
        proof, receipt_cents = proof_of(call.body), call.body.receipt_cents
        report = d.ReportPickUp(proof=proof, receipt_cents=receipt_cents, **told(call, delivery_id))
        return self.command(call, report)

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/arrived-at-dropoff",
        roles=RIDER_ROLE,
        body=ReportBody,
        answer=DeliveryView,
        command=True,
        summary="Report the arrival at the customer's",
        refusals=(*NOT_HIS, errors.DeliveryNotPickedUp),
    )
    def arrived_at_dropoff(self, call: Call[ReportBody], delivery_id: str) -> DeliveryView:
        return self.command(call, d.ReportArrivalAtDropoff(**told(call, delivery_id)))

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/delivered",
        roles=RIDER_ROLE,
        body=HandOverBody,
        answer=DeliveryView,
        command=True,
        summary="Report that the customer has the goods",
        refusals=(*NOT_HIS, errors.DeliveryNotPickedUp),
    )
    def delivered(self, call: Call[HandOverBody], delivery_id: str) -> DeliveryView:
        return self.command(call, d.ReportDelivered(proof=proof_of(call.body), **told(call, delivery_id)))

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/failed",
        roles=RIDER_ROLE,
        body=FailureBody,
        answer=DeliveryView,
        command=True,
        summary="Report that it cannot be delivered",
        refusals=(*NOT_HIS, errors.GoodsContradiction),
    )
    def failed(self, call: Call[FailureBody], delivery_id: str) -> DeliveryView:
        body, report = call.body, told(call, delivery_id)
        command = d.ReportFailure(reason=body.reason, goods=body.goods, evidence=body.evidence, **report)
        return self.command(call, command)

    @route(
        "POST",
        "/v1/deliveries/<delivery_id>/returned",
        roles=RIDER_ROLE,
        body=ReportBody,
        answer=DeliveryView,
        command=True,
        summary="Report that the goods are back at the merchant's",
        refusals=(*NOT_HIS, errors.NothingToReturn),
    )
    def returned(self, call: Call[ReportBody], delivery_id: str) -> DeliveryView:
        return self.command(call, d.ReportReturn(**told(call, delivery_id)))
