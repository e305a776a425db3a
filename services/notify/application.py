"""Where notify's decisions meet its store: each command, its stream, and what must be true together with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from services.notify import codec, views
from services.notify.domain import commands as c
from services.notify.domain import decisions as d
from services.notify.domain import events as e
from services.notify.domain.policy import NotifyPolicy
from services.notify.domain.reactions import ACKNOWLEDGE, CLOSE_CONTACT, alert_deadlines, audience_deadlines
from services.notify.domain.state import (
    AlertState,
    Audience,
    NotificationState,
    Preference,
    Quiet,
    Unasked,
    evolve_alert,
    evolve_audience,
    evolve_notification,
    evolve_preference,
)
from services.notify.domain.vocabulary import Medium, Telling, preference_id
from shared.eventstore import because
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import Context, Decided, DueDeadline, StoredEvent
from shared.eventstore.ports import Transaction
from shared.kernel.ids import sibling_id

ACTOR = "system:notify"

AUDIENCE: Aggregate[Audience, e.AudienceEvent] = Aggregate(
    "audience", Audience(), evolve_audience, codec.AUDIENCE, audience_deadlines
)
NOTIFICATION: Aggregate[NotificationState, e.NotificationEvent] = Aggregate(
    "notification", Unasked(), evolve_notification, codec.NOTIFICATION
)
ALERT: Aggregate[AlertState, e.AlertEvent] = Aggregate("alert", Quiet(), evolve_alert, codec.ALERT, alert_deadlines)
PREFERENCE: Aggregate[Preference, e.PreferenceEvent] = Aggregate(
    "preference", Preference(), evolve_preference, codec.PREFERENCE
)

AudienceCommand = (
    c.FormAudience
    | c.JoinRider
    | c.LeaveRider
    | c.OpenContact
    | c.EndContact
    | c.CloseContact
    | c.Tell
    | c.RaiseAlert
    | c.SettleAlerts
)


def audience_id(order_id: str) -> str:
    """The stream of those who must hear of an order."""
    return sibling_id("aud", order_id)


def perform(tx: Transaction, command: c.Command, context: Context, policy: NotifyPolicy) -> None:
    """Does one command in the transaction given; raises the DomainError of a decision that refuses."""
    match command:
        case c.NameMerchant():
            views.name_merchant(tx.connection, command.merchant_id, command.name)
        case c.ForgetCustomer():
            views.forget_customer(tx.connection, command.customer_id)
        case c.ReadNotification():
            tx.execute(NOTIFICATION, command.notification_id, lambda s: d.read(command, s), context)
        case c.RecordMail():
            record_mail(tx, command, context, policy)
        case c.AcknowledgeAlert():
            tx.execute(ALERT, command.alert_id, lambda s: d.acknowledge(command, s), context)
        case c.EscalateAlert():
            tx.execute(ALERT, command.alert_id, lambda s: d.escalate(command, s, policy), context)
        case c.PreferLanguage():
            stream = preference_id(command.recipient_id)
            tx.execute(PREFERENCE, stream, lambda s: d.prefer_language(command, s), context)
        case (
            c.FormAudience()
            | c.JoinRider()
            | c.LeaveRider()
            | c.OpenContact()
            | c.EndContact()
            | c.CloseContact()
            | c.Tell()
            | c.RaiseAlert()
            | c.SettleAlerts()
        ):
            _concern(tx, command, context, policy)
        case _:
            assert_never(command)


def record_mail(
    tx: Transaction, command: c.RecordMail, context: Context, policy: NotifyPolicy
) -> tuple[e.NotificationEvent, ...]:
    """Records what became of an attempt to mail; the events say what comes next."""
    return tx.execute(
        NOTIFICATION, command.notification_id, lambda s: d.record_mail(command, s, policy), context
    ).events


def _concern(tx: Transaction, command: AudienceCommand, context: Context, policy: NotifyPolicy) -> None:
    """Decides for the audience of an order, then does what follows from that in the same transaction."""
    decided = tx.execute(AUDIENCE, audience_id(command.order_id), lambda s: _decide(command, s, policy), context)
    if isinstance(command, c.Tell):
        for telling in command.tellings:
            _request(tx, telling, decided.state, command.now, context)
    for event in decided.events:
        _follow_up(tx, command, event, decided, context, policy)


def _decide(command: AudienceCommand, audience: Audience, policy: NotifyPolicy) -> list[e.AudienceEvent]:
    match command:
        case c.FormAudience():
            return d.form_audience(command, audience)
        case c.JoinRider():
            return d.join_rider(command, audience)
        case c.LeaveRider():
            return d.leave_rider(command, audience)
        case c.OpenContact():
            return d.open_contact(command, audience)
        case c.EndContact():
            return d.end_contact(command, audience, policy)
        case c.CloseContact():
            return d.close_contact(command, audience)
        case c.Tell():
            return d.postpone(command, audience)
        case c.RaiseAlert():
            return d.note_alert(command, audience)
        case c.SettleAlerts():
            return d.find_moot(command, audience)
        case _:
            assert_never(command)


def _follow_up(
    tx: Transaction,
    command: AudienceCommand,
    event: e.AudienceEvent,
    decided: Decided[Audience, e.AudienceEvent],
    context: Context,
    policy: NotifyPolicy,
) -> None:
    match command, event:
        case ((c.FormAudience() | c.OpenContact()), e.TellingsReleased()):
            for telling in event.tellings:
                _request(tx, telling, decided.state, command.now, context)
        case c.OpenContact(), e.ContactOpened():
            views.keep_contact(
                tx,
                order_id=command.order_id,
                customer_id=command.customer_id,
                name=command.name,
                email=command.email,
                source=command.source,
            )
        case c.RaiseAlert(), e.AlertNoted():
            tx.execute(ALERT, command.alert_id, lambda s: d.raise_alert(command, s, policy), context)
        case c.SettleAlerts(), e.AlertsMoot():
            for alert in event.alert_ids:
                _settle(tx, alert, command.reason, context)
        case _:
            return


def _request(tx: Transaction, telling: Telling, audience: Audience, now: datetime, context: Context) -> None:
    for requested in d.requests(telling, audience, now):
        _request_one(tx, requested, context)


def _request_one(tx: Transaction, requested: e.NotificationRequested, context: Context) -> None:
    tx.execute(NOTIFICATION, requested.notification_id, lambda s: d.request(requested, s), context)


def _settle(tx: Transaction, alert_id: str, reason: str, context: Context) -> None:
    tx.execute(ALERT, alert_id, lambda s: d.settle(alert_id, reason, s), context)


def on_deadline(tx: Transaction, due: DueDeadline, now: datetime, policy: NotifyPolicy) -> None:
    """What happens when a wait runs out."""
    with because.of_deadline(tx, due, ACTOR, now) as context:
        match due.name:
            case name if name == ACKNOWLEDGE:
                perform(tx, c.EscalateAlert(alert_id=due.stream_id, now=now), context, policy)
            case name if name == CLOSE_CONTACT:
                perform(tx, c.CloseContact(order_id=sibling_id("ord", due.stream_id)), context, policy)
            case name:
                raise LookupError(f"nobody waits for {name}")


def context_after(tx: Transaction, stream_id: str, now: datetime) -> Context:
    """The context of what notify does by itself: the consequence of the last event of a stream."""
    last = tx.stream(stream_id)[-1]
    return Context(
        actor=ACTOR,
        now=now,
        occurred_at=now,
        correlation_id=last.correlation_id,
        causation_id=last.event_id,
        traceparent=last.traceparent,
    )


def project(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    """Folds events of the log into the lists."""
    known = [stored for stored in events if codec.EVERYTHING.knows(stored.type)]
    views.project(tx.connection, [(stored, _event(tx, stored)) for stored in known])


def plan_mail(tx: Transaction, stored: StoredEvent) -> None:
    """What an event of the log means for the mails: one to send, or a contact to forget after the last one."""
    if not codec.EVERYTHING.knows(stored.type):
        return
    match _event(tx, stored):
        case e.NotificationRequested(medium=Medium.EMAIL) as event:
            views.queue_mail(tx.connection, stored.position, event)
        case e.ContactClosed() as event:
            views.close_contact(tx.connection, event.order_id, event.source)
        case _:
            return


def _event(tx: Transaction, stored: StoredEvent) -> e.Event:
    return codec.EVERYTHING.decode(stored.type, stored.schema_version, stored.data, tx.vault)
