"""Support's HTTP routes: the cases, what agents do with them, and both live."""

from collections.abc import Iterator

from services.support import views
from services.support.application import CASE, perform
from services.support.domain import commands as c
from services.support.domain import decisions as d
from services.support.domain.compensating import CompensationExceedsLimit, CompensationIdReused
from services.support.domain.state import Case, Stage
from services.support.schemas import (
    CasesQuery,
    CaseTimeline,
    CaseView,
    CompensationBody,
    ComplaintBody,
    LiveData,
    LiveQuery,
    Ready,
    RedispatchBody,
    RefundBody,
    TimelineEntry,
    case_view,
)
from services.support.wiring import SupportParts
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.cursor import Page, encode_cursor
from shared.gateway.route import route
from shared.gateway.sse import Event, Stream
from shared.gateway.standard import StandardRoutes
from shared.kernel.errors import Fault, InvalidInput, NotFound
from shared.kernel.ids import new_id

AGENTS = frozenset({"support"})
READERS = frozenset({"support", "operations", "dispatcher"})
CASES = ("cases",)
SNAPSHOT_MOST = 200
LAST_POSITION = 2**63 - 1
CASE_PREFIX = "cas_"
UNSOLVED = tuple(stage for stage in Stage if stage is not Stage.CLOSED)


class SupportGateway(StandardRoutes):
    """The routes; `service.py` adds what runs by itself."""

    name = "support"
    title = "Doorstep: support"
    parts: SupportParts

    @route(
        "GET",
        "/v1/cases",
        roles=READERS,
        query=CasesQuery,
        answer=Page[CaseView],
        summary="Cases, most urgent first",
        tags=CASES,
    )
    def list_cases(self, call: Call[None, CasesQuery]) -> Page[CaseView]:
        query = call.query
        with self.parts.store.transaction() as tx:
            found = views.cases(
                tx,
                stages=None if query.state is None else (query.state,),
                severity=query.severity,
                order_id=query.order_id,
                agent_id=query.agent_id,
                after=_after(query.after("severity", "position")),
                limit=query.limit,
            )
        return Page(items=[case_view(row) for row in found.rows], next=_next(found), position=found.position)

    @route(
        "GET",
        "/v1/cases/<case_id>",
        roles=READERS,
        answer=CaseView,
        refusals=(NotFound,),
        summary="One case",
        tags=CASES,
    )
    def get_case(self, call: Call, case_id: str) -> CaseView:  # noqa: ARG002
        with self.parts.store.reading() as tx:
            return _view(tx, case_id)

    @route(
        "GET",
        "/v1/cases/live",
        roles=READERS,
        query=LiveQuery,
        answer=LiveData,
        summary="Cases as they change",
        description="First a `case` for each that is not closed, then `ready`, then a `case` for each change.",
        tags=CASES,
    )
    def live(self, call: Call[None, LiveQuery]) -> Stream:
        return Stream(self._events(call.last_position))

    @route(
        "POST",
        "/v1/cases",
        roles=AGENTS,
        body=ComplaintBody,
        answer=CaseView,
        status=201,
        command=True,
        refusals=(NotFound, d.CaseAlreadyOpen),
        summary="Opens a case by hand",
        tags=CASES,
    )
    def open_case(self, call: Call[ComplaintBody]) -> CaseView:
        body = call.body
        command = c.OpenComplaint(order_id=body.order_id, note=body.note, reason=body.reason, now=call.now)
        return self._do(call, command)

    @route(
        "POST",
        "/v1/cases/<case_id>/take",
        roles=AGENTS,
        answer=CaseView,
        command=True,
        refusals=(NotFound, d.CaseAlreadyTaken, d.CaseEnded),
        summary="Takes a case; the first agent has it",
        tags=CASES,
    )
    def take_case(self, call: Call, case_id: str) -> CaseView:
        return self._do(call, c.TakeCase(case_id=case_id, agent_id=call.principal.actor_id, now=call.now))

    @route(
        "POST",
        "/v1/cases/<case_id>/redispatch",
        roles=AGENTS,
        body=RedispatchBody,
        answer=CaseView,
        command=True,
        refusals=(NotFound, d.CaseAlreadyTaken, d.CaseAlreadyDecided, d.CaseEnded, d.NothingToRedispatch),
        summary="Has the same delivery tried again",
        tags=CASES,
    )
    def redispatch_case(self, call: Call[RedispatchBody], case_id: str) -> CaseView:
        agent_id = call.principal.actor_id
        command = c.Redispatch(case_id=case_id, agent_id=agent_id, reason=call.body.reason, now=call.now)
        return self._do(call, command)

    @route(
        "POST",
        "/v1/cases/<case_id>/refund",
        roles=AGENTS,
        body=RefundBody,
        answer=CaseView,
        command=True,
        refusals=(NotFound, d.CaseAlreadyTaken, d.CaseEnded, d.NothingToRefund),
        summary="Ends the order and gives the money back",
        tags=CASES,
    )
    def refund_case(self, call: Call[RefundBody], case_id: str) -> CaseView:
        agent_id = call.principal.actor_id
        command = c.Refund(case_id=case_id, agent_id=agent_id, reason=call.body.reason, now=call.now)
        return self._do(call, command)

    @route(
        "POST",
        "/v1/cases/<case_id>/compensation",
        roles=AGENTS,
        body=CompensationBody,
        answer=CaseView,
        command=True,
        refusals=(
            NotFound,
            d.CaseAlreadyTaken,
            d.CaseAlreadyDecided,
            d.CaseEnded,
            CompensationExceedsLimit,
            CompensationIdReused,
        ),
        summary="Grants the customer money for what went wrong; the order stays as it is",
        description="Paid by the order's ledger, which says in `compensations` what became of it. All compensation of"
        " an order has a limit.",
        tags=CASES,
    )
    def compensate_case(self, call: Call[CompensationBody], case_id: str) -> CaseView:
        command = c.GrantCompensation(
            case_id=case_id,
            agent_id=call.principal.actor_id,
            compensation_id=call.body.compensation_id or new_id("cmp"),
            amount_cents=call.body.amount_cents,
            reason=call.body.reason,
            now=call.now,
        )
        return self._do(call, command)

    @route(
        "GET",
        "/v1/cases/<case_id>/timeline",
        roles=READERS,
        answer=CaseTimeline,
        refusals=(NotFound,),
        summary="Everything that happened to a case",
        tags=CASES,
    )
    def get_timeline(self, call: Call, case_id: str) -> CaseTimeline:  # noqa: ARG002
        with self.parts.store.reading() as tx:
            _view(tx, case_id)
            return CaseTimeline(case_id=case_id, entries=[_entry(stored) for stored in tx.stream(case_id)])

    @route(
        "POST",
        "/v1/cases/<case_id>/close",
        roles=AGENTS,
        answer=CaseView,
        command=True,
        refusals=(NotFound, d.CaseAlreadyTaken, d.CaseAlreadyDecided, d.CaseEnded),
        summary="Closes a case with nothing further to be done",
        tags=CASES,
    )
    def close_case(self, call: Call, case_id: str) -> CaseView:
        return self._do(call, c.CloseCase(case_id=case_id, agent_id=call.principal.actor_id, now=call.now))

    def _do(self, call: Call, command: c.OpenComplaint | c.AgentCommand) -> CaseView:
        """Performs a command once and answers the case as it is then."""

        def work(tx: Transaction) -> CaseView:
            if not isinstance(command, c.OpenComplaint):
                call.expect(tx.load(CASE, command.case_id).version)
            case_id = perform(tx, command, call.context, self.parts.policy)
            assert case_id is not None, "what an agent does is about a case"
            return _view(tx, case_id)

        return call.once(self.parts.store, work)

    def _events(self, after: int | None) -> Iterator[Event | None]:
        if after is None:
            with self.parts.store.transaction() as tx:
                found = views.cases(
                    tx,
                    stages=UNSOLVED,
                    severity=None,
                    order_id=None,
                    agent_id=None,
                    after=None,
                    limit=SNAPSHOT_MOST,
                )
            after = found.position
            for row in found.rows:
                yield Event(None, "case", case_view(row))
            yield Event(after, "ready", Ready(position=after))
        with self.parts.live.subscribe(_is_about_a_case, after) as stored:
            for each in stored:
                yield None if each is None else self._event(each)

    def _event(self, stored: StoredEvent) -> Event:
        with self.parts.store.reading() as tx:
            return Event(stored.position, "case", _view(tx, stored.stream_id))


