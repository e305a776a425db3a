"""Notify's HTTP routes: everybody's inbox, the alerts of those on duty, and both of them live."""

from collections.abc import Iterator

from services.notify import views
from services.notify.application import NOTIFICATION, perform
from services.notify.domain.commands import AcknowledgeAlert, PreferLanguage, ReadNotification
from services.notify.domain.decisions import AlertAlreadyAcknowledged, NotificationNotInInbox
from services.notify.domain.state import Attention, Notification
from services.notify.domain.vocabulary import Medium
from services.notify.reading import Reader
from services.notify.schemas import (
    AlertsQuery,
    AlertView,
    LiveData,
    LiveQuery,
    NotificationsQuery,
    NotificationView,
    PreferenceView,
    PreferLanguageBody,
    Ready,
)
from services.notify.wiring import NotifyParts
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.gateway.auth import Principal
from shared.gateway.call import Call
from shared.gateway.cursor import Page, encode_cursor
from shared.gateway.route import route
from shared.gateway.sse import Event, Stream
from shared.gateway.standard import StandardRoutes
from shared.kernel.errors import Fault, InvalidInput, NotFound

PERSONAL = frozenset({"customer", "merchant", "rider"})
STAFF = frozenset({"support", "operations"})
DUTY = frozenset({"dispatcher", "operations", "operator"})
SNAPSHOT_MOST = 50
LAST_POSITION = 2**63 - 1


class NotifyGateway(StandardRoutes):
    """The routes; `service.py` adds what runs by itself."""

    name = "notify"
    title = "Doorstep: notify"
    parts: NotifyParts

    @property
    def reader(self) -> Reader:
        return Reader(catalogues=self.parts.catalogues, policy=self.parts.policy)

    @route(
        "GET",
        "/v1/notifications",
        roles=PERSONAL | STAFF,
        query=NotificationsQuery,
        answer=Page[NotificationView],
        summary="What somebody was told, newest first",
        tags=("notifications",),
        refusals=(NotFound,),
    )
    def list_notifications(self, call: Call[None, NotificationsQuery]) -> Page[NotificationView]:
        query = call.query
        recipients = _recipients(call.principal, query.recipient_id)
        with self.parts.store.transaction() as tx:
            found = views.notifications(
                tx.connection,
                recipients=recipients,
                medium=query.medium,
                order_id=query.order_id,
                unread=query.unread,
                before=_before(query.after("position")),
                limit=query.limit,
            )
            items = self.reader.notifications(tx.connection, found.rows, query.language)
        return Page(items=items, next=_next(found), position=found.position)

    @route(
        "POST",
        "/v1/notifications/<notification_id>/read",
        roles=PERSONAL,
        answer=NotificationView,
        command=True,
        refusals=(NotFound, NotificationNotInInbox),
        summary="Says that the recipient has read it",
        tags=("notifications",),
    )
    def read_notification(self, call: Call, notification_id: str) -> NotificationView:
        def work(tx: Transaction) -> NotificationView:
            state = tx.load(NOTIFICATION, notification_id).state
            if isinstance(state, Notification):
                call.principal.require(state.request.recipient_id)
            command = ReadNotification(notification_id=notification_id, now=call.now)
            perform(tx, command, call.context, self.parts.policy)
            view = self.reader.notification(tx, notification_id, None)
            assert view is not None, "it has just been read"
            return view

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/notifications/live",
        roles=PERSONAL | STAFF | DUTY,
        query=LiveQuery,
        answer=LiveData,
        summary="Notifications as they come, and alerts for those on duty",
        description="First what is unread and what is open (`notification`, `alert`), then `ready`, then the news.",
        tags=("notifications", "alerts"),
    )
    def live(self, call: Call[None, LiveQuery]) -> Stream:
        watch = _Watch(self.parts, self.reader, call.principal, call.query)
        return Stream(watch.events(call.last_position))

    @route(
        "GET",
        "/v1/alerts",
        roles=DUTY | STAFF,
        query=AlertsQuery,
        answer=Page[AlertView],
        summary="Alerts, newest first",
        tags=("alerts",),
    )
    def list_alerts(self, call: Call[None, AlertsQuery]) -> Page[AlertView]:
        query = call.query
        with self.parts.store.transaction() as tx:
            before = _before(query.after("position"))
            found = views.alerts(tx.connection, attention=query.state, before=before, limit=query.limit)
        items = self.reader.alerts(found.rows, query.language)
        return Page(items=items, next=_next(found), position=found.position)

    @route(
        "POST",
        "/v1/alerts/<alert_id>/acknowledge",
        roles=DUTY,
        answer=AlertView,
        command=True,
        refusals=(NotFound, AlertAlreadyAcknowledged),
        summary="Says that somebody looks after it; it is not escalated any further",
        tags=("alerts",),
    )
    def acknowledge_alert(self, call: Call, alert_id: str) -> AlertView:
        def work(tx: Transaction) -> AlertView:
            command = AcknowledgeAlert(alert_id=alert_id, by=call.actor, now=call.now)
            perform(tx, command, call.context, self.parts.policy)
            return self.reader.alert(tx, alert_id, None)

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/preferences/<recipient_id>",
        roles=PERSONAL,
        answer=PreferenceView,
        refusals=(NotFound,),
        summary="The language in which somebody wants to be told",
        tags=("preferences",),
    )
    def get_preference(self, call: Call, recipient_id: str) -> PreferenceView:
        call.principal.require(recipient_id)
        with self.parts.store.reading() as tx:
            return self.reader.preference(tx, recipient_id)

    @route(
        "PUT",
        "/v1/preferences/<recipient_id>",
        roles=PERSONAL,
        body=PreferLanguageBody,
        answer=PreferenceView,
        command=True,
        refusals=(NotFound,),
        summary="Chooses the language in which to be told",
        tags=("preferences",),
    )
    def set_preference(self, call: Call[PreferLanguageBody], recipient_id: str) -> PreferenceView:
        call.principal.require(recipient_id)

        def work(tx: Transaction) -> PreferenceView:
            call.expect(self.reader.preference(tx, recipient_id).version)
            command = PreferLanguage(recipient_id=recipient_id, language=call.body.language)
            perform(tx, command, call.context, self.parts.policy)
            return self.reader.preference(tx, recipient_id)

        return call.once(self.parts.store, work)


