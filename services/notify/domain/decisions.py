"""What notify decides: whom to tell, when a mail has failed for good, and who must look at an alert next."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.notify.domain import commands as c
from services.notify.domain import events as e
from services.notify.domain.policy import NotifyPolicy
from services.notify.domain.state import (
    AlertState,
    Attention,
    Audience,
    Contact,
    NotificationState,
    Preference,
    Progress,
    Quiet,
    Unasked,
    waiting_key,
)
from services.notify.domain.vocabulary import MailOutcome, Medium, Role, Telling, notification_id
from shared.kernel.errors import DomainError, NotFound

WAITING_MOST = 32
"""How many tellings of one order may wait for somebody to be known; an order says fewer in its whole life."""


class NotificationNotInInbox(DomainError):
    code = "notification.not_in_inbox"


class AlertAlreadyAcknowledged(DomainError):
    code = "alert.already_acknowledged"


# The audience of an order


def form_audience(command: c.FormAudience, audience: Audience) -> list[e.AudienceEvent]:
    """The parties are known once; whatever waited for one of them is released."""
    if audience.customer_id is not None:
        return []
    formed = e.AudienceFormed(
        order_id=command.order_id, customer_id=command.customer_id, merchant_id=command.merchant_id
    )
    return [formed, *_release(command.order_id, audience.waiting)]


def join_rider(command: c.JoinRider, audience: Audience) -> list[e.AudienceEvent]:
    if audience.rider_id == command.rider_id:
        return []
    return [e.RiderJoined(order_id=command.order_id, rider_id=command.rider_id)]


def leave_rider(command: c.LeaveRider, audience: Audience) -> list[e.AudienceEvent]:
    """A rider who has been replaced already does not take the successor along."""
    if audience.rider_id is None or command.rider_id not in (None, audience.rider_id):
        return []
    return [e.RiderLeft(order_id=command.order_id, rider_id=audience.rider_id)]


def open_contact(command: c.OpenContact, audience: Audience) -> list[e.AudienceEvent]:
    """A contact opens once for the event that shared it. A mail that waited goes out when it tells of that moment;
    older news does not go out late."""
    if audience.contact_source == command.source:
        return []
    opened = e.ContactOpened(
        order_id=command.order_id,
        language=command.language,
        by_mail=command.email is not None,
        source=command.source,
    )
    news = (t for t in audience.waiting if t.occurred_at >= command.shared_at)
    waiting = tuple(t for t in news if _recipient(t, audience))
    return [opened, *_release(command.order_id, waiting)]


def end_contact(command: c.EndContact, audience: Audience, policy: NotifyPolicy) -> list[e.AudienceEvent]:
    """The order has ended; a grace remains for what is still on its way (a refund comes after the cancellation)."""
    if audience.contact is not Contact.OPEN:
        return []
    close_at = command.now + timedelta(seconds=policy.contact_grace_seconds)
    return [e.ContactEnding(order_id=command.order_id, close_at=close_at)]


def close_contact(command: c.CloseContact, audience: Audience) -> list[e.AudienceEvent]:
    if audience.contact is not Contact.ENDING:
        return []
    return [e.ContactClosed(order_id=command.order_id, source=audience.contact_source)]


def postpone(command: c.Tell, audience: Audience) -> list[e.AudienceEvent]:
    """Keeps what cannot be told yet, because its recipient or the recipient's mail address is not known."""
    waiting = {waiting_key(telling) for telling in audience.waiting}
    room = WAITING_MOST - len(waiting)
    late = [t for t in command.tellings if _must_wait(t, audience) and waiting_key(t) not in waiting]
    return [e.TellingPostponed(order_id=command.order_id, telling=telling) for telling in late[:room]]


def note_alert(command: c.RaiseAlert, audience: Audience) -> list[e.AudienceEvent]:
    if any(known == command.alert_id for known, _ in audience.open_alerts):
        return []
    return [e.AlertNoted(order_id=command.order_id, alert_id=command.alert_id, kind=command.kind)]


def find_moot(command: c.SettleAlerts, audience: Audience) -> list[e.AudienceEvent]:
    moot = tuple(alert for alert, kind in audience.open_alerts if kind in command.kinds)
    return [e.AlertsMoot(order_id=command.order_id, alert_ids=moot)] if moot else []


def _release(order_id: str, tellings: Sequence[Telling]) -> list[e.AudienceEvent]:
    return [e.TellingsReleased(order_id=order_id, tellings=tuple(tellings))] if tellings else []


def _recipient(telling: Telling, audience: Audience) -> str | None:
    return telling.recipient_id or audience.person(telling.role)


def _must_wait(telling: Telling, audience: Audience) -> bool:
    if _recipient(telling, audience) is None:
        return telling.role is not Role.RIDER
    return telling.role is Role.CUSTOMER and audience.contact is Contact.UNKNOWN


# Notifications


def requests(telling: Telling, audience: Audience, now: datetime) -> list[e.NotificationRequested]:
    """The notifications that a telling means now: the recipient's inbox, and a mail where there is an address."""
    recipient = _recipient(telling, audience)
    # A contact is shared with the acceptance of an order: without one nobody has accepted it.
    # An errand has no merchant: its place in the audience is taken by nobody.
    if not recipient or (telling.accepted_only and audience.contact is Contact.UNKNOWN):
        return []
    media = [Medium.IN_APP]
    if telling.role is Role.CUSTOMER and audience.by_mail:
        media.append(Medium.EMAIL)
    return [
        e.NotificationRequested(
            notification_id=notification_id(recipient, telling.key, medium, telling.source),
            recipient_id=recipient,
            role=telling.role,
            medium=medium,
            template=telling.key,
            params=telling.params,
            language=audience.language if telling.role is Role.CUSTOMER else None,
            order_id=telling.order_id,
            source=telling.source,
            occurred_at=telling.occurred_at,
            requested_at=now,
        )
        for medium in media
    ]


