"""The routes of positions: devices send them by HTTP or over a WebSocket, the office reads tracks as evidence."""

from dataclasses import replace

from pydantic import ValidationError
from werkzeug.wrappers import Response

from services.dispatch import track_views
from services.dispatch.codec import DELIVERY
from services.dispatch.commanding import OFFICE, RIDER_ROLE, Commanding, is_rider
from services.dispatch.domain import errors
from services.dispatch.domain.positions import REASONS, set_right
from services.dispatch.position_schemas import (
    LegFeature,
    PositionsAnswer,
    PositionsBody,
    PositionsMessage,
    PositionsReply,
    Track,
    TrackGeoJson,
    TrackLeg,
)
from shared.eventstore.model import Context
from shared.gateway.call import Call
from shared.gateway.problems import Problem, invalid_input, problem_of
from shared.gateway.route import route
from shared.gateway.sockets import Socket
from shared.kernel.ids import prefix_of
from shared.runtime.logging import get_logger

_log = get_logger(__name__)


class PositionRoutes(Commanding):
    """Riders tell where they are themselves."""

    @route(
        "POST",
        "/v1/riders/<rider_id>/positions",
        roles=RIDER_ROLE,
        body=PositionsBody,
        answer=PositionsAnswer,
        summary="Tell where the rider is",
        description="Oldest first; a device that was offline sends what it kept in that order, before its reports. "
        f"What cannot be true is refused with a reason: {', '.join(REASONS)}. The last position is kept, and those "
        "on the way with a delivery as its track. Answered when it is committed; sent again, it is a `duplicate`.",
        refusals=(errors.RiderNotFound,),
        quiet=True,
        inline=True,
    )
    def report_positions(self, call: Call[PositionsBody], rider_id: str) -> PositionsAnswer:
        is_rider(call, rider_id)
        return self._report(call.body, rider_id, call.context)

    @route(
        "GET",
        "/v1/riders/<rider_id>/positions/socket",
        roles=RIDER_ROLE,
        answer=PositionsReply,
        summary="Tell where the rider is, over one connection",
        description="Each message is a JSON object like the body of `POST /v1/riders/{rider_id}/positions`, with an "
        "optional `id`, of at most 64 KiB; each answer has that `id`, and an `answer` or a `problem`. The next "
        "message is read when the last one is answered. Pings come after 20 s of silence. Closed with 1012 when the "
        "process stops (connect again), 1009 for a longer message, 4401 when the token is over.",
        refusals=(errors.RiderNotFound,),
    )
    def stream_positions(self, call: Call[None], rider_id: str) -> Socket:
        is_rider(call, rider_id)
        told = call.context

        def answer(text: str) -> str:
            message = None
            try:
                message = _message(text)
                now = self.parts.clock.now()
                context = replace(told, now=now, occurred_at=now)
                reply = PositionsReply(id=message.id, answer=self._report(message, rider_id, context))
            except Exception as error:
                problem = problem_of(error)
                if problem is None:
                    raise
                document = problem.document(call.trace.trace_id)
                reply = PositionsReply(id=message.id if message else None, problem=document)
            return reply.model_dump_json(exclude_none=True)

        return Socket(answer)

    @route(
        "GET",
        "/v1/deliveries/<delivery_id>/track",
        roles=OFFICE | {"operator"},
        answer=Track,
        summary="Where a delivery was carried, as evidence",
        description="A leg for each rider. The digest of a closed leg is in the delivery's own stream as well "
        "(`TrackKept`). Who reads it is logged.",
        refusals=(errors.DeliveryNotFound,),
    )
    def get_track(self, call: Call[None], delivery_id: str) -> Track:
        return self._track(call, delivery_id)

    @route(
        "GET",
        "/v1/deliveries/<delivery_id>/track.geojson",
        roles=OFFICE | {"operator"},
        answer=TrackGeoJson,
        media="application/geo+json",
        summary="Where a delivery was carried, for a map",
        refusals=(errors.DeliveryNotFound,),
    )
    def get_track_geojson(self, call: Call[None], delivery_id: str) -> Response:
        track = self._track(call, delivery_id)
        shown = TrackGeoJson(features=[LegFeature.of(delivery_id, leg) for leg in track.legs])
        return Response(shown.model_dump_json(), content_type="application/geo+json")

    def _report(self, body: PositionsBody, rider_id: str, context: Context) -> PositionsAnswer:
        reported = [each.position() for each in body.positions]
        policy = self.parts.policies.current().at(None, context.now).positions
        positions, skew_seconds = set_right(reported, body.sent_at, context.now, policy)
        return PositionsAnswer.of(self.parts.positions.report(rider_id, positions, context), skew_seconds)

    def _track(self, call: Call[None], delivery_id: str) -> Track:
        if prefix_of(delivery_id) != "dlv":
            raise errors.DeliveryNotFound("there is no such delivery")
        with self.parts.store.transaction() as reading:
            if not reading.load(DELIVERY, delivery_id).version:
                raise errors.DeliveryNotFound("there is no such delivery")
            legs = track_views.legs(reading, delivery_id)
        _log.info("track_read", delivery=delivery_id, caller=call.principal.subject)
        return Track(delivery_id=delivery_id, legs=[TrackLeg.of(leg) for leg in legs])


def _message(text: str) -> PositionsMessage:
    """A message, or the problem with it."""
    try:
        return PositionsMessage.model_validate_json(text)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem(400, "malformed_json", "the message is not JSON") from None
        raise invalid_input(error) from None
