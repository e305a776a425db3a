"""The routes of disruptions: the office and riders say what hinders, and when it is over."""

from typing import Any

from services.dispatch import replanning_views, views
from services.dispatch.application import perform_disruption
from services.dispatch.codec import DISRUPTION, RIDER
from services.dispatch.commanding import OFFICE, RIDER_ROLE, acting_rider
from services.dispatch.disruption_schemas import (
    DisruptionBody,
    DisruptionsQuery,
    DisruptionView,
    ExtendBody,
    LiftBody,
)
from services.dispatch.domain import errors
from services.dispatch.domain.disruptions import commands as c
from services.dispatch.domain.disruptions.reading import Said, examine, examine_riders
from services.dispatch.domain.disruptions.state import PREFIX, Disruption
from services.dispatch.wiring import DispatchParts
from shared.contracts.cells import outline_of
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.cursor import Page, encode_cursor
from shared.gateway.route import route
from shared.kernel.errors import InvalidInput
from shared.kernel.ids import prefix_of

REPORTERS = frozenset({"dispatcher", "operations"})
TAGS = ("disruptions",)


class DisruptionRoutes:
    """Everybody who works with riders reads; dispatchers and operations report, extend and lift; riders report."""

    parts: DispatchParts

    @route(
        "POST",
        "/v1/disruptions",
        roles=REPORTERS | RIDER_ROLE,
        body=DisruptionBody,
        answer=DisruptionView,
        status=201,
        command=True,
        summary="Report a jam, a closed road, or weather",
        description="It holds from `starts_at` (now) until `until`, and then ends by itself. A rider reports a jam "
        "or a closed road that he can see, as a small circle, for at most half an hour.",
        tags=TAGS,
        refusals=(errors.DisruptionAlreadyReported, InvalidInput),
    )
    def report_disruption(self, call: Call[DisruptionBody]) -> DisruptionView:
        seen_by = None if call.principal.roles & REPORTERS else acting_rider(call)
        said, faults = examine(call.body.said(), call.now, outline_of)
        if faults:
            raise InvalidInput(faults)
        disruption_id = call.body.disruption_id or self.parts.ids(PREFIX)

        def work(transaction: Transaction) -> DisruptionView:
            if seen_by is not None:
                _require_seen(transaction, seen_by, said, call)
            command = c.ReportDisruption(
                disruption_id=disruption_id,
                kind=said.kind,
                ground=said.ground,
                factor=said.factor,
                weather=said.weather,
                starts_at=said.starts_at,
                until=said.until,
                reason=call.body.reason,
                seen_by=seen_by,
                now=call.now,
            )
            return self._done(transaction, command, call)

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/disruptions",
        roles=OFFICE | RIDER_ROLE,
        query=DisruptionsQuery,
        answer=Page[DisruptionView],
        summary="What hinders riders now or is announced, the latest report first",
        tags=TAGS,
    )
    def list_disruptions(self, call: Call[None, DisruptionsQuery]) -> Page[DisruptionView]:
        query = call.query
        after = query.after("disruption_id")
        last = None if after is None else str(after["disruption_id"])
        with self.parts.store.reading() as reading:
            position = replanning_views.position_read(reading.connection)
            going_on_at = None if query.over else call.now
            rows = replanning_views.disruptions_page(reading.connection, going_on_at, last, query.limit)
        items = [_view(row.disruption_id, row.version, row.disruption, call) for row in rows]
        more = encode_cursor({"disruption_id": rows[-1].disruption_id}) if len(rows) == query.limit else None
        return Page(items=items, next=more, position=position)

    @route(
        "GET",
        "/v1/disruptions/<disruption_id>",
        roles=OFFICE | RIDER_ROLE,
        answer=DisruptionView,
        summary="One disruption",
        tags=TAGS,
        refusals=(errors.DisruptionNotFound,),
    )
    def get_disruption(self, call: Call[None], disruption_id: str) -> DisruptionView:
        _require_id(disruption_id)
        loaded = self.parts.store.load(DISRUPTION, disruption_id)
        if not loaded.version:
            raise errors.DisruptionNotFound("there is no such disruption")
        return _view(disruption_id, loaded.version, loaded.state, call)

    @route(
        "POST",
        "/v1/disruptions/<disruption_id>/extend",
        roles=REPORTERS,
        body=ExtendBody,
        answer=DisruptionView,
        command=True,
        summary="Say that it lasts until another time",
        tags=TAGS,
        refusals=(errors.DisruptionNotFound, errors.DisruptionOver, InvalidInput),
    )
    def extend_disruption(self, call: Call[ExtendBody], disruption_id: str) -> DisruptionView:
        body = call.body
        return self._command(
            call,
            c.ExtendDisruption(disruption_id=disruption_id, until=body.until, reason=body.reason, now=call.now),
        )

    @route(
        "POST",
        "/v1/disruptions/<disruption_id>/lift",
        roles=REPORTERS,
        body=LiftBody,
        answer=DisruptionView,
        command=True,
        summary="Say that it is over",
        tags=TAGS,
        refusals=(errors.DisruptionNotFound,),
    )
    def lift_disruption(self, call: Call[LiftBody], disruption_id: str) -> DisruptionView:
        reason = call.body.reason
        return self._command(call, c.LiftDisruption(disruption_id=disruption_id, reason=reason, now=call.now))

    def _command(self, call: Call[ExtendBody] | Call[LiftBody], command: c.DisruptionCommand) -> DisruptionView:
        _require_id(command.disruption_id)

        def work(transaction: Transaction) -> DisruptionView:
            call.expect(transaction.load(DISRUPTION, command.disruption_id).version)
            return self._done(transaction, command, call)

        return call.once(self.parts.store, work)

    def _done(
        self,
        transaction: Transaction,
        command: c.DisruptionCommand,
        call: Call[DisruptionBody] | Call[ExtendBody] | Call[LiftBody],
    ) -> DisruptionView:
        done = perform_disruption(transaction, command, call.context)
        return _view(command.disruption_id, done.version, done.state, call)


def _view(disruption_id: str, version: int, disruption: Disruption, call: Call[Any, Any]) -> DisruptionView:
    """Who reported it from the street is told to the office and to himself."""
    view = DisruptionView.of(disruption_id, version, disruption, call.now)
    known = bool(call.principal.roles & OFFICE) or view.seen_by in call.principal.ids
    return view if known else view.model_copy(update={"seen_by": None})


def _require_id(disruption_id: str) -> None:
    if prefix_of(disruption_id) != PREFIX:
        raise errors.DisruptionNotFound("there is no such disruption")


def _require_seen(transaction: Transaction, rider_id: str, said: Said, call: Call[DisruptionBody]) -> None:
    """The read model is a moment behind: where a shift that has only just begun started, the stream knows."""
    position = views.position_of(transaction.connection, rider_id)
    seen_at = transaction.load(RIDER, rider_id).state.shift_place if position is None else position.place
    faults = examine_riders(said, seen_at, call.now)
    if faults:
        raise InvalidInput(faults)
