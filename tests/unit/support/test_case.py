"""Who has a case, what they may decide, and how it ends by itself."""

from dataclasses import replace

import pytest

from services.support.domain import commands as c
from services.support.domain import compensating
from services.support.domain import decisions as d
from services.support.domain import events as e
from services.support.domain.reactions import DECIDE, OUTCOME, case_deadlines
from services.support.domain.state import CaseState, Dossier, NoCase, evolve_case, evolve_dossier
from services.support.domain.vocabulary import Decision, Ending, Kind, Outcome, Severity, Trouble
from shared.kernel.deadlines import ClearDeadline, SetDeadline
from shared.kernel.errors import DomainError, NotFound
from tests.support.deciding import Stream
from tests.unit.support.story import (
    AGENT,
    CASE,
    FILED,
    GRANT,
    KNOWN,
    NOW,
    ORDER,
    OTHER,
    POLICY,
    after,
    closed,
    escalated,
    lapsed,
    opened,
    redispatched,
    refunding,
    taken,
    trouble,
)

case: Stream[CaseState, e.CaseEvent] = Stream(NoCase(), evolve_case)
DOSSIER = evolve_dossier(evolve_dossier(Dossier(), KNOWN), FILED)
TAKE = c.TakeCase(case_id=CASE, agent_id=AGENT, now=NOW)
REDISPATCH = c.Redispatch(case_id=CASE, agent_id=AGENT, reason="again", now=NOW)
REFUND = c.Refund(case_id=CASE, agent_id=AGENT, reason="sorry", now=NOW)
CLOSE = c.CloseCase(case_id=CASE, agent_id=AGENT, now=NOW)
DUE = after(POLICY.decision_seconds)


def by(command: c.AgentCommand, agent: str) -> c.AgentCommand:
    return replace(command, agent_id=agent)


def decide(command: c.AgentCommand, state: CaseState) -> list[e.CaseEvent]:
    match command:
        case c.TakeCase():
            return d.take(command, state, POLICY)
        case c.Redispatch():
            return d.redispatch(command, state, POLICY)
        case c.Refund():
            return d.refund(command, state, DOSSIER, POLICY)
        case c.CloseCase():
            return d.close(command, state, POLICY)
        case c.GrantCompensation():
            return compensating.grant(command, state, DOSSIER, POLICY)


def end(ending: Ending) -> c.EndOrder:
    return c.EndOrder(order_id=ORDER, ending=ending, now=NOW)


def test_a_case_is_opened_once_with_what_support_knows_of_the_order() -> None:
    given = case.given()
    given.when(lambda s: d.open_case(FILED, trouble().trouble, DOSSIER, trouble(), POLICY, s)).then(
        opened()
    ).and_again_nothing()


def test_the_first_agent_who_takes_a_case_has_it() -> None:
    case.given(opened()).when(lambda s: decide(TAKE, s)).then(taken()).and_again_nothing()
    others = case.given(opened(), taken(OTHER))
    for command in (TAKE, REDISPATCH, REFUND, GRANT, CLOSE):
        others.when(lambda s, command=command: decide(command, s)).then_refused(d.CaseAlreadyTaken)  # type: ignore[misc]


def test_an_agent_who_decides_an_open_case_takes_it_with_that() -> None:
    case.given(opened()).when(lambda s: decide(REDISPATCH, s)).then(taken(), redispatched()).and_again_nothing()
    case.given(opened()).when(lambda s: decide(REFUND, s)).then(taken(), refunding()).and_again_nothing()
    closing = closed(Outcome.NO_ACTION, AGENT)
    case.given(opened()).when(lambda s: decide(CLOSE, s)).then(taken(), closing).and_again_nothing()