def _is_about_a_case(stored: StoredEvent) -> bool:
    return stored.stream_id.startswith(CASE_PREFIX)


def _view(tx: Transaction, case_id: str) -> CaseView:
    """The case as its stream tells it; raises NotFound."""
    loaded = tx.load(CASE, case_id)
    if not isinstance(loaded.state, Case):
        raise NotFound("there is no such case", case_id=case_id)
    return case_view(views.row_of(loaded.state, loaded.version))


def _entry(stored: StoredEvent) -> TimelineEntry:
    """Single values only: what is sealed is an object, and the case itself shows it to those who may read it."""
    plain = {name: value for name, value in stored.data.items() if value is None or isinstance(value, str | int)}
    return TimelineEntry(
        type=stored.type,
        at=stored.occurred_at,
        recorded_at=stored.recorded_at,
        actor=stored.actor,
        facts={name: value for name, value in plain.items() if name not in ("case_id", "note")},
    )


def _after(cursor: dict[str, object] | None) -> tuple[str, int] | None:
    """The place in a cursor; raises InvalidInput on one that no list of ours gave."""
    if cursor is None:
        return None
    severity, position = cursor["severity"], cursor["position"]
    if not isinstance(severity, str) or not isinstance(position, int) or not 0 <= position <= LAST_POSITION:
        raise InvalidInput([Fault("cursor", "invalid_cursor", "the cursor is not one that this list gave")])
    return severity, position


def _next(found: views.Rows) -> str | None:
    if not found.more:
        return None
    last = found.rows[-1]
    return encode_cursor({"severity": last.severity.value, "position": last.position})
