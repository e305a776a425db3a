"""Who must hear of an order, and what waits until they are known."""

from services.notify.domain import commands as c
from services.notify.domain import decisions as d
from services.notify.domain import events as e
from services.notify.domain.state import Audience, evolve_audience
from services.notify.domain.vocabulary import AlertKind, Medium, Role
from tests.support.deciding import Stream
from tests.unit.notify.story import (
    CUSTOMER,
    MERCHANT,
    NOW,
    ORDER,
    POLICY,
    RIDER,
    after,
    contact_opened,
    formed,
    open_contact,
    raise_alert,
    telling,
)

audience: Stream[Audience, e.AudienceEvent] = Stream(Audience(), evolve_audience)
FORM = c.FormAudience(order_id=ORDER, customer_id=CUSTOMER, merchant_id=MERCHANT, now=NOW)
ENDING = e.ContactEnding(order_id=ORDER, close_at=after(600))
CLOSED = e.ContactClosed(order_id=ORDER, source="evt_contact")


def test_the_parties_of_an_order_are_learnt_once() -> None:
    audience.given().when(lambda s: d.form_audience(FORM, s)).then(formed()).and_again_nothing()


def test_what_was_said_before_anybody_was_known_is_released_when_they_are() -> None:
    waiting = telling(role=Role.MERCHANT)
    told = c.Tell(order_id=ORDER, tellings=(waiting,), now=NOW)
    postponed = e.TellingPostponed(order_id=ORDER, telling=waiting)
    audience.given().when(lambda s: d.postpone(told, s)).then(postponed).and_again_nothing()
    released = e.TellingsReleased(order_id=ORDER, tellings=(waiting,))
    audience.given(postponed).when(lambda s: d.form_audience(FORM, s)).then(formed(), released).and_again_nothing()


def test_nothing_waits_for_a_rider_who_is_not_there() -> None:
    told = c.Tell(order_id=ORDER, tellings=(telling(role=Role.RIDER),), now=NOW)
    audience.given(formed()).when(lambda s: d.postpone(told, s)).then_nothing()
    state = audience.given(formed()).state
    assert d.requests(telling(role=Role.RIDER), state, NOW) == []


def test_what_waits_is_bounded() -> None:
    tellings = tuple(telling(source=f"evt_{n}") for n in range(d.WAITING_MOST + 5))
    command = c.Tell(order_id=ORDER, tellings=tellings, now=NOW)
    assert len(d.postpone(command, Audience())) == d.WAITING_MOST


def test_a_rider_joins_once() -> None:
    command = c.JoinRider(order_id=ORDER, rider_id=RIDER)
    joined = e.RiderJoined(order_id=ORDER, rider_id=RIDER)
    audience.given(formed()).when(lambda s: d.join_rider(command, s)).then(joined).and_again_nothing()


def test_a_rider_who_leaves_does_not_take_the_successor_along() -> None:
    joined = e.RiderJoined(order_id=ORDER, rider_id="rid_2")
    command = c.LeaveRider(order_id=ORDER, rider_id=RIDER)
    audience.given(formed(), joined).when(lambda s: d.leave_rider(command, s)).then_nothing()
    whoever = c.LeaveRider(order_id=ORDER, rider_id=None)
    left = e.RiderLeft(order_id=ORDER, rider_id="rid_2")
    audience.given(formed(), joined).when(lambda s: d.leave_rider(whoever, s)).then(left).and_again_nothing()


def test_a_contact_opens_once_for_the_event_that_shared_it() -> None:
    command = open_contact()
    audience.given(formed()).when(lambda s: d.open_contact(command, s)).then(contact_opened()).and_again_nothing()


def test_a_repeated_contact_does_not_reopen_one_that_was_closed() -> None:
    given = audience.given(formed(), contact_opened(), ENDING, CLOSED)
    given.when(lambda s: d.open_contact(open_contact(), s)).then_nothing()