def test_an_agent_decides_the_case_that_they_have() -> None:
    given = case.given(opened(), taken())
    given.when(lambda s: decide(REDISPATCH, s)).then(redispatched()).and_again_nothing()
    given.when(lambda s: decide(REFUND, s)).then(refunding()).and_again_nothing()
    given.when(lambda s: decide(CLOSE, s)).then(closed(Outcome.NO_ACTION, AGENT)).and_again_nothing()


def test_a_redispatch_that_leads_nowhere_can_still_be_refunded_but_not_the_other_way_round() -> None:
    case.given(opened(), taken(), redispatched()).when(lambda s: decide(REFUND, s)).then(refunding())
    given = case.given(opened(), taken(), refunding())
    given.when(lambda s: decide(REDISPATCH, s)).then_refused(d.CaseAlreadyDecided)


def test_what_was_decided_must_come_to_its_end_before_an_agent_closes_the_case() -> None:
    for decided in (redispatched(), refunding()):
        given = case.given(opened(), taken(), decided)
        given.when(lambda s: decide(CLOSE, s)).then_refused(d.CaseAlreadyDecided)


def test_a_complaint_has_nothing_to_redispatch() -> None:
    given = case.given(opened(Kind.COMPLAINT), taken())
    given.when(lambda s: decide(REDISPATCH, s)).then_refused(d.NothingToRedispatch)


def test_an_order_that_was_cancelled_has_nothing_to_refund() -> None:
    over = evolve_dossier(DOSSIER, e.OrderEnded(order_id=ORDER, ending=Ending.CANCELLED))
    given = case.given(opened(Kind.COMPLAINT), taken())
    given.when(lambda s: d.refund(REFUND, s, over, POLICY)).then_refused(d.NothingToRefund)


@pytest.mark.parametrize("command", [TAKE, REDISPATCH, REFUND, GRANT, CLOSE], ids=lambda c: type(c).__name__)
@pytest.mark.parametrize(
    ("events", "error"),
    [((), NotFound), ((opened(), taken(), closed(Outcome.REDELIVERED)), d.CaseEnded)],
    ids=["unknown", "closed"],
)
def test_a_case_that_is_unknown_or_closed_takes_no_command(
    command: c.AgentCommand, events: tuple[e.CaseEvent, ...], error: type[DomainError]
) -> None:
    case.given(*events).when(lambda s: decide(command, s)).then_refused(error)


def test_a_further_trouble_can_make_a_case_more_urgent_and_never_less() -> None:
    joined = e.TroubleJoined(order_id=ORDER, case_id=CASE, source="evt_2")
    accident = Trouble(kind=Kind.DELIVERY_FAILED, reason="rider_accident", goods="with_rider")
    added = e.TroubleAdded(
        case_id=CASE,
        kind=Kind.DELIVERY_FAILED,
        failure_reason="rider_accident",
        goods="with_rider",
        severity=Severity.P0,
    )
    case.given(opened(), taken()).when(lambda s: d.join_trouble(joined, accident, DOSSIER, s)).then(added)
    minor = Trouble(kind=Kind.UNDELIVERABLE, reason="no_rider", goods="not_collected")
    (event,) = d.join_trouble(joined, minor, DOSSIER, case.given(opened(), added).state)
    assert isinstance(event, e.TroubleAdded)
    assert event.severity is Severity.P0


def test_a_case_closes_itself_when_the_order_is_delivered() -> None:
    for events in ((opened(),), (opened(), taken()), (opened(), taken(), redispatched())):
        given = case.given(*events)
        given.when(lambda s: d.conclude(CASE, end(Ending.DELIVERED), s)).then(
            closed(Outcome.REDELIVERED)
        ).and_again_nothing()


def test_a_complaint_outlives_the_delivery() -> None:
    given = case.given(opened(Kind.COMPLAINT), taken())
    given.when(lambda s: d.conclude(CASE, end(Ending.DELIVERED), s)).then_nothing()


