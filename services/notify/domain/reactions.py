"""Which waits follow from notify's events: an alert that must be acknowledged, a contact that must be forgotten."""

from collections.abc import Iterable

from services.notify.domain import events as e
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

ACKNOWLEDGE = "acknowledge"
CLOSE_CONTACT = "close_contact"


def alert_deadlines(event: e.AlertEvent) -> Iterable[DeadlineChange]:
    match event:
        case e.AlertRaised():
            yield SetDeadline(ACKNOWLEDGE, event.acknowledge_by)
        case e.AlertEscalated() if event.acknowledge_by is not None:
            yield SetDeadline(ACKNOWLEDGE, event.acknowledge_by)
        case e.AlertEscalated():
            return
        case e.AlertAcknowledged() | e.AlertSettled():
            yield ClearDeadline(ACKNOWLEDGE)


def audience_deadlines(event: e.AudienceEvent) -> Iterable[DeadlineChange]:
    match event:
        case e.ContactEnding():
            yield SetDeadline(CLOSE_CONTACT, event.close_at)
        case e.ContactOpened() | e.ContactClosed():
            yield ClearDeadline(CLOSE_CONTACT)
        case _:
            return
