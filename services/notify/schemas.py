"""What notify's gateway takes and gives."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.notify.domain.state import Attention
from services.notify.domain.vocabulary import Language, Medium
from shared.gateway.cursor import PageQuery

LanguageWish = Annotated[Language | None, Field(description="language of the texts; by default each recipient's own")]


class NotificationView(BaseModel):
    """One thing that somebody was told, with its words."""

    notification_id: str
    recipient_id: str
    role: str
    medium: Medium
    template: str
    language: Language
    title: str
    text: str
    order_id: str
    occurred_at: datetime
    state: Annotated[str, Field(description="pending, sent or failed")]
    sent_at: datetime | None = None
    read_at: datetime | None = None
    failure: str | None = None


class AlertView(BaseModel):
    """Something that a person must look at now. `asked` is the role that has to answer by `acknowledge_by`."""

    alert_id: str
    kind: str
    order_id: str
    delivery_id: str
    title: str
    text: str
    state: Attention
    level: int
    asked: str
    raised_at: datetime
    acknowledge_by: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    settled_because: str | None = None
    version: int


class PreferenceView(BaseModel):
    recipient_id: str
    language: Language | None
    version: int


class PreferLanguageBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Language


class NotificationsQuery(PageQuery):
    """Which notifications; `recipient_id` must be one of the caller's own, unless the caller is staff."""

    recipient_id: str | None = None
    order_id: str | None = None
    medium: Medium = Medium.IN_APP
    unread: bool = False
    language: LanguageWish = None


class AlertsQuery(PageQuery):
    state: Attention | None = None
    language: LanguageWish = None


class LiveQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    recipient_id: str | None = None
    language: LanguageWish = None
    last_event_id: str | None = None


class Ready(BaseModel):
    """Everything up to this position of the log has been told; what follows is news."""

    position: int


LiveData = NotificationView | AlertView | Ready
LiveEvent = Literal["notification", "alert", "ready"]
