"""Compensation: granted once, by the agent who has the case, within the order's limit, and known how it ended."""

from dataclasses import replace

import pytest

from services.support.domain import commands as c
from services.support.domain import compensating, decisions
from services.support.domain import events as e
from services.support.domain.policy import SupportPolicy
from services.support.domain.state import Case, CaseState, Dossier, NoCase, evolve_case, evolve_dossier
from services.support.domain.vocabulary import Outcome
from tests.support.deciding import Stream
from tests.unit.support.story import (
    AGENT,
    CASE,
    COUNTED,
    FACTS,
    GRANT,
    GRANTED,
    KNOWN,
    NOW,
    ORDER,
    PAID,
    POLICY,
    SECOND_CASE,
    closed,
    opened,
    redispatched,
    refunding,
    taken,
)

case: Stream[CaseState, e.CaseEvent] = Stream(NoCase(), evolve_case)
dossier: Stream[Dossier, e.DossierEvent] = Stream(Dossier(), evolve_dossier)
KNOWING = evolve_dossier(Dossier(), KNOWN)
NOTED = c.NoteCompensation(
    order_id=ORDER, compensation_id="cmp_1", paid_cents=300, credit_cents=0, refused_cents=100, now=NOW
)


def grant(state: CaseState) -> list[e.CaseEvent]:
    return compensating.grant(GRANT, state, KNOWING, POLICY)


def count(command: c.GrantCompensation, state: Dossier, policy: SupportPolicy = POLICY) -> list[e.DossierEvent]:
    return compensating.count(command, ORDER, state, policy)


def test_compensation_is_granted_once_whatever_else_is_decided() -> None:
    case.given(opened()).when(grant).then(taken(), GRANTED).and_again_nothing()
    case.given(opened(), taken(), redispatched()).when(grant).then(GRANTED).and_again_nothing()


def test_while_the_whole_is_refunded_there_is_no_compensation_and_after_one_the_rest_can_be() -> None:
    case.given(opened(), taken(), refunding()).when(grant).then_refused(decisions.CaseAlreadyDecided)
    refund = c.Refund(case_id=CASE, agent_id=AGENT, reason="sorry", now=NOW)
    compensated = case.given(opened(), taken(), GRANTED)
    compensated.when(lambda s: decisions.refund(refund, s, KNOWING, POLICY)).then(refunding())


def test_a_grant_counts_against_the_limit_of_its_order_once() -> None:
    dossier.given(KNOWN).when(lambda s: count(GRANT, s)).then(COUNTED).and_again_nothing()


@pytest.mark.parametrize(
    ("policy", "most"),
    [
        (SupportPolicy(compensation_max_cents=1000), 600),
        (SupportPolicy(compensation_max_percent=10), 190),
        (SupportPolicy(), 5500),
    ],
)
def test_all_compensation_of_an_order_has_one_limit_over_all_its_cases(policy: SupportPolicy, most: int) -> None:
    other = replace(GRANT, compensation_id="cmp_2", case_id=SECOND_CASE, amount_cents=most)
    given = dossier.given(KNOWN, COUNTED)
    fits = e.CompensationCounted(order_id=ORDER, case_id=SECOND_CASE, compensation_id="cmp_2", amount_cents=most)
    given.when(lambda s: count(other, s, policy)).then(fits)
    given.when(lambda s: count(replace(other, amount_cents=most + 1), s, policy)).then_refused(
        compensating.CompensationExceedsLimit
    )


def test_an_order_whose_price_was_never_told_has_the_limit_in_cents() -> None:
    unknown = e.OrderKnown(facts=replace(FACTS, total_cents=None, currency=""))
    dear = replace(GRANT, amount_cents=POLICY.compensation_max_cents)
    dossier.given(unknown).when(lambda s: count(replace(dear, amount_cents=10_001), s)).then_refused(
        compensating.CompensationExceedsLimit
    )
    [_, granted] = compensating.grant(dear, case.given(opened()).state, dossier.given(unknown).state, POLICY)
    assert isinstance(granted, e.CompensationGranted)
    assert granted.currency == "CNY"


def test_an_id_belongs_to_the_case_that_it_was_granted_in() -> None:
    stolen = replace(GRANT, case_id=SECOND_CASE)
    dossier.given(KNOWN, COUNTED).when(lambda s: count(stolen, s)).then_refused(compensating.CompensationIdReused)


def test_what_the_ledger_made_of_a_grant_is_noted_once_and_what_it_refused_may_be_granted_again() -> None:
    for story in ((opened(), taken(), GRANTED), (opened(), taken(), GRANTED, closed(Outcome.COMPENSATED, AGENT))):
        given = case.given(*story)
        given.when(lambda s: compensating.settle(CASE, NOTED, s)).then(PAID).and_again_nothing()
    counted = replace(COUNTED, amount_cents=300)
    given_dossier = dossier.given(KNOWN, COUNTED)
    given_dossier.when(lambda s: compensating.settle_count(NOTED, s)).then(counted).and_again_nothing()
    dossier.given(KNOWN).when(lambda s: compensating.settle_count(NOTED, s)).then_nothing()
    case.given(opened()).when(lambda s: compensating.settle(CASE, NOTED, s)).then_nothing()
    case.given().when(lambda s: compensating.settle(CASE, NOTED, s)).then_nothing()


def test_a_case_closed_after_a_compensation_says_so() -> None:
    close = c.CloseCase(case_id=CASE, agent_id=AGENT, now=NOW)
    given = case.given(opened(), taken(), GRANTED, PAID)
    given.when(lambda s: decisions.close(close, s, POLICY)).then(closed(Outcome.COMPENSATED, AGENT))
    assert isinstance(given.state, Case)
    assert (given.state.compensations[0].paid_cents, given.state.compensations[0].refused_cents) == (300, 100)
