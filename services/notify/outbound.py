"""Notify's stored events to what it tells the world: who was told what, never the words or the address."""

from collections.abc import Sequence

from services.notify.domain import events as e
from shared.contracts import notify
from shared.eventstore.model import StoredEvent
from shared.messaging.outgoing import Outgoing


def messages_for(stored: StoredEvent, event: e.Event) -> Sequence[Outgoing]:
    """The public message of an event, or none. Messages about one stream keep to one partition key, so that they
    arrive in order; where only the first event knows the order, that is the stream itself."""
    match event:
        case e.NotificationSent():
            return [
                Outgoing(
                    notify.NotificationSent(
                        notification_id=event.notification_id,
                        recipient_id=event.recipient_id,
                        medium=event.medium.value,
                        template=event.template,
                        order_id=event.order_id,
                    ),
                    stored.stream_id,
                )
            ]
        case e.NotificationFailed():
            return [
                Outgoing(
                    notify.NotificationFailed(
                        notification_id=event.notification_id,
                        recipient_id=event.recipient_id,
                        medium=event.medium.value,
                        template=event.template,
                        reason=event.reason,
                        order_id=event.order_id,
                    ),
                    stored.stream_id,
                )
            ]
        case e.NotificationRead():
            read = notify.NotificationRead(notification_id=event.notification_id, recipient_id=event.recipient_id)
            return [Outgoing(read, stored.stream_id)]
        case e.AlertRaised() | e.AlertAcknowledged() | e.AlertEscalated():
            return [Outgoing(_alert(event), stored.stream_id)]
        case _:
            return []


def _alert(event: e.AlertRaised | e.AlertAcknowledged | e.AlertEscalated) -> notify.NotifyMessage:
    match event:
        case e.AlertRaised():
            return notify.AlertRaised(
                alert_id=event.alert_id,
                kind=event.kind.value,
                order_id=event.order_id,
                acknowledge_by=event.acknowledge_by,
            )
        case e.AlertAcknowledged():
            return notify.AlertAcknowledged(alert_id=event.alert_id, by=event.by)
        case e.AlertEscalated():
            return notify.AlertEscalated(alert_id=event.alert_id, level=event.level)
