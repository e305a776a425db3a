"""When a trouble becomes a case: one at a time, and never one for an order that has ended."""

import pytest

from services.support.domain import commands as c
from services.support.domain import decisions as d
from services.support.domain import events as e
from services.support.domain.state import CaseState, Dossier, NoCase, evolve_case, evolve_dossier
from services.support.domain.vocabulary import Ending, Kind
from shared.kernel.errors import NotFound
from tests.support.deciding import Stream
from tests.unit.support.story import (
    CASE,
    DELIVERED,
    FACTS,
    FILED,
    KNOWN,
    NOW,
    ORDER,
    SECOND_CASE,
    SETTLED,
    opened,
    redispatched,
    taken,
    trouble,
)

dossier: Stream[Dossier, e.DossierEvent] = Stream(Dossier(), evolve_dossier)
case: Stream[CaseState, e.CaseEvent] = Stream(NoCase(), evolve_case)
NONE = NoCase()
COMPLAINT = c.OpenComplaint(order_id=ORDER, note="cold", reason="cold_food", now=NOW)


def test_an_order_is_known_once() -> None:
    command = c.KnowOrder(facts=FACTS)
    dossier.given().when(lambda s: d.know_order(command, s)).then(KNOWN).and_again_nothing()


def test_a_trouble_opens_a_case_once() -> None:
    given = dossier.given(KNOWN)
    given.when(lambda s: d.report_trouble(trouble(), s, NONE)).then(FILED).and_again_nothing()


def test_a_trouble_of_an_order_that_was_never_announced_opens_a_case_all_the_same() -> None:
    dossier.given().when(lambda s: d.report_trouble(trouble(), s, NONE)).then(FILED)


def test_a_second_trouble_joins_the_case_that_is_being_solved() -> None:
    open_case = case.given(opened(), taken()).state
    joined = e.TroubleJoined(order_id=ORDER, case_id=CASE, source="evt_2")
    given = dossier.given(KNOWN, FILED)
    given.when(lambda s: d.report_trouble(trouble("evt_2"), s, open_case)).then(joined).and_again_nothing()


def test_a_redelivery_that_fails_opens_the_next_case() -> None:
    open_case = case.given(opened(), taken(), redispatched()).state
    again = e.CaseFiled(order_id=ORDER, case_id=SECOND_CASE, number=2, source="evt_2")
    given = dossier.given(KNOWN, FILED)
    given.when(lambda s: d.report_trouble(trouble("evt_2"), s, open_case)).then(SETTLED, again).and_again_nothing()


def test_what_is_told_after_the_end_is_no_trouble() -> None:
    given = dossier.given(KNOWN, DELIVERED)
    given.when(lambda s: d.report_trouble(trouble(), s, NONE)).then_nothing()


@pytest.mark.parametrize("ending", list(Ending))
def test_an_order_ends_once(ending: Ending) -> None:
    command = c.EndOrder(order_id=ORDER, ending=ending, now=NOW)
    expected = e.OrderEnded(order_id=ORDER, ending=ending)
    dossier.given(KNOWN).when(lambda s: d.end_order(command, s)).then(expected).and_again_nothing()


def test_a_complaint_opens_a_case_also_about_an_order_that_was_delivered() -> None:
    filed = e.CaseFiled(order_id=ORDER, case_id=CASE, number=1, source=None)
    dossier.given(KNOWN, DELIVERED).when(lambda s: d.file_complaint(COMPLAINT, s)).then(filed)


def test_a_complaint_about_an_order_with_an_open_case_is_refused() -> None:
    given = dossier.given(KNOWN, FILED)
    given.when(lambda s: d.file_complaint(COMPLAINT, s)).then_refused(d.CaseAlreadyOpen)


def test_a_complaint_about_an_order_that_nobody_knows_is_refused() -> None:
    dossier.given().when(lambda s: d.file_complaint(COMPLAINT, s)).then_refused(NotFound)


def test_a_settled_case_makes_room_for_another() -> None:
    given = dossier.given(KNOWN, FILED)
    given.when(lambda s: d.settle(CASE, ORDER, s)).then(SETTLED).and_again_nothing()
    filed = e.CaseFiled(order_id=ORDER, case_id=SECOND_CASE, number=2, source=None)
    dossier.given(KNOWN, FILED, SETTLED).when(lambda s: d.file_complaint(COMPLAINT, s)).then(filed)


def test_a_complaint_is_a_trouble_in_the_agents_words() -> None:
    assert (COMPLAINT.trouble.kind, COMPLAINT.trouble.note) == (Kind.COMPLAINT, "cold")


def test_a_delivery_that_was_none_opens_the_order_again_and_may_have_a_case() -> None:
    reopen = c.ReopenOrder(order_id=ORDER, now=NOW)
    reopened = e.OrderReopened(order_id=ORDER)
    dossier.given(KNOWN, DELIVERED).when(lambda s: d.reopen_order(reopen, s)).then(reopened).and_again_nothing()
    dossier.given(KNOWN, DELIVERED, reopened).when(lambda s: d.report_trouble(trouble(), s, NONE)).then(FILED)


def test_a_cancelled_order_is_not_opened_again() -> None:
    over = e.OrderEnded(order_id=ORDER, ending=Ending.CANCELLED)
    reopen = c.ReopenOrder(order_id=ORDER, now=NOW)
    dossier.given(KNOWN, over).when(lambda s: d.reopen_order(reopen, s)).then_nothing()
