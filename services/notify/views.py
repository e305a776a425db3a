"""Notify's read models: the inboxes, the alerts, the mails to send and the contacts that must be forgotten."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from services.notify.domain import events as e
from services.notify.domain.state import Attention, Progress
from services.notify.domain.vocabulary import Language, Medium
from shared.eventstore.batched import BatchedRows
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction

LISTS = "lists"
LISTS_VERSION = 1
MAILING = "mailing"

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRow:
    notification_id: str
    position: int
    recipient_id: str
    role: str
    medium: str
    template: str
    params: Mapping[str, str]
    language: str | None
    order_id: str
    occurred_at: datetime
    progress: str
    sent_at: datetime | None
    read_at: datetime | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    alert_id: str
    position: int
    kind: str
    order_id: str
    delivery_id: str
    params: Mapping[str, str]
    attention: str
    level: int
    asked: str
    raised_at: datetime
    acknowledge_by: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    settled_because: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Rows(Generic[R]):
    """Rows of a list, newest first; true up to `position` of the log. `more` says whether the list goes on."""

    rows: list[R]
    position: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    order_id: str
    name: str
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    notification_id: str
    order_id: str


# The lists, built from the log


def project(connection: Any, events: Sequence[tuple[StoredEvent, e.Event]]) -> None:
    """Folds events into the lists."""
    _project_notifications(
        connection, [(stored, event) for stored, event in events if isinstance(event, e.NotificationEvent)]
    )
    _project_alerts(connection, [(stored, event) for stored, event in events if isinstance(event, e.AlertEvent)])
    preferred = {event.recipient_id: event for _, event in events if isinstance(event, e.LanguagePreferred)}
    preferences = BatchedRows(connection, "preferences", "recipient_id", ())
    for recipient_id, event in preferred.items():
        preferences.put({"recipient_id": recipient_id, "language": event.language})
    preferences.write()


def _project_notifications(connection: Any, events: Sequence[tuple[StoredEvent, e.NotificationEvent]]) -> None:
    rows = BatchedRows(connection, "notifications", "notification_id", {event.notification_id for _, event in events})
    for stored, event in events:
        there = rows.get(event.notification_id) is not None
        match event:
            case e.NotificationRequested() if not there:
                rows.put(_requested(stored.position, event))
            case _ if there:
                rows.put({"notification_id": event.notification_id, **_what_became(event)})
    rows.write()


def _requested(position: int, event: e.NotificationRequested) -> dict[str, Any]:
    return {
        "notification_id": event.notification_id,
        "position": position,
        "recipient_id": event.recipient_id,
        "role": event.role,
        "medium": event.medium,
        "template": event.template,
        "params": dict(event.params),
        "language": event.language,
        "order_id": event.order_id,
        "occurred_at": event.occurred_at,
        "progress": Progress.PENDING,
    }


def _what_became(event: e.NotificationEvent) -> dict[str, Any]:
    match event:
        case e.NotificationSent():
            return {"progress": Progress.SENT, "sent_at": event.sent_at, "failure": None}
        case e.NotificationFailed():
            return {"progress": Progress.FAILED, "sent_at": None, "failure": event.reason}
        case e.NotificationRead():
            return {"read_at": event.read_at}
        case _:
            return {}


def _project_alerts(connection: Any, events: Sequence[tuple[StoredEvent, e.AlertEvent]]) -> None:
    rows = BatchedRows(connection, "alerts", "alert_id", {event.alert_id for _, event in events})
    for stored, event in events:
        there = rows.get(event.alert_id) is not None
        match event:
            case e.AlertRaised() if not there:
                rows.put(_raised(stored, event))
            case _ if there:
                rows.put({"alert_id": event.alert_id, **_what_was_done(stored.version, event)})
    rows.write()


def _raised(stored: StoredEvent, event: e.AlertRaised) -> dict[str, Any]:
    return {
        "alert_id": event.alert_id,
        "position": stored.position,
        "kind": event.kind,
        "order_id": event.order_id,
        "delivery_id": event.delivery_id,
        "params": dict(event.params),
        "attention": Attention.OPEN,
        "level": 1,
        "asked": event.asked,
        "raised_at": event.raised_at,
        "acknowledge_by": event.acknowledge_by,
        "version": stored.version,
    }


def _what_was_done(version: int, event: e.AlertEvent) -> dict[str, Any]:
    match event:
        case e.AlertEscalated():
            return {
                "level": event.level,
                "asked": event.asked,
                "acknowledge_by": event.acknowledge_by,
                "version": version,
            }
        case e.AlertAcknowledged():
            return {
                "attention": Attention.ACKNOWLEDGED,
                "acknowledged_by": event.by,
                "acknowledged_at": event.acknowledged_at,
                "acknowledge_by": None,
                "version": version,
            }
        case e.AlertSettled():
            return {
                "attention": Attention.SETTLED,
                "settled_because": event.reason,
                "acknowledge_by": None,
                "version": version,
            }
        case _:
            return {}


def notifications(
    connection: Any,
    *,
    recipients: Collection[str] | None,
    medium: Medium | None,
    order_id: str | None,
    unread: bool,
    before: int | None,
    limit: int,
) -> Rows[NotificationRow]:
    """A page of notifications, newest first. `recipients` None: everybody's. First in its transaction."""
    position = _snapshot(connection)
    rows = connection.execute(
        "SELECT notification_id, position, recipient_id, role, medium, template, params, language, order_id,"
        " occurred_at, progress, sent_at, read_at, failure FROM notifications"
        " WHERE (%(recipients)s::text[] IS NULL OR recipient_id = ANY(%(recipients)s))"
        " AND (%(medium)s::text IS NULL OR medium = %(medium)s)"
        " AND (%(order_id)s::text IS NULL OR order_id = %(order_id)s)"
        " AND (NOT %(unread)s OR read_at IS NULL)"
        " AND (%(before)s::bigint IS NULL OR position < %(before)s)"
        " ORDER BY position DESC LIMIT %(limit)s",
        {
            "recipients": None if recipients is None else list(recipients),
            "medium": medium,
            "order_id": order_id,
            "unread": unread,
            "before": before,
            "limit": limit + 1,
        },
    ).fetchall()
    return Rows([NotificationRow(**row) for row in rows[:limit]], position, len(rows) > limit)