@pytest.mark.parametrize("ending", [Ending.CANCELLED, Ending.REJECTED])
def test_a_case_closes_itself_when_the_order_is_cancelled(ending: Ending) -> None:
    waiting = case.given(opened(), taken())
    waiting.when(lambda s: d.conclude(CASE, end(ending), s)).then(closed(Outcome.CANCELLED)).and_again_nothing()
    decided = case.given(opened(), taken(), refunding())
    decided.when(lambda s: d.conclude(CASE, end(ending), s)).then(closed(Outcome.REFUNDED))


def test_a_case_closes_when_the_refund_that_was_asked_for_has_come_about() -> None:
    command = c.NoteRefund(order_id=ORDER, now=NOW)
    given = case.given(opened(Kind.COMPLAINT), taken(), refunding())
    given.when(lambda s: d.note_refund(CASE, command, s)).then(closed(Outcome.REFUNDED)).and_again_nothing()
    other = case.given(opened(), taken())
    other.when(lambda s: d.note_refund(CASE, command, s)).then_nothing()


def test_the_case_of_a_redelivery_that_failed_closes() -> None:
    given = case.given(opened(), taken(), redispatched())
    given.when(lambda s: d.fail_again(CASE, trouble("evt_2"), s)).then(
        closed(Outcome.FAILED_AGAIN)
    ).and_again_nothing()


def test_a_case_that_nobody_decides_becomes_more_urgent_until_it_is_the_most_urgent() -> None:
    command = c.EscalateCase(case_id=CASE, now=DUE)
    given = case.given(opened())
    given.when(lambda s: d.escalate(command, s, POLICY)).then(escalated(Severity.P1))
    top = case.given(opened(), escalated(Severity.P1), escalated(Severity.P0))
    top.when(lambda s: d.escalate(command, s, POLICY)).then_nothing()


def test_a_decided_or_closed_case_is_not_escalated() -> None:
    command = c.EscalateCase(case_id=CASE, now=DUE)
    for events in ((opened(), taken(), redispatched()), (opened(), closed(Outcome.CANCELLED)), ()):
        case.given(*events).when(lambda s: d.escalate(command, s, POLICY)).then_nothing()


def test_another_agent_may_take_over_a_case_whose_time_has_run_out() -> None:
    given = case.given(opened(), taken(OTHER), escalated(Severity.P1))
    given.when(lambda s: decide(TAKE, s)).then(taken()).and_again_nothing()
    given.when(lambda s: decide(REDISPATCH, s)).then(taken(), redispatched())


def test_a_decision_that_leads_nowhere_opens_the_case_again() -> None:
    command = c.LapseDecision(case_id=CASE, now=after(POLICY.outcome_seconds))
    given = case.given(opened(), taken(OTHER), redispatched())
    given.when(lambda s: d.lapse(command, s, POLICY)).then(lapsed(Decision.REDISPATCH)).and_again_nothing()
    again = case.given(opened(), taken(OTHER), redispatched(), lapsed(Decision.REDISPATCH))
    again.when(lambda s: decide(REDISPATCH, s)).then(taken(), redispatched())
    case.given(opened(), taken()).when(lambda s: d.lapse(command, s, POLICY)).then_nothing()


def test_a_case_waits_for_a_decision_and_then_for_its_outcome() -> None:
    for waiting in (opened(), taken(), escalated(Severity.P1)):
        assert list(case_deadlines(waiting)) == [SetDeadline(DECIDE, waiting.decide_by)]
    for decided in (redispatched(), refunding()):
        assert list(case_deadlines(decided)) == [ClearDeadline(DECIDE), SetDeadline(OUTCOME, decided.outcome_by)]
    again = lapsed(Decision.REFUND)
    assert list(case_deadlines(again)) == [ClearDeadline(OUTCOME), SetDeadline(DECIDE, again.decide_by)]
    assert list(case_deadlines(closed(Outcome.CANCELLED))) == [ClearDeadline(DECIDE), ClearDeadline(OUTCOME)]
