"""What notify can be asked to do; every fact, time and id is a field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.notify.domain.vocabulary import AlertKind, Language, MailOutcome, Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class FormAudience:
    order_id: str
    customer_id: str
    merchant_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRider:
    order_id: str
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRider:
    """`rider_id` None: whoever carries it."""

    order_id: str
    rider_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenContact:
    """Name and e-mail are kept in a table that forgets, never in an event."""

    order_id: str
    customer_id: str
    name: str
    email: str | None
    language: Language
    source: str
    shared_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndContact:
    order_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseContact:
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """All that one event has to say about one order."""

    order_id: str
    tellings: tuple[Telling, ...]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMerchant:
    """A merchant's public name, for the texts."""

    merchant_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    alert_id: str
    kind: AlertKind
    order_id: str
    delivery_id: str
    now: datetime
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleAlerts:
    """What the alerts of an order were about is over."""

    order_id: str
    kinds: frozenset[AlertKind]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlert:
    alert_id: str
    by: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateAlert:
    alert_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNotification:
    notification_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMail:
    """What became of an attempt to mail a notification."""

    notification_id: str
    outcome: MailOutcome
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferLanguage:
    recipient_id: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetCustomer:
    """Drop every contact of a person, with the mails that still wait for it."""

    customer_id: str


Command = (
    ForgetCustomer
    | FormAudience
    | JoinRider
    | LeaveRider
    | OpenContact
    | EndContact
    | CloseContact
    | Tell
    | NameMerchant
    | RaiseAlert
    | SettleAlerts
    | AcknowledgeAlert
    | EscalateAlert
    | ReadNotification
    | RecordMail
    | PreferLanguage
)
