"""The words that notifications and alerts are made of, so that no part of the service spells them for itself."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

_NAMESPACE = uuid.UUID("6b0c9c1e-5f0e-5d3a-9d6b-3a8c4f1d7e20")


class Role(StrEnum):
    """In which part a person is told something."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    RIDER = "rider"


class Medium(StrEnum):
    """How a person is told: the inbox in the app, or a mail."""

    IN_APP = "in_app"
    EMAIL = "email"


class Language(StrEnum):
    ENGLISH = "en"
    CHINESE = "zh"


class AlertKind(StrEnum):
    """What a dispatcher must look at now."""

    DISPATCHER_NEEDED = "dispatcher_needed"
    UNDELIVERABLE = "undeliverable"
    RIDER_SILENT = "rider_silent"


class MailOutcome(StrEnum):
    """What the mail server said of one mail."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Something that one party of an order should know. `template` names the text without the role; `params` are its
    figures and codes, never personal data; `source` is the event it comes from, and makes it happen once.
    `accepted_only` keeps the news of an order that never reached the kitchen from its merchant."""

    order_id: str
    role: Role
    template: str
    source: str
    params: Mapping[str, str] = field(default_factory=dict)
    recipient_id: str | None = None
    accepted_only: bool = False
    occurred_at: datetime

    @property
    def key(self) -> str:
        """The catalogue's key, for example `order_placed.customer`."""
        return f"{self.template}.{self.role.value}"


def notification_id(recipient_id: str, template: str, medium: Medium, source: str) -> str:
    """The one id that this notification can have (UUIDv5), so that telling it again finds it already told."""
    return f"ntf_{uuid.uuid5(_NAMESPACE, '|'.join((recipient_id, template, medium.value, source)))}"


def alert_id(kind: AlertKind, source: str) -> str:
    """The one id that the alert about an event can have."""
    return f"alr_{uuid.uuid5(_NAMESPACE, f'{kind.value}|{source}')}"


def preference_id(recipient_id: str) -> str:
    """The stream of what a person prefers."""
    return f"prf_{recipient_id}"


def language_of(text: str | None) -> Language | None:
    """`zh`, `zh-CN` or `en` as a language of ours; None for anything else."""
    head = (text or "").strip().lower().replace("_", "-").split("-", 1)[0]
    return Language(head) if head in Language._value2member_map_ else None
