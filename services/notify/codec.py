"""Stored names of notify's events; history knows them by these strings, whatever the classes are called."""

from services.notify.domain import events as e
from shared.eventstore.codec import Codec, EventType

_AUDIENCE = (
    EventType("AudienceFormed", e.AudienceFormed),
    EventType("RiderJoined", e.RiderJoined),
    EventType("RiderLeft", e.RiderLeft),
    EventType("ContactOpened", e.ContactOpened),
    EventType("ContactEnding", e.ContactEnding),
    EventType("ContactClosed", e.ContactClosed),
    EventType("TellingPostponed", e.TellingPostponed),
    EventType("TellingsReleased", e.TellingsReleased),
    EventType("AlertNoted", e.AlertNoted),
    EventType("AlertsMoot", e.AlertsMoot),
)
_NOTIFICATION = (
    EventType("NotificationRequested", e.NotificationRequested),
    EventType("NotificationSent", e.NotificationSent),
    EventType("NotificationDelayed", e.NotificationDelayed),
    EventType("NotificationFailed", e.NotificationFailed),
    EventType("NotificationRead", e.NotificationRead),
)
_ALERT = (
    EventType("AlertRaised", e.AlertRaised),
    EventType("AlertEscalated", e.AlertEscalated),
    EventType("AlertAcknowledged", e.AlertAcknowledged),
    EventType("AlertSettled", e.AlertSettled),
)
_PREFERENCE = (EventType("LanguagePreferred", e.LanguagePreferred),)

AUDIENCE: Codec[e.AudienceEvent] = Codec(_AUDIENCE)
NOTIFICATION: Codec[e.NotificationEvent] = Codec(_NOTIFICATION)
ALERT: Codec[e.AlertEvent] = Codec(_ALERT)
PREFERENCE: Codec[e.PreferenceEvent] = Codec(_PREFERENCE)
EVERYTHING: Codec[e.Event] = Codec((*_AUDIENCE, *_NOTIFICATION, *_ALERT, *_PREFERENCE))
"""For those who read the whole log."""
