"""The routes of riders: who they are, their shifts, and their work."""

from services.dispatch import live, views
from services.dispatch.codec import RIDER
from services.dispatch.commanding import (
    DISPATCHER,
    OFFICE,
    RIDER_OR_OFFICE,
    RIDER_ROLE,
    Commanding,
    is_rider,
    may_act_for,
    may_see_rider,
)
from services.dispatch.domain import errors
from services.dispatch.domain.rider import commands as r
from services.dispatch.rider_schemas import (
    BreakBody,
    RegisterRiderBody,
    RiderView,
    StartShiftBody,
    Work,
    ZonesBody,
)
from services.dispatch.schemas import EmptyBody
from shared.contracts.cells import cell_of
from shared.gateway.call import Call
from shared.gateway.cursor import Page, PageQuery, encode_cursor
from shared.gateway.route import route
from shared.gateway.sse import Stream


class RiderRoutes(Commanding):
    """Riders act for themselves only."""

    @route(
        "POST",
        "/v1/riders",
        roles=DISPATCHER | {"operations"},
        body=RegisterRiderBody,
        answer=RiderView,
        status=201,
        command=True,
        summary="Register a rider",
        refusals=(errors.RiderAlreadyRegistered,),
    )
    def register_rider(self, call: Call[RegisterRiderBody]) -> RiderView:
        body = call.body
        return self.rider_command(
            call,
            r.RegisterRider(
                rider_id=body.rider_id or self.parts.ids("rid"),
                name=body.name,
                phone=body.phone,
                skills=tuple(sorted(set(body.skills))),
                vehicle=body.vehicle,
                capacity_g=body.capacity.weight_g,
                capacity_ml=body.capacity.volume_ml,
                zones=tuple(sorted(set(body.zones))),
            ),
        )

    @route(
        "POST",
        "/v1/riders/<rider_id>/zones",
        roles=DISPATCHER | {"operations"},
        body=ZonesBody,
        answer=RiderView,
        command=True,
        summary="Bind a rider to other zones, or to none",
        refusals=(errors.RiderNotFound,),
    )
    def change_zones(self, call: Call[ZonesBody], rider_id: str) -> RiderView:
        may_see_rider(call, rider_id)
        zones = tuple(sorted(set(call.body.zones)))
        return self.rider_command(call, r.ChangeZones(rider_id=rider_id, zones=zones, reason=call.body.reason))

    @route("GET", "/v1/riders", roles=OFFICE, query=PageQuery, answer=Page[RiderView], summary="All riders")
    def list_riders(self, call: Call[None, PageQuery]) -> Page[RiderView]:
        after = call.query.after("rider_id") or {"rider_id": ""}
        with self.parts.store.reading() as reading:
            position = views.position_read(reading.connection)
            rows = views.riders_page(reading.connection, str(after["rider_id"]), call.query.limit)
        more = encode_cursor({"rider_id": rows[-1].rider_id}) if len(rows) == call.query.limit else None
        return Page(items=[RiderView.of_row(row) for row in rows], next=more, position=position)

    @route("GET", "/v1/riders/<rider_id>", roles=RIDER_OR_OFFICE, answer=RiderView, summary="One rider")
    def get_rider(self, call: Call[None], rider_id: str) -> RiderView:
        may_see_rider(call, rider_id)
        loaded = self.parts.store.load(RIDER, rider_id)
        if not loaded.version:
            raise errors.RiderNotFound("there is no such rider")
        return RiderView.of(loaded.version, loaded.state)

    @route(
        "POST",
        "/v1/riders/<rider_id>/shift/start",
        roles=RIDER_ROLE,
        body=StartShiftBody,
        answer=RiderView,
        command=True,
        summary="Start a shift, or move its end",
        refusals=(errors.RiderNotFound, errors.ShiftEndsTooSoon),
    )
    def start_shift(self, call: Call[StartShiftBody], rider_id: str) -> RiderView:
        is_rider(call, rider_id)
        place = call.body.place.place()
        until, cell = call.body.until, cell_of(place)
        return self.rider_command(
            call, r.StartShift(rider_id=rider_id, place=place, cell=cell, until=until, now=call.now)
        )

    @route(
        "POST",
        "/v1/riders/<rider_id>/shift/end",
        roles=RIDER_ROLE,
        body=EmptyBody,
        answer=RiderView,
        command=True,
        summary="End the shift",
        refusals=(errors.RiderNotFound, errors.RiderBusy),
    )
    def end_shift(self, call: Call[EmptyBody], rider_id: str) -> RiderView:
        is_rider(call, rider_id)
        return self.rider_command(call, r.EndShift(rider_id=rider_id))

    @route(
        "POST",
        "/v1/riders/<rider_id>/break/start",
        roles=RIDER_ROLE | DISPATCHER,
        body=BreakBody,
        answer=RiderView,
        command=True,
        summary="Take a break, or move its end: no offers until then",
        refusals=(errors.RiderNotFound, errors.RiderOffShift, errors.BreakEndsTooSoon),
    )
    def start_break(self, call: Call[BreakBody], rider_id: str) -> RiderView:
        may_act_for(call, rider_id)
        return self.rider_command(call, r.TakeBreak(rider_id=rider_id, until=call.body.until, now=call.now))

    @route(
        "POST",
        "/v1/riders/<rider_id>/break/end",
        roles=RIDER_ROLE | DISPATCHER,
        body=EmptyBody,
        answer=RiderView,
        command=True,
        summary="End the break before its time",
        refusals=(errors.RiderNotFound,),
    )
    def end_break(self, call: Call[EmptyBody], rider_id: str) -> RiderView:
        may_act_for(call, rider_id)
        return self.rider_command(call, r.EndBreak(rider_id=rider_id, now=call.now))

    @route("GET", "/v1/riders/<rider_id>/work", roles=RIDER_ROLE, answer=Work, summary="A rider's work now")
    def get_work(self, call: Call[None], rider_id: str) -> Work:
        is_rider(call, rider_id)
        return live.read_work(self.parts, rider_id)

    @route(
        "GET",
        "/v1/riders/<rider_id>/live",
        roles=RIDER_ROLE,
        answer=Work,
        summary="A rider's work as it changes",
        description="Events named `work`, each the whole of it; the id is a position in the log.",
    )
    def watch_work(self, call: Call[None], rider_id: str) -> Stream:
        is_rider(call, rider_id)
        live.read_work(self.parts, rider_id)
        return Stream(live.work_events(self.parts, rider_id))