def request(requested: e.NotificationRequested, notification: NotificationState) -> list[e.NotificationEvent]:
    """Asks for a notification once. One for the inbox has arrived with that; a mail still has to be sent."""
    if not isinstance(notification, Unasked):
        return []
    if requested.medium is Medium.IN_APP:
        return [requested, _sent(requested, requested.requested_at)]
    return [requested]


def record_mail(
    command: c.RecordMail, notification: NotificationState, policy: NotifyPolicy
) -> list[e.NotificationEvent]:
    """Sent, failed, or tried again after a growing pause until the time for giving up has come."""
    if isinstance(notification, Unasked) or notification.progress is not Progress.PENDING:
        return []
    request = notification.request
    match command.outcome:
        case MailOutcome.ACCEPTED:
            return [_sent(request, command.now)]
        case MailOutcome.REFUSED:
            return [_failed(request, command)]
        case MailOutcome.DEFERRED:
            retry_at = command.now + mail_pause(notification.delays, policy)
            if retry_at > request.requested_at + timedelta(seconds=policy.mail_give_up_seconds):
                return [_failed(request, command)]
            return [
                e.NotificationDelayed(
                    notification_id=command.notification_id,
                    recipient_id=request.recipient_id,
                    reason=command.reason,
                    retry_at=retry_at,
                )
            ]


def mail_pause(delays: int, policy: NotifyPolicy) -> timedelta:
    """The pause after the n-th delay doubles, up to the longest."""
    seconds = policy.mail_first_retry_seconds * 2 ** min(delays, 16)
    return timedelta(seconds=min(seconds, policy.mail_longest_retry_seconds))


def read(command: c.ReadNotification, notification: NotificationState) -> list[e.NotificationEvent]:
    if isinstance(notification, Unasked):
        raise NotFound("there is no such notification", notification_id=command.notification_id)
    if notification.request.medium is not Medium.IN_APP:
        raise NotificationNotInInbox(
            "only what is in the app's inbox can be marked as read", notification_id=command.notification_id
        )
    if notification.read_at is not None:
        return []
    return [
        e.NotificationRead(
            notification_id=command.notification_id,
            recipient_id=notification.request.recipient_id,
            read_at=command.now,
        )
    ]


def _sent(request: e.NotificationRequested, sent_at: datetime) -> e.NotificationSent:
    return e.NotificationSent(
        notification_id=request.notification_id,
        recipient_id=request.recipient_id,
        medium=request.medium,
        template=request.template,
        order_id=request.order_id,
        sent_at=sent_at,
    )


def _failed(request: e.NotificationRequested, command: c.RecordMail) -> e.NotificationFailed:
    return e.NotificationFailed(
        notification_id=request.notification_id,
        recipient_id=request.recipient_id,
        medium=request.medium,
        template=request.template,
        order_id=request.order_id,
        reason=command.reason,
        outcome=command.outcome,
    )


# Alerts


def raise_alert(command: c.RaiseAlert, alert: AlertState, policy: NotifyPolicy) -> list[e.AlertEvent]:
    if not isinstance(alert, Quiet):
        return []
    return [
        e.AlertRaised(
            alert_id=command.alert_id,
            kind=command.kind,
            order_id=command.order_id,
            delivery_id=command.delivery_id,
            params=command.params,
            asked=policy.alert_chain[0],
            raised_at=command.now,
            acknowledge_by=command.now + timedelta(seconds=policy.alert_acknowledge_seconds),
        )
    ]


def escalate(command: c.EscalateAlert, alert: AlertState, policy: NotifyPolicy) -> list[e.AlertEvent]:
    """Nobody answered in time: the next in the chain is asked, and after the last one it stays with that one."""
    if isinstance(alert, Quiet) or alert.attention is not Attention.OPEN or alert.level >= policy.alert_levels:
        return []
    level = alert.level + 1
    further = timedelta(seconds=policy.alert_acknowledge_seconds)
    return [
        e.AlertEscalated(
            alert_id=command.alert_id,
            level=level,
            asked=policy.alert_chain[level - 1],
            acknowledge_by=command.now + further if level < policy.alert_levels else None,
        )
    ]


def acknowledge(command: c.AcknowledgeAlert, alert: AlertState) -> list[e.AlertEvent]:
    """The first who looks has it; the same person again, or an alert that has settled itself, changes nothing."""
    if isinstance(alert, Quiet):
        raise NotFound("there is no such alert", alert_id=command.alert_id)
    match alert.attention:
        case Attention.OPEN:
            return [e.AlertAcknowledged(alert_id=command.alert_id, by=command.by, acknowledged_at=command.now)]
        case Attention.ACKNOWLEDGED if alert.acknowledged_by != command.by:
            raise AlertAlreadyAcknowledged("somebody else looks after this alert already", alert_id=command.alert_id)
        case Attention.ACKNOWLEDGED | Attention.SETTLED:
            return []


def settle(alert_id: str, reason: str, alert: AlertState) -> list[e.AlertEvent]:
    if isinstance(alert, Quiet) or alert.attention is Attention.SETTLED:
        return []
    return [e.AlertSettled(alert_id=alert_id, reason=reason)]


# Preferences


def prefer_language(command: c.PreferLanguage, preference: Preference) -> list[e.PreferenceEvent]:
    if preference.language is command.language:
        return []
    return [e.LanguagePreferred(recipient_id=command.recipient_id, language=command.language)]
