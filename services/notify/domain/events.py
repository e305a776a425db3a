"""What notify remembers: who belongs to an order, who was told what, and which alerts wait for a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.notify.domain.vocabulary import AlertKind, Language, MailOutcome, Medium, Role, Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceFormed:
    """An order exists, and with it the two parties who must hear of it."""

    order_id: str
    customer_id: str
    merchant_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderJoined:
    order_id: str
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderLeft:
    order_id: str
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactOpened:
    """The customer's contact may be used for this order; the contact itself is kept elsewhere, to be deleted."""

    order_id: str
    language: Language
    by_mail: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEnding:
    """The order has ended; what still has to be said may be said until `close_at`."""

    order_id: str
    close_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactClosed:
    """No mail may be asked for any more; what `source` told goes as soon as the last mail has gone."""

    order_id: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingPostponed:
    """Something must be told to somebody whom nobody has named yet."""

    order_id: str
    telling: Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingsReleased:
    """Those who were missing are known now: what waited for them has been asked for."""

    order_id: str
    tellings: tuple[Telling, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNoted:
    order_id: str
    alert_id: str
    kind: AlertKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsMoot:
    """What the alerts were about has solved itself."""

    order_id: str
    alert_ids: tuple[str, ...]


AudienceEvent = (
    AudienceFormed
    | RiderJoined
    | RiderLeft
    | ContactOpened
    | ContactEnding
    | ContactClosed
    | TellingPostponed
    | TellingsReleased
    | AlertNoted
    | AlertsMoot
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRequested:
    notification_id: str
    recipient_id: str
    role: Role
    medium: Medium
    template: str
    params: Mapping[str, str]
    language: Language | None
    order_id: str
    source: str
    occurred_at: datetime
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSent:
    notification_id: str
    recipient_id: str
    medium: Medium
    template: str
    order_id: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationDelayed:
    """The mail server took it neither in nor out for good; it is tried again at `retry_at`."""

    notification_id: str
    recipient_id: str
    reason: str
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFailed:
    notification_id: str
    recipient_id: str
    medium: Medium
    template: str
    order_id: str
    reason: str
    outcome: MailOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRead:
    notification_id: str
    recipient_id: str
    read_at: datetime


NotificationEvent = (
    NotificationRequested | NotificationSent | NotificationDelayed | NotificationFailed | NotificationRead
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    alert_id: str
    kind: AlertKind
    order_id: str
    delivery_id: str
    params: Mapping[str, str]
    asked: str
    raised_at: datetime
    acknowledge_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEscalated:
    """Nobody answered: the next in the chain is asked. On the last level there is no further deadline."""

    alert_id: str
    level: int
    asked: str
    acknowledge_by: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAcknowledged:
    alert_id: str
    by: str
    acknowledged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettled:
    """Nobody needs to look any more."""

    alert_id: str
    reason: str


AlertEvent = AlertRaised | AlertEscalated | AlertAcknowledged | AlertSettled


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePreferred:
    recipient_id: str
    language: Language


PreferenceEvent = LanguagePreferred

Event = AudienceEvent | NotificationEvent | AlertEvent | PreferenceEvent
