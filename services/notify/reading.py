"""Puts words to notifications and alerts when somebody reads them, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify import views
from services.notify.application import ALERT, NOTIFICATION, PREFERENCE
from services.notify.domain.policy import NotifyPolicy
from services.notify.domain.state import Alert, Attention, Notification
from services.notify.domain.templates import Catalogue, Catalogues, Facts, Text, compose
from services.notify.domain.vocabulary import Language, Medium, preference_id
from services.notify.schemas import AlertView, NotificationView, PreferenceView
from shared.eventstore.ports import Transaction
from shared.kernel.errors import NotFound

ALERT_KEY = "alert.{kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Turns rows and states into views."""

    catalogues: Catalogues
    policy: NotifyPolicy

    def notifications(
        self, connection: Any, rows: Sequence[views.NotificationRow], wish: Language | None
    ) -> list[NotificationView]:
        merchants = views.merchant_names(connection, {row.params.get("merchant_id", "") for row in rows})
        preferred = {} if wish else views.preferred_languages(connection, {row.recipient_id for row in rows})
        return [self._notification(row, wish or preferred.get(row.recipient_id), merchants) for row in rows]

    def notification(self, tx: Transaction, notification_id: str, wish: Language | None) -> NotificationView | None:
        """One notification as its stream tells it; None when there is none."""
        state = tx.load(NOTIFICATION, notification_id).state
        if not isinstance(state, Notification):
            return None
        return self.notifications(tx.connection, [_row(state)], wish)[0]

    def alerts(self, rows: Sequence[views.AlertRow], wish: Language | None) -> list[AlertView]:
        return [self._alert(row, wish) for row in rows]

    def alert(self, tx: Transaction, alert_id: str, wish: Language | None) -> AlertView:
        """One alert as its stream tells it; raises NotFound."""
        loaded = tx.load(ALERT, alert_id)
        if not isinstance(loaded.state, Alert):
            raise NotFound("there is no such alert", alert_id=alert_id)
        return self._alert(_alert_row(loaded.state, loaded.version), wish)

    def preference(self, tx: Transaction, recipient_id: str) -> PreferenceView:
        loaded = tx.load(PREFERENCE, preference_id(recipient_id))
        return PreferenceView(recipient_id=recipient_id, language=loaded.state.language, version=loaded.version)

    def _notification(
        self, row: views.NotificationRow, wish: Language | None, merchants: Mapping[str, str]
    ) -> NotificationView:
        catalogue = self.catalogues.choose(wish, Language(row.language) if row.language else None)
        text = self._text(catalogue, row.template, row.order_id, row.params, merchants, row.occurred_at)
        return NotificationView(
            notification_id=row.notification_id,
            recipient_id=row.recipient_id,
            role=row.role,
            medium=Medium(row.medium),
            template=row.template,
            language=catalogue.language,
            title=text.title,
            text=text.text,
            order_id=row.order_id,
            occurred_at=row.occurred_at,
            state=row.progress,
            sent_at=row.sent_at,
            read_at=row.read_at,
            failure=row.failure,
        )

    def _alert(self, row: views.AlertRow, wish: Language | None) -> AlertView:
        catalogue = self.catalogues.choose(wish)
        key = ALERT_KEY.format(kind=row.kind)
        text = self._text(catalogue, key, row.order_id, row.params, {}, row.raised_at)
        return AlertView(
            alert_id=row.alert_id,
            kind=row.kind,
            order_id=row.order_id,
            delivery_id=row.delivery_id,
            title=text.title,
            text=text.text,
            state=Attention(row.attention),
            level=row.level,
            asked=row.asked,
            raised_at=row.raised_at,
            acknowledge_by=row.acknowledge_by,
            acknowledged_by=row.acknowledged_by,
            acknowledged_at=row.acknowledged_at,
            settled_because=row.settled_because,
            version=row.version,
        )

    def _text(
        self,
        catalogue: Catalogue,
        key: str,
        order_id: str,
        params: Mapping[str, str],
        merchants: Mapping[str, str],
        occurred_at: datetime,
    ) -> Text:
        facts = Facts(
            order_id=order_id,
            params=params,
            merchants=merchants,
            occurred_at=occurred_at,
            utc_offset_minutes=self.policy.display_utc_offset_minutes,
        )
        return compose(catalogue, key, facts)


def _row(state: Notification) -> views.NotificationRow:
    request = state.request
    return views.NotificationRow(
        notification_id=request.notification_id,
        position=0,
        recipient_id=request.recipient_id,
        role=request.role,
        medium=request.medium,
        template=request.template,
        params=request.params,
        language=request.language,
        order_id=request.order_id,
        occurred_at=request.occurred_at,
        progress=state.progress,
        sent_at=state.sent_at,
        read_at=state.read_at,
        failure=state.failure,
    )


def _alert_row(state: Alert, version: int) -> views.AlertRow:
    raised = state.raised
    return views.AlertRow(
        alert_id=raised.alert_id,
        position=0,
        kind=raised.kind,
        order_id=raised.order_id,
        delivery_id=raised.delivery_id,
        params=raised.params,
        attention=state.attention,
        level=state.level,
        asked=state.asked,
        raised_at=raised.raised_at,
        acknowledge_by=state.acknowledge_by,
        acknowledged_by=state.acknowledged_by,
        acknowledged_at=state.acknowledged_at,
        settled_because=state.settled_because,
        version=version,
    )
