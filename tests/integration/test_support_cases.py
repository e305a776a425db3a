"""Support on a real database: every message has its effect once, and a case has one winner and one end."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from services.support.application import CASE, on_deadline, perform
from services.support.domain import commands as c
from services.support.domain.decisions import CaseAlreadyTaken
from services.support.domain.state import Case, Stage
from services.support.domain.vocabulary import Decision, Outcome, Severity, case_id
from services.support.wiring import SupportParts, build, hear
from shared.contracts.common import FailureReason
from shared.contracts.message import Message
from shared.eventstore.model import Context
from shared.kernel.errors import DomainError
from shared.messaging.inbox import batch_of
from tests.support.database import Database
from tests.unit.notify.running import sequence, settings_of
from tests.unit.notify.wire import envelope
from tests.unit.support.story import NOW
from tests.unit.support.telling import cancelled, delivered, failed, placed, refunded, undeliverable


@pytest.fixture(scope="module")
def url(database: Database) -> str:
    return database.url("support")


@pytest.fixture(scope="module")
def parts(url: str) -> Iterator[SupportParts]:
    made = build(settings_of("support", url))
    try:
        yield made
    finally:
        made.close()


def bodies(order_id: str, *messages: Message) -> list[bytes]:
    """Messages about an order as they come off the wire, in order."""
    wrapped = [(envelope(known, number), number) for number, known in enumerate(messages, 1)]
    return [
        one.model_copy(update={"id": f"evt_{order_id}_{number}", "subject": f"{one.service}_{order_id}"}).to_bytes()
        for one, number in wrapped
    ]


def hears(parts: SupportParts, order_id: str, *messages: Message) -> None:
    """Support hears of a new order and then all that, each message twice."""
    for body in bodies(order_id, placed(order_id), *messages):
        parts.inbox.consume(batch_of(body))
    parts.inbox.consume(batch_of(*bodies(order_id, placed(order_id), *messages)))


def agent(parts: SupportParts, command: c.AgentCommand | c.OpenComplaint) -> str | None:
    context = Context(actor="support:agt_1", now=NOW, occurred_at=NOW, correlation_id="cor_1")
    return parts.store.run(lambda tx: perform(tx, command, context, parts.policy))


def case_of(parts: SupportParts, order_id: str, number: int = 1) -> Case:
    state = parts.store.load(CASE, case_id(order_id, number)).state
    assert isinstance(state, Case)
    return state


def events(url: str, order_id: str) -> Counter[str]:
    """How often each thing happened to the cases of an order."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT type FROM events WHERE stream_id LIKE %s", (f"cas_{order_id.removeprefix('ord_')}-%",)
        ).fetchall()
    return Counter(row[0] for row in rows)


def test_a_failed_delivery_opens_one_case_however_often_it_is_told(parts: SupportParts, url: str) -> None:
    hears(parts, "ord_once", failed("ord_once"))
    assert events(url, "ord_once") == {"CaseOpened": 1}
    assert case_of(parts, "ord_once").opened.customer_id == "cus_1"


def test_handlers_have_one_effect_even_without_an_inbox_before_them(parts: SupportParts, url: str) -> None:
    story = (placed("ord_bare"), failed("ord_bare"), undeliverable("ord_bare"), cancelled("ord_bare"))
    for _ in range(2):
        for number, known in enumerate(story, 1):
            with parts.store.transaction() as tx:
                hear(parts.clock, parts.policy, tx, envelope(known, number), known)
    assert events(url, "ord_bare") == {"CaseOpened": 1, "TroubleAdded": 1, "CaseClosed": 1}


def test_four_processes_that_hear_the_same_open_one_case(parts: SupportParts, url: str) -> None:
    story = bodies("ord_four", placed("ord_four"), failed("ord_four"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: parts.inbox.consume(batch_of(*story)), range(4)))
    assert events(url, "ord_four") == {"CaseOpened": 1}


def test_a_case_closes_itself_when_the_order_is_delivered_after_all(parts: SupportParts) -> None:
    hears(parts, "ord_redo", failed("ord_redo"))
    agent(parts, c.Redispatch(case_id="cas_redo-1", agent_id="agt_1", reason="again", now=NOW))
    hears(parts, "ord_redo", failed("ord_redo"), delivered("ord_redo"))
    case = case_of(parts, "ord_redo")
    assert (case.stage, case.outcome) == (Stage.CLOSED, Outcome.REDELIVERED)


def test_a_case_closes_itself_when_the_order_is_cancelled_and_refunded(parts: SupportParts, url: str) -> None:
    hears(parts, "ord_back", undeliverable("ord_back"))
    agent(parts, c.Refund(case_id="cas_back-1", agent_id="agt_1", reason="sorry", now=NOW))
    hears(parts, "ord_back", undeliverable("ord_back"), cancelled("ord_back"), refunded("ord_back"))
    assert case_of(parts, "ord_back").outcome is Outcome.REFUNDED
    assert events(url, "ord_back")["CaseClosed"] == 1


