"""This service's stored events to public messages: none, since all that it keeps was told by others first."""

from collections.abc import Sequence

from services.analytics.domain.events import FactRecorded
from shared.eventstore.model import StoredEvent
from shared.messaging.outgoing import Outgoing


def messages_for(_stored: StoredEvent, _event: FactRecorded) -> Sequence[Outgoing]:
    """Repeating a fact under another name would tell the world the same thing twice."""
    return ()
