"""Notify's read models: the inboxes, the alerts, the mails to send and the contacts that must be forgotten."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from psycopg.types.json import Jsonb

from services.notify.domain import events as e
from services.notify.domain.state import Attention, Progress
from services.notify.domain.vocabulary import Language, Medium
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


def project(connection: Any, stored: StoredEvent, event: e.Event) -> None:
    """Folds one event into the lists."""
    match event:
        case e.NotificationRequested():
            _add_notification(connection, stored.position, event)
        case e.NotificationSent():
            _progress(connection, event.notification_id, Progress.SENT, sent_at=event.sent_at)
        case e.NotificationFailed():
            _progress(connection, event.notification_id, Progress.FAILED, failure=event.reason)
        case e.NotificationRead():
            connection.execute(
                "UPDATE notifications SET read_at = %s WHERE notification_id = %s",
                (event.read_at, event.notification_id),
            )
        case e.LanguagePreferred():
            connection.execute(
                "INSERT INTO preferences (recipient_id, language) VALUES (%s, %s)"
                " ON CONFLICT (recipient_id) DO UPDATE SET language = EXCLUDED.language",
                (event.recipient_id, event.language),
            )
        case e.AlertRaised() | e.AlertEscalated() | e.AlertAcknowledged() | e.AlertSettled():
            _project_alert(connection, stored, event)
        case _:
            return


def _add_notification(connection: Any, position: int, event: e.NotificationRequested) -> None:
    connection.execute(
        "INSERT INTO notifications (notification_id, position, recipient_id, role, medium, template, params,"
        " language, order_id, occurred_at, progress)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            event.notification_id,
            position,
            event.recipient_id,
            event.role,
            event.medium,
            event.template,
            Jsonb(dict(event.params)),
            event.language,
            event.order_id,
            event.occurred_at,
            Progress.PENDING,
        ),
    )


def _progress(
    connection: Any,
    notification_id: str,
    progress: Progress,
    sent_at: datetime | None = None,
    failure: str | None = None,
) -> None:
    connection.execute(
        "UPDATE notifications SET progress = %s, sent_at = %s, failure = %s WHERE notification_id = %s",
        (progress, sent_at, failure, notification_id),
    )


def _project_alert(connection: Any, stored: StoredEvent, event: e.AlertEvent) -> None:
    match event:
        case e.AlertRaised():
            connection.execute(
                "INSERT INTO alerts (alert_id, position, kind, order_id, delivery_id, params, attention, level,"
                " asked, raised_at, acknowledge_by, version)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    event.alert_id,
                    stored.position,
                    event.kind,
                    event.order_id,
                    event.delivery_id,
                    Jsonb(dict(event.params)),
                    Attention.OPEN,
                    event.asked,
                    event.raised_at,
                    event.acknowledge_by,
                    stored.version,
                ),
            )
        case e.AlertEscalated():
            connection.execute(
                "UPDATE alerts SET level = %s, asked = %s, acknowledge_by = %s, version = %s WHERE alert_id = %s",
                (event.level, event.asked, event.acknowledge_by, stored.version, event.alert_id),
            )
        case e.AlertAcknowledged():
            connection.execute(
                "UPDATE alerts SET attention = %s, acknowledged_by = %s, acknowledged_at = %s,"
                " acknowledge_by = NULL, version = %s WHERE alert_id = %s",
                (Attention.ACKNOWLEDGED, event.by, event.acknowledged_at, stored.version, event.alert_id),
            )
        case e.AlertSettled():
            connection.execute(
                "UPDATE alerts SET attention = %s, settled_because = %s, acknowledge_by = NULL, version = %s"
                " WHERE alert_id = %s",
                (Attention.SETTLED, event.reason, stored.version, event.alert_id),
            )


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
