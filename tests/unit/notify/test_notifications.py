"""How a notification comes about, goes out, fails and is read."""

from services.notify.domain import commands as c
from services.notify.domain import decisions as d
from services.notify.domain import events as e
from services.notify.domain.state import (
    NotificationState,
    Preference,
    Unasked,
    evolve_notification,
    evolve_preference,
)
from services.notify.domain.vocabulary import Language, MailOutcome, Medium, notification_id
from shared.kernel.errors import NotFound
from tests.support.deciding import Stream
from tests.unit.notify.story import CUSTOMER, NOW, POLICY, after, requested, sent

notification: Stream[NotificationState, e.NotificationEvent] = Stream(Unasked(), evolve_notification)
preference: Stream[Preference, e.PreferenceEvent] = Stream(Preference(), evolve_preference)
MAIL = requested()
IN_APP = requested(Medium.IN_APP)


def outcome(said: MailOutcome, seconds: float = 0, reason: str = "") -> c.RecordMail:
    return c.RecordMail(notification_id=MAIL.notification_id, outcome=said, reason=reason, now=after(seconds))


def delayed(seconds: float) -> e.NotificationDelayed:
    return e.NotificationDelayed(
        notification_id=MAIL.notification_id, recipient_id=CUSTOMER, reason="451", retry_at=after(seconds)
    )


def failed(said: MailOutcome, reason: str) -> e.NotificationFailed:
    return e.NotificationFailed(
        notification_id=MAIL.notification_id,
        recipient_id=CUSTOMER,
        medium=Medium.EMAIL,
        template=MAIL.template,
        order_id=MAIL.order_id,
        reason=reason,
        outcome=said,
    )


def read(notification_id: str) -> c.ReadNotification:
    return c.ReadNotification(notification_id=notification_id, now=NOW)


def test_a_notification_is_asked_for_once() -> None:
    notification.given().when(lambda s: d.request(MAIL, s)).then(MAIL).and_again_nothing()


def test_a_notification_in_the_app_has_arrived_when_it_is_asked_for() -> None:
    notification.given().when(lambda s: d.request(IN_APP, s)).then(IN_APP, sent(IN_APP)).and_again_nothing()


def test_the_same_person_text_medium_and_event_are_the_same_notification_and_no_other_is() -> None:
    base = (CUSTOMER, "order_placed.customer", Medium.EMAIL, "evt_1")
    others = [
        ("cus_2", *base[1:]),
        (base[0], "order_accepted.customer", *base[2:]),
        (*base[:2], Medium.IN_APP, base[3]),
        (*base[:3], "evt_2"),
    ]
    assert notification_id(*base) == notification_id(*base)
    assert len({notification_id(*each) for each in [base, *others]}) == 5


def test_a_mail_that_the_server_took_is_sent() -> None:
    command = outcome(MailOutcome.ACCEPTED)
    notification.given(MAIL).when(lambda s: d.record_mail(command, s, POLICY)).then(sent(MAIL)).and_again_nothing()


def test_a_mail_that_the_server_refused_has_failed() -> None:
    command = outcome(MailOutcome.REFUSED, reason="550")
    expected = failed(MailOutcome.REFUSED, "550")
    notification.given(MAIL).when(lambda s: d.record_mail(command, s, POLICY)).then(expected).and_again_nothing()


def test_a_deferred_mail_is_tried_again_after_pauses_that_double() -> None:
    first = outcome(MailOutcome.DEFERRED, reason="451")
    notification.given(MAIL).when(lambda s: d.record_mail(first, s, POLICY)).then(delayed(30))
    second = outcome(MailOutcome.DEFERRED, 30, "451")
    notification.given(MAIL, delayed(30)).when(lambda s: d.record_mail(second, s, POLICY)).then(delayed(90))


def test_pauses_stop_growing() -> None:
    assert d.mail_pause(10_000, POLICY).total_seconds() == POLICY.mail_longest_retry_seconds


def test_a_mail_that_is_deferred_for_too_long_has_failed() -> None:
    late = outcome(MailOutcome.DEFERRED, POLICY.mail_give_up_seconds, "451")
    expected = failed(MailOutcome.DEFERRED, "451")
    notification.given(MAIL, delayed(30)).when(lambda s: d.record_mail(late, s, POLICY)).then(expected)


def test_what_becomes_of_a_mail_that_was_never_asked_for_is_nothing() -> None:
    command = outcome(MailOutcome.ACCEPTED)
    notification.given().when(lambda s: d.record_mail(command, s, POLICY)).then_nothing()


def test_a_notification_is_read_once() -> None:
    expected = e.NotificationRead(notification_id=IN_APP.notification_id, recipient_id=CUSTOMER, read_at=NOW)
    given = notification.given(IN_APP, sent(IN_APP))
    given.when(lambda s: d.read(read(IN_APP.notification_id), s)).then(expected).and_again_nothing()


def test_a_mail_cannot_be_marked_as_read() -> None:
    given = notification.given(MAIL, sent(MAIL))
    given.when(lambda s: d.read(read(MAIL.notification_id), s)).then_refused(d.NotificationNotInInbox)


def test_a_notification_that_does_not_exist_cannot_be_read() -> None:
    notification.given().when(lambda s: d.read(read("ntf_0"), s)).then_refused(NotFound)


def test_a_language_is_preferred_once() -> None:
    command = c.PreferLanguage(recipient_id=CUSTOMER, language=Language.CHINESE)
    expected = e.LanguagePreferred(recipient_id=CUSTOMER, language=Language.CHINESE)
    preference.given().when(lambda s: d.prefer_language(command, s)).then(expected).and_again_nothing()
