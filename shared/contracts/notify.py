"""What the notify service tells the world: who was told what."""

from datetime import datetime
from typing import ClassVar

from shared.contracts.message import Message


class NotifyMessage(Message):
    """Subject: the notification's or the alert's stream."""

    service: ClassVar[str] = "notify"


class NotificationSent(NotifyMessage):
    notification_id: str
    recipient_id: str
    medium: str
    template: str
    order_id: str | None = None


class NotificationFailed(NotifyMessage):
    notification_id: str
    recipient_id: str
    medium: str
    template: str
    reason: str
    order_id: str | None = None


class NotificationRead(NotifyMessage):
    notification_id: str
    recipient_id: str


class AlertRaised(NotifyMessage):
    alert_id: str
    kind: str
    order_id: str | None = None
    acknowledge_by: datetime


class AlertAcknowledged(NotifyMessage):
    alert_id: str
    by: str


class AlertEscalated(NotifyMessage):
    alert_id: str
    level: int
