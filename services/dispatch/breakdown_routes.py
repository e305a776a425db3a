"""The route by which a rider says that he cannot go on."""

from services.dispatch import views
from services.dispatch.breakdowns import Breakdown, break_down
from services.dispatch.codec import RIDER
from services.dispatch.commanding import RIDER_ROLE, Commanding, is_rider
from services.dispatch.domain import errors
from services.dispatch.domain.values import FailureReason
from services.dispatch.rider_schemas import RiderView
from services.dispatch.schemas import BreakdownBody
from shared.contracts.cells import cell_of
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.route import route
from shared.kernel.errors import Fault, InvalidInput
from shared.kernel.place import Place


class BreakdownRoutes(Commanding):
    """Riders speak for themselves."""

    @route(
        "POST",
        "/v1/riders/<rider_id>/breakdown",
        roles=RIDER_ROLE,
        body=BreakdownBody,
        answer=RiderView,
        command=True,
        summary="Say that the rider cannot go on",
        description="What he has not fetched is taken over at once. With `hands_over` he waits with what he has in "
        "hand for another rider, who fetches it from where he is; else its delivery has failed. His shift ends.",
        refusals=(errors.RiderNotFound, InvalidInput),
    )
    def report_breakdown(self, call: Call[BreakdownBody], rider_id: str) -> RiderView:
        is_rider(call, rider_id)
        body = call.body

        def work(transaction: Transaction) -> RiderView:
            place = _place(transaction, rider_id, body) if body.hands_over else None
            breakdown = Breakdown(
                rider_id=rider_id,
                reason=FailureReason(body.reason),
                hands_over_at=None if place is None else (place, cell_of(place)),
                occurred_at=call.context.occurred_at,
                now=call.now,
            )
            break_down(transaction, breakdown, call.context, self.parts.policy)
            rider = transaction.load(RIDER, rider_id)
            return RiderView.of(rider.version, rider.state)

        return call.once(self.parts.store, work)


def _place(transaction: Transaction, rider_id: str, body: BreakdownBody) -> Place:
    if body.place is not None:
        return body.place.place()
    position = views.position_of(transaction.connection, rider_id)
    if position is None:
        raise InvalidInput([Fault("place", "required", "say where you wait: nobody has seen your device yet")])
    return position.place
