"""The people, times and events that the stories about notifications are told with."""

from datetime import UTC, datetime, timedelta

from services.notify.domain import commands as c
from services.notify.domain import events as e
from services.notify.domain.policy import NotifyPolicy
from services.notify.domain.vocabulary import AlertKind, Language, Medium, Role, Telling, alert_id, notification_id

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
POLICY = NotifyPolicy()
ORDER, CUSTOMER, MERCHANT, RIDER = "ord_1", "cus_1", "mer_1", "rid_1"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def telling(
    template: str = "order_placed",
    role: Role = Role.CUSTOMER,
    source: str = "evt_1",
    recipient_id: str | None = None,
    at: datetime = NOW,
) -> Telling:
    return Telling(
        order_id=ORDER, role=role, template=template, source=source, recipient_id=recipient_id, occurred_at=at
    )


def formed() -> e.AudienceFormed:
    return e.AudienceFormed(order_id=ORDER, customer_id=CUSTOMER, merchant_id=MERCHANT)


def contact_opened(by_mail: bool = True, source: str = "evt_contact") -> e.ContactOpened:
    return e.ContactOpened(order_id=ORDER, language=Language.CHINESE, by_mail=by_mail, source=source)


def open_contact(email: str | None = "li@example.org", shared_at: datetime = NOW) -> c.OpenContact:
    return c.OpenContact(
        order_id=ORDER,
        customer_id=CUSTOMER,
        name="Li Hua",
        email=email,
        language=Language.CHINESE,
        source="evt_contact",
        shared_at=shared_at,
        now=NOW,
    )


def requested(medium: Medium = Medium.EMAIL, template: str = "order_placed.customer") -> e.NotificationRequested:
    return e.NotificationRequested(
        notification_id=notification_id(CUSTOMER, template, medium, "evt_1"),
        recipient_id=CUSTOMER,
        role=Role.CUSTOMER,
        medium=medium,
        template=template,
        params={"merchant_id": MERCHANT},
        language=Language.CHINESE,
        order_id=ORDER,
        source="evt_1",
        occurred_at=NOW,
        requested_at=NOW,
    )


def sent(request: e.NotificationRequested, at: datetime = NOW) -> e.NotificationSent:
    return e.NotificationSent(
        notification_id=request.notification_id,
        recipient_id=request.recipient_id,
        medium=request.medium,
        template=request.template,
        order_id=request.order_id,
        sent_at=at,
    )


def raise_alert(kind: AlertKind = AlertKind.DISPATCHER_NEEDED, now: datetime = NOW) -> c.RaiseAlert:
    return c.RaiseAlert(
        alert_id=alert_id(kind, "evt_1"), kind=kind, order_id=ORDER, delivery_id="dlv_1", now=now, params={"n": "1"}
    )


def raised(kind: AlertKind = AlertKind.DISPATCHER_NEEDED) -> e.AlertRaised:
    return e.AlertRaised(
        alert_id=alert_id(kind, "evt_1"),
        kind=kind,
        order_id=ORDER,
        delivery_id="dlv_1",
        params={"n": "1"},
        asked="dispatcher",
        raised_at=NOW,
        acknowledge_by=after(60),
    )