def test_a_redelivery_that_fails_opens_a_second_and_more_urgent_case(parts: SupportParts, url: str) -> None:
    hears(parts, "ord_again", failed("ord_again"))
    agent(parts, c.Redispatch(case_id="cas_again-1", agent_id="agt_1", reason="again", now=NOW))
    hears(parts, "ord_again", failed("ord_again"), failed("ord_again"))
    assert case_of(parts, "ord_again").outcome is Outcome.FAILED_AGAIN
    second = case_of(parts, "ord_again", 2)
    assert (second.stage, second.severity, second.opened.number) == (Stage.OPEN, Severity.P1, 2)
    assert events(url, "ord_again")["CaseOpened"] == 2


def test_a_refund_of_a_delivered_order_closes_the_complaint(parts: SupportParts) -> None:
    hears(parts, "ord_cold", delivered("ord_cold"))
    opened = agent(parts, c.OpenComplaint(order_id="ord_cold", note="", reason="cold_food", now=NOW))
    assert opened == "cas_cold-1"
    agent(parts, c.Refund(case_id=opened, agent_id="agt_1", reason="sorry", now=NOW))
    hears(parts, "ord_cold", delivered("ord_cold"), refunded("ord_cold"))
    assert case_of(parts, "ord_cold").outcome is Outcome.REFUNDED


def storm(parts: SupportParts, commands: list[c.AgentCommand]) -> list[str]:
    """All commands at once; who did it, or the code of the refusal."""

    def attempt(command: c.AgentCommand) -> str:
        try:
            agent(parts, command)
        except DomainError as refused:
            return refused.code
        return command.agent_id

    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(attempt, commands))


@pytest.mark.parametrize(
    "command",
    [
        lambda case, who: c.TakeCase(case_id=case, agent_id=who, now=NOW),
        lambda case, who: c.Redispatch(case_id=case, agent_id=who, reason="again", now=NOW),
        lambda case, who: c.Refund(case_id=case, agent_id=who, reason="sorry", now=NOW),
    ],
    ids=["take", "redispatch", "refund"],
)
def test_of_many_agents_who_want_one_case_at_once_one_has_it(
    parts: SupportParts, url: str, command: Callable[[str, str], c.AgentCommand], request: pytest.FixtureRequest
) -> None:
    order_id = f"ord_race{request.node.callspec.id}"
    hears(parts, order_id, failed(order_id))
    answers = storm(parts, [command(case_id(order_id, 1), f"agt_{n}") for n in range(8)])
    winner = case_of(parts, order_id).agent_id
    assert Counter(answers) == {winner: 1, CaseAlreadyTaken.code: 7}
    assert events(url, order_id)["CaseAssigned"] == 1


def test_two_agents_who_decide_differently_at_once_leave_one_decision(parts: SupportParts, url: str) -> None:
    hears(parts, "ord_split", failed("ord_split"))
    storm(
        parts,
        [
            c.Redispatch(case_id="cas_split-1", agent_id="agt_1", reason="again", now=NOW),
            c.Refund(case_id="cas_split-1", agent_id="agt_2", reason="sorry", now=NOW),
        ],
    )
    found = events(url, "ord_split")
    assert found["RedispatchRequested"] + found["CancellationRequested"] == 1


def test_an_undecided_case_becomes_more_urgent_and_a_fruitless_decision_opens_it_again(parts: SupportParts) -> None:
    hears(parts, "ord_slow", failed("ord_slow"))
    late = NOW + timedelta(seconds=parts.policy.decision_seconds + 1)
    for _ in range(2):
        parts.store.take_due(late, lambda tx, due: on_deadline(tx, due, late, parts.policy), 1_000)
    case = case_of(parts, "ord_slow")
    assert (case.severity, case.overdue) == (Severity.P1, True)
    agent(parts, c.Redispatch(case_id="cas_slow-1", agent_id="agt_1", reason="again", now=NOW))
    later = NOW + timedelta(seconds=parts.policy.outcome_seconds + 1)
    parts.store.take_due(later, lambda tx, due: on_deadline(tx, due, later, parts.policy), 1_000)
    case = case_of(parts, "ord_slow")
    assert (case.stage, case.decision) == (Stage.OPEN, None)
    agent(parts, c.Refund(case_id="cas_slow-1", agent_id="agt_2", reason="sorry", now=NOW))
    assert case_of(parts, "ord_slow").decision is Decision.REFUND


def test_the_list_says_of_each_case_what_its_stream_says(parts: SupportParts, url: str) -> None:
    from services.support.views import cases, row_of

    hears(parts, "ord_list", failed("ord_list", FailureReason.RIDER_ACCIDENT), undeliverable("ord_list"))
    agent(parts, c.Refund(case_id="cas_list-1", agent_id="agt_1", reason="sorry", now=NOW))
    sequence(url)
    while parts.lists.run(parts.store):
        pass
    with parts.store.transaction() as tx:
        anything: dict[str, Any] = {
            "stages": None,
            "severity": None,
            "order_id": None,
            "agent_id": None,
            "after": None,
        }
        found = cases(tx, **anything, limit=200)
    assert not found.more
    for row in found.rows:
        loaded = parts.store.load(CASE, row.case_id)
        assert isinstance(loaded.state, Case)
        assert row == row_of(loaded.state, loaded.version, row.position)
    assert [row.severity for row in found.rows] == sorted(row.severity for row in found.rows)
    assert {row.case_id: row.severity for row in found.rows}["cas_list-1"] is Severity.P0
