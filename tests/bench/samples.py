"""A stored event as the log gives it, for messages that no store has to be asked for."""

from shared.eventstore.model import StoredEvent
from shared.kernel.ids import new_id
from tests.bench.workload import NOW


def stored(stream_id: str, version: int) -> StoredEvent:
    return StoredEvent(
        stream_id=stream_id,
        version=version,
        event_id=new_id("evt"),
        type="Noted",
        schema_version=1,
        data={},
        actor="customer:cus_1",
        occurred_at=NOW,
        recorded_at=NOW,
        correlation_id=new_id("cor"),
    )
