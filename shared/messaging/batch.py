"""What a subscription hands to a service: messages as they came off the wire, in order."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.contracts.catalogue import message_class
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as the broker gave it."""

    body: bytes
    routing_key: str = ""
    redelivered: bool = False
    sent_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages as their queues gave them; those of one stream and partition key are in the order they were sent, but
    for a broker that was killed. While `patient`, messages whose earlier ones are missing may be held back. A
    `dead` batch holds what the broker gave up delivering: it must not be handled, only kept."""

    arrived: tuple[Arrived, ...]
    patient: bool = False
    dead: bool = False

    def __len__(self) -> int:
        return len(self.arrived)

    def __iter__(self) -> Iterator[Arrived]:
        return iter(self.arrived)

    def messages(self) -> Iterator[tuple[Envelope, Message]]:
        """Decoded messages, for telemetry, where one that cannot be read is no loss and is left out."""
        for each in self.arrived:
            try:
                envelope = Envelope.from_bytes(each.body)
                known = message_class(envelope.source, envelope.type)
                if known is not None:
                    yield envelope, known.model_validate(envelope.data)
            except ValueError:
                continue


class EarlierMissing(Exception):
    """Some messages of a batch wait for earlier ones of their streams, without any effect; all others had theirs."""

    def __init__(self, held: tuple[Arrived, ...], why: str) -> None:
        super().__init__(why)
        self.held = held


def batch_of(*bodies: bytes, patient: bool = False) -> Batch:
    """A batch of plain bodies, for replays and tests."""
    return Batch(tuple(Arrived(body) for body in bodies), patient)
