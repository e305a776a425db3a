"""Other services' public messages to this service's commands: every one of them is a fact to keep."""

from collections.abc import Sequence

from services.analytics.domain.commands import RecordFact
from services.analytics.domain.events import FactRecorded
from shared.contracts.catalogue import messages
from shared.contracts.envelope import Envelope
from shared.contracts.message import Channel, Message

SERVICE = "analytics"

SUBSCRIBED: tuple[type[Message], ...] = tuple(
    message for message in messages() if message.channel is Channel.PUBLIC and message.service != SERVICE
)
"""All public messages of all other services; the private ones are not for analytics."""


def commands_for(_message: Message, envelope: Envelope) -> Sequence[RecordFact]:
    """Keeps the data as it was sent, with the fields that this release does not know yet."""
    return (
        RecordFact(
            FactRecorded(
                message_id=envelope.id,
                service=envelope.service,
                type=envelope.type,
                dataschema=envelope.dataschema,
                subject=envelope.subject,
                sequence=envelope.sequence,
                partition_key=envelope.partitionkey,
                actor=envelope.actor,
                time=envelope.time,
                recorded_at=envelope.recordedat,
                correlation_id=envelope.correlationid,
                causation_id=envelope.causationid,
                data=envelope.data,
            )
        ),
    )
