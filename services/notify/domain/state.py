"""What notify's events add up to: the audience of an order, a notification, an alert, a preference."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from services.notify.domain import events as e
from services.notify.domain.vocabulary import AlertKind, Language, Role, Telling


class Contact(StrEnum):
    """Whether the customer's contact may be used for an order."""

    UNKNOWN = "unknown"
    OPEN = "open"
    ENDING = "ending"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who must hear of an order, and what still waits for somebody to be known."""

    customer_id: str | None = None
    merchant_id: str | None = None
    rider_id: str | None = None
    language: Language | None = None
    contact: Contact = Contact.UNKNOWN
    contact_source: str = ""
    by_mail: bool = False
    waiting: tuple[Telling, ...] = ()
    open_alerts: tuple[tuple[str, AlertKind], ...] = ()

    def person(self, role: Role) -> str | None:
        match role:
            case Role.CUSTOMER:
                return self.customer_id
            case Role.MERCHANT:
                return self.merchant_id
            case Role.RIDER:
                return self.rider_id
            case _:
                assert_never(role)


def evolve_audience(state: Audience, event: e.AudienceEvent) -> Audience:
    match event:
        case e.AudienceFormed():
            return replace(state, customer_id=event.customer_id, merchant_id=event.merchant_id)
        case e.RiderJoined():
            return replace(state, rider_id=event.rider_id)
        case e.RiderLeft():
            return replace(state, rider_id=None)
        case e.ContactOpened():
            return replace(
                state,
                contact=Contact.OPEN,
                contact_source=event.source,
                language=event.language,
                by_mail=event.by_mail,
            )
        case e.ContactEnding():
            return replace(state, contact=Contact.ENDING)
        case e.ContactClosed():
            return replace(state, contact=Contact.CLOSED, by_mail=False)
        case e.TellingPostponed():
            return replace(state, waiting=(*state.waiting, event.telling))
        case e.TellingsReleased():
            released = {waiting_key(telling) for telling in event.tellings}
            return replace(state, waiting=tuple(t for t in state.waiting if waiting_key(t) not in released))
        case e.AlertNoted():
            return replace(state, open_alerts=(*state.open_alerts, (event.alert_id, event.kind)))
        case e.AlertsMoot():
            return replace(
                state, open_alerts=tuple(alert for alert in state.open_alerts if alert[0] not in event.alert_ids)
            )
        case _:
            assert_never(event)


def waiting_key(telling: Telling) -> str:
    """What tells one waiting telling of an order from another."""
    return f"{telling.key}@{telling.source}"


class Progress(StrEnum):
    """How far a notification has come."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Unasked:
    """Nobody has asked for this notification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    request: e.NotificationRequested
    progress: Progress = Progress.PENDING
    delays: int = 0
    sent_at: datetime | None = None
    read_at: datetime | None = None
    failure: str | None = None


NotificationState = Unasked | Notification


def evolve_notification(state: NotificationState, event: e.NotificationEvent) -> NotificationState:
    if isinstance(event, e.NotificationRequested):
        return Notification(request=event)
    if isinstance(state, Unasked):
        raise AssertionError("a notification starts with its request")
    match event:
        case e.NotificationSent():
            return replace(state, progress=Progress.SENT, sent_at=event.sent_at)
        case e.NotificationDelayed():
            return replace(state, delays=state.delays + 1)
        case e.NotificationFailed():
            return replace(state, progress=Progress.FAILED, failure=event.reason)
        case e.NotificationRead():
            return replace(state, read_at=event.read_at)
        case _:
            assert_never(event)


class Attention(StrEnum):
    """Whether anybody still has to look."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Quiet:
    """No alert has been raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    raised: e.AlertRaised
    attention: Attention = Attention.OPEN
    level: int = 1
    asked: str
    acknowledge_by: datetime | None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    settled_because: str | None = None


AlertState = Quiet | Alert


def evolve_alert(state: AlertState, event: e.AlertEvent) -> AlertState:
    if isinstance(event, e.AlertRaised):
        return Alert(raised=event, asked=event.asked, acknowledge_by=event.acknowledge_by)
    if isinstance(state, Quiet):
        raise AssertionError("an alert starts by being raised")
    match event:
        case e.AlertEscalated():
            return replace(state, level=event.level, asked=event.asked, acknowledge_by=event.acknowledge_by)
        case e.AlertAcknowledged():
            return replace(
                state,
                attention=Attention.ACKNOWLEDGED,
                acknowledged_by=event.by,
                acknowledged_at=event.acknowledged_at,
                acknowledge_by=None,
            )
        case e.AlertSettled():
            return replace(state, attention=Attention.SETTLED, settled_because=event.reason, acknowledge_by=None)
        case _:
            assert_never(event)


@dataclass(frozen=True, slots=True)
class Preference:
    language: Language | None = None


def evolve_preference(_state: Preference, event: e.PreferenceEvent) -> Preference:
    return Preference(language=event.language)