def alerts(connection: Any, *, attention: Attention | None, before: int | None, limit: int) -> Rows[AlertRow]:
    """A page of alerts, newest first. First in its transaction."""
    position = _snapshot(connection)
    rows = connection.execute(
        "SELECT alert_id, position, kind, order_id, delivery_id, params, attention, level, asked, raised_at,"
        " acknowledge_by, acknowledged_by, acknowledged_at, settled_because, version FROM alerts"
        " WHERE (%(attention)s::text IS NULL OR attention = %(attention)s)"
        " AND (%(before)s::bigint IS NULL OR position < %(before)s)"
        " ORDER BY position DESC LIMIT %(limit)s",
        {"attention": attention, "before": before, "limit": limit + 1},
    ).fetchall()
    return Rows([AlertRow(**row) for row in rows[:limit]], position, len(rows) > limit)


def _snapshot(connection: Any) -> int:
    """Fixes the transaction's view of the database; the position in the log that the lists have come to."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    row = connection.execute(
        "SELECT position FROM follower_positions WHERE name = %s", (f"{LISTS}.v{LISTS_VERSION}",)
    ).fetchone()
    return 0 if row is None else int(row["position"])


# What texts need to know


def merchant_names(connection: Any, merchant_ids: Collection[str]) -> dict[str, str]:
    """The public names of those merchants that are known."""
    if not merchant_ids:
        return {}
    rows = connection.execute(
        "SELECT merchant_id, name FROM merchants WHERE merchant_id = ANY(%s)", (list(merchant_ids),)
    ).fetchall()
    return {row["merchant_id"]: row["name"] for row in rows}


def preferred_languages(connection: Any, recipient_ids: Collection[str]) -> dict[str, Language]:
    """The languages of those people who have chosen one."""
    if not recipient_ids:
        return {}
    rows = connection.execute(
        "SELECT recipient_id, language FROM preferences WHERE recipient_id = ANY(%s)", (list(recipient_ids),)
    ).fetchall()
    return {row["recipient_id"]: Language(row["language"]) for row in rows}


def name_merchant(connection: Any, merchant_id: str, name: str) -> None:
    connection.execute(
        "INSERT INTO merchants (merchant_id, name) VALUES (%s, %s)"
        " ON CONFLICT (merchant_id) DO UPDATE SET name = EXCLUDED.name",
        (merchant_id, name),
    )


# Contacts and mails


def keep_contact(
    tx: Transaction, *, order_id: str, customer_id: str, name: str, email: str | None, source: str
) -> None:
    """Keeps, sealed, what `source` told of a customer until that contact is closed and its last mail has gone."""
    tx.connection.execute(
        "INSERT INTO contacts (order_id, customer_id, sealed, source) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (order_id) DO UPDATE SET customer_id = EXCLUDED.customer_id, name = NULL, email = NULL,"
        " sealed = EXCLUDED.sealed, source = EXCLUDED.source, closing = false",
        (order_id, customer_id, tx.vault.seal(customer_id, {"name": name, "email": email}), source),
    )


def lock_contact(tx: Transaction, order_id: str) -> Contact | None:
    """The contact, locked, so that closing it and sending its last mail cannot miss each other; None when it is gone
    or its customer forgotten."""
    row = tx.connection.execute(
        "SELECT customer_id, name, email, sealed FROM contacts WHERE order_id = %s FOR UPDATE", (order_id,)
    ).fetchone()
    if row is None:
        return None
    told = row if row["sealed"] is None else tx.vault.open(row["customer_id"], row["sealed"])
    return None if told is None else Contact(order_id=order_id, name=told["name"], email=told["email"])


def close_contact(connection: Any, order_id: str, source: str) -> None:
    """No further mail will be asked for: the contact goes now, or with its last mail."""
    connection.execute("UPDATE contacts SET closing = true WHERE order_id = %s AND source = %s", (order_id, source))
    erase_contact(connection, order_id)


def erase_contact(connection: Any, order_id: str) -> None:
    """Deletes a contact that is closing and has no mail left to send."""
    connection.execute(
        "DELETE FROM contacts WHERE order_id = %(order_id)s AND closing"
        " AND NOT EXISTS (SELECT 1 FROM mail_queue WHERE order_id = %(order_id)s)",
        {"order_id": order_id},
    )


def forget_customer(connection: Any, customer_id: str) -> None:
    """Deletes every contact of a person at once; a mail that still waits finds nobody to go to."""
    connection.execute("DELETE FROM contacts WHERE customer_id = %s", (customer_id,))


def queue_mail(connection: Any, position: int, request: e.NotificationRequested) -> None:
    connection.execute(
        "INSERT INTO mail_queue (notification_id, position, order_id, due_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (request.notification_id, position, request.order_id, request.requested_at),
    )


def take_due_mail(connection: Any, now: datetime) -> DueMail | None:
    """The mail that has been due longest, locked; None when none is due that nobody else has in hand."""
    row = connection.execute(
        "SELECT notification_id, order_id FROM mail_queue WHERE due_at <= %s"
        " ORDER BY due_at, position LIMIT 1 FOR UPDATE SKIP LOCKED",
        (now,),
    ).fetchone()
    return None if row is None else DueMail(**row)


def postpone_mail(connection: Any, notification_id: str, due_at: datetime) -> None:
    connection.execute("UPDATE mail_queue SET due_at = %s WHERE notification_id = %s", (due_at, notification_id))


def drop_mail(connection: Any, mail: DueMail) -> None:
    """The mail has been dealt with, and with the last one goes a closing contact."""
    connection.execute("DELETE FROM mail_queue WHERE notification_id = %s", (mail.notification_id,))
    erase_contact(connection, mail.order_id)