def test_a_mail_of_the_moment_in_which_the_contact_was_shared_goes_out_and_older_news_does_not() -> None:
    old = telling("order_placed", source="evt_1", at=after(-60))
    fresh = telling("order_accepted", source="evt_2", at=NOW)
    before = [e.TellingPostponed(order_id=ORDER, telling=each) for each in (old, fresh)]
    released = e.TellingsReleased(order_id=ORDER, tellings=(fresh,))
    given = audience.given(formed(), *before)
    given.when(lambda s: d.open_contact(open_contact(), s)).then(contact_opened(), released)


def test_a_contact_ends_with_a_grace_and_closes_once() -> None:
    end = c.EndContact(order_id=ORDER, now=NOW)
    opened = audience.given(formed(), contact_opened())
    opened.when(lambda s: d.end_contact(end, s, POLICY)).then(ENDING).and_again_nothing()
    close = c.CloseContact(order_id=ORDER)
    ending = audience.given(formed(), contact_opened(), ENDING)
    ending.when(lambda s: d.close_contact(close, s)).then(CLOSED).and_again_nothing()


def test_a_contact_that_was_never_shared_has_nothing_to_end() -> None:
    end = c.EndContact(order_id=ORDER, now=NOW)
    audience.given(formed()).when(lambda s: d.end_contact(end, s, POLICY)).then_nothing()
    close = c.CloseContact(order_id=ORDER)
    audience.given(formed()).when(lambda s: d.close_contact(close, s)).then_nothing()


def test_a_customer_is_told_in_the_app_and_by_mail_while_the_contact_is_open() -> None:
    state = audience.given(formed(), contact_opened()).state
    assert [r.medium for r in d.requests(telling(), state, NOW)] == [Medium.IN_APP, Medium.EMAIL]
    state = audience.given(formed(), contact_opened(), ENDING).state
    assert [r.medium for r in d.requests(telling(), state, NOW)] == [Medium.IN_APP, Medium.EMAIL]
    state = audience.given(formed(), contact_opened(), ENDING, CLOSED).state
    assert [r.medium for r in d.requests(telling(), state, NOW)] == [Medium.IN_APP]


def test_a_customer_without_an_address_is_told_in_the_app_only() -> None:
    state = audience.given(formed(), contact_opened(by_mail=False)).state
    assert [r.medium for r in d.requests(telling(), state, NOW)] == [Medium.IN_APP]


def test_merchants_and_riders_get_no_mails() -> None:
    joined = e.RiderJoined(order_id=ORDER, rider_id=RIDER)
    state = audience.given(formed(), contact_opened(), joined).state
    for role, person in ((Role.MERCHANT, MERCHANT), (Role.RIDER, RIDER)):
        (request,) = d.requests(telling(role=role), state, NOW)
        assert (request.medium, request.recipient_id) == (Medium.IN_APP, person)


def test_a_merchant_who_was_never_asked_is_not_told_that_the_payment_failed() -> None:
    from dataclasses import replace

    news = replace(telling("order_cancelled", Role.MERCHANT), accepted_only=True)
    assert d.requests(news, audience.given(formed()).state, NOW) == []
    assert len(d.requests(news, audience.given(formed(), contact_opened()).state, NOW)) == 1


def test_alerts_of_an_order_are_noted_once_and_found_moot_by_their_kind() -> None:
    needed, silent = raise_alert(), raise_alert(AlertKind.RIDER_SILENT)
    noted = [e.AlertNoted(order_id=ORDER, alert_id=each.alert_id, kind=each.kind) for each in (needed, silent)]
    audience.given().when(lambda s: d.note_alert(needed, s)).then(noted[0]).and_again_nothing()
    command = c.SettleAlerts(order_id=ORDER, kinds=frozenset({AlertKind.DISPATCHER_NEEDED}), reason="assigned")
    moot = e.AlertsMoot(order_id=ORDER, alert_ids=(needed.alert_id,))
    audience.given(*noted).when(lambda s: d.find_moot(command, s)).then(moot).and_again_nothing()
