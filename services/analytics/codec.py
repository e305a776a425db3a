"""Stored names of this service's events."""

from services.analytics.domain.events import FactRecorded
from shared.eventstore.codec import Codec, EventType

CODEC: Codec[FactRecorded] = Codec([EventType("FactRecorded", FactRecorded)])
