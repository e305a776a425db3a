"""Alerts are raised once, go up the chain until somebody looks, and settle when nobody needs to."""

from dataclasses import replace

from services.notify.domain import commands as c
from services.notify.domain import decisions as d
from services.notify.domain import events as e
from services.notify.domain.reactions import ACKNOWLEDGE, alert_deadlines
from services.notify.domain.state import AlertState, Quiet, evolve_alert
from shared.kernel.deadlines import ClearDeadline, SetDeadline
from shared.kernel.errors import NotFound
from tests.support.deciding import Stream
from tests.unit.notify.story import NOW, POLICY, after, raise_alert, raised

alert: Stream[AlertState, e.AlertEvent] = Stream(Quiet(), evolve_alert)
ID = raised().alert_id
SECOND = e.AlertEscalated(alert_id=ID, level=2, asked="operations", acknowledge_by=after(120))
THIRD = e.AlertEscalated(alert_id=ID, level=3, asked="operator", acknowledge_by=None)
ACKNOWLEDGED = e.AlertAcknowledged(alert_id=ID, by="dispatcher:dis_1", acknowledged_at=NOW)
SETTLED = e.AlertSettled(alert_id=ID, reason="rider_assigned")


def acknowledge(by: str = "dispatcher:dis_1") -> c.AcknowledgeAlert:
    return c.AcknowledgeAlert(alert_id=ID, by=by, now=NOW)


def escalate(seconds: float) -> c.EscalateAlert:
    return c.EscalateAlert(alert_id=ID, now=after(seconds))


def test_an_alert_is_raised_once() -> None:
    alert.given().when(lambda s: d.raise_alert(raise_alert(), s, POLICY)).then(raised()).and_again_nothing()


def test_an_alert_that_nobody_answers_goes_up_the_chain_and_stays_with_its_last_link() -> None:
    alert.given(raised()).when(lambda s: d.escalate(escalate(60), s, POLICY)).then(SECOND)
    alert.given(raised(), SECOND).when(lambda s: d.escalate(escalate(120), s, POLICY)).then(THIRD)
    alert.given(raised(), SECOND, THIRD).when(lambda s: d.escalate(escalate(180), s, POLICY)).then_nothing()


def test_an_answered_alert_is_not_escalated() -> None:
    alert.given(raised(), ACKNOWLEDGED).when(lambda s: d.escalate(escalate(60), s, POLICY)).then_nothing()
    alert.given(raised(), SETTLED).when(lambda s: d.escalate(escalate(60), s, POLICY)).then_nothing()
    alert.given().when(lambda s: d.escalate(escalate(60), s, POLICY)).then_nothing()


def test_the_first_who_acknowledges_an_alert_has_it() -> None:
    alert.given(raised()).when(lambda s: d.acknowledge(acknowledge(), s)).then(ACKNOWLEDGED).and_again_nothing()
    other = acknowledge("dispatcher:dis_2")
    given = alert.given(raised(), ACKNOWLEDGED)
    given.when(lambda s: d.acknowledge(other, s)).then_refused(d.AlertAlreadyAcknowledged)


def test_an_alert_that_settled_itself_needs_no_acknowledgement() -> None:
    alert.given(raised(), SETTLED).when(lambda s: d.acknowledge(acknowledge(), s)).then_nothing()


def test_an_alert_that_does_not_exist_cannot_be_acknowledged() -> None:
    alert.given().when(lambda s: d.acknowledge(acknowledge(), s)).then_refused(NotFound)


def test_an_alert_settles_once() -> None:
    given = alert.given(raised(), SECOND)
    given.when(lambda s: d.settle(ID, "rider_assigned", s)).then(SETTLED).and_again_nothing()
    alert.given().when(lambda s: d.settle(ID, "rider_assigned", s)).then_nothing()


def test_a_shorter_chain_ends_sooner() -> None:
    short = replace(POLICY, alert_chain=("dispatcher",))
    alert.given(raised()).when(lambda s: d.escalate(escalate(60), s, short)).then_nothing()


def test_an_alert_waits_for_an_answer_until_it_has_one() -> None:
    assert list(alert_deadlines(raised())) == [SetDeadline(ACKNOWLEDGE, after(60))]
    assert list(alert_deadlines(SECOND)) == [SetDeadline(ACKNOWLEDGE, after(120))]
    assert list(alert_deadlines(THIRD)) == []
    assert list(alert_deadlines(ACKNOWLEDGED)) == [ClearDeadline(ACKNOWLEDGE)]
    assert list(alert_deadlines(SETTLED)) == [ClearDeadline(ACKNOWLEDGE)]