class _Watch:
    """One page's view of the news: the recipients it may see, and alerts when its reader is on duty."""

    def __init__(self, parts: NotifyParts, reader: Reader, principal: Principal, query: LiveQuery) -> None:
        self._parts = parts
        self._reader = reader
        self._wish = query.language
        self._alerts = bool(principal.roles & DUTY) and query.recipient_id is None
        personal = query.recipient_id is not None or bool(principal.roles & (PERSONAL | STAFF))
        self._recipients = _recipients(principal, query.recipient_id) if personal else frozenset()

    def events(self, after: int | None) -> Iterator[Event | None]:
        if after is None:
            after, told = self._snapshot()
            yield from told
            yield Event(after, "ready", Ready(position=after))
        with self._parts.live.subscribe(self._wanted, after) as stored:
            for each in stored:
                yield None if each is None else self._event(each)

    def _snapshot(self) -> tuple[int, list[Event]]:
        """What is unread and open, oldest first, and the position up to which that is true."""
        with self._parts.store.transaction() as tx:
            unread = views.notifications(
                tx.connection,
                recipients=self._recipients,
                medium=Medium.IN_APP,
                order_id=None,
                unread=True,
                before=None,
                limit=SNAPSHOT_MOST,
            )
            told = [
                Event(None, "notification", view)
                for view in reversed(self._reader.notifications(tx.connection, unread.rows, self._wish))
            ]
        if self._alerts:
            with self._parts.store.transaction() as tx:
                found = views.alerts(tx.connection, attention=Attention.OPEN, before=None, limit=SNAPSHOT_MOST)
            told += [Event(None, "alert", view) for view in reversed(self._reader.alerts(found.rows, self._wish))]
        return unread.position, told

    def _wanted(self, stored: StoredEvent) -> bool:
        if stored.stream_id.startswith("alr_"):
            return self._alerts
        if not stored.stream_id.startswith("ntf_") or stored.type == "NotificationRequested":
            return False
        return self._recipients is None or stored.data["recipient_id"] in self._recipients

    def _event(self, stored: StoredEvent) -> Event | None:
        with self._parts.store.reading() as tx:
            if stored.stream_id.startswith("alr_"):
                return Event(stored.position, "alert", self._reader.alert(tx, stored.stream_id, self._wish))
            view = self._reader.notification(tx, stored.stream_id, self._wish)
        if view is None or view.medium is not Medium.IN_APP:
            return None
        return Event(stored.position, "notification", view)


def _recipients(principal: Principal, wanted: str | None) -> frozenset[str] | None:
    """Whose notifications a caller may see; None: everybody's, for staff. Raises NotFound for a stranger's."""
    if principal.roles & STAFF:
        return None if wanted is None else frozenset({wanted})
    if wanted is None:
        return principal.ids
    principal.require(wanted)
    return frozenset({wanted})


def _before(cursor: dict[str, object] | None) -> int | None:
    """The position in a cursor; raises InvalidInput on one that no list of ours gave."""
    if cursor is None:
        return None
    position = cursor["position"]
    if not isinstance(position, int) or not 0 <= position <= LAST_POSITION:
        raise InvalidInput([Fault("cursor", "invalid_cursor", "the cursor is not one that this list gave")])
    return position


def _next(found: views.Rows[views.NotificationRow] | views.Rows[views.AlertRow]) -> str | None:
    return encode_cursor({"position": found.rows[-1].position}) if found.more else None
