"""Turns what a decision led to into the rows to store, the same way for every store."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Vault
from shared.eventstore.model import ClearDeadline, Context, DeadlineChange, E, S, SetDeadline, StoredEvent
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class Writing:
    """New events of one stream in both shapes: as readers see them and as the columns that hold them."""

    category: str
    events: tuple[StoredEvent, ...]
    data: list[str]
    metadata: str
    waits_set: dict[str, datetime]
    waits_cleared: list[str]


def canonical_json(value: Any) -> str:
    """JSON in one spelling only (sorted keys, no spaces), because the hash chain covers its bytes."""
    return _encode(value)


# Made once: `json.dumps` makes an encoder at every call when it is given any option.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def prepare(
    aggregate: Aggregate[S, E],
    stream_id: str,
    expected_version: int,
    events: Sequence[E],
    context: Context,
    vault: Vault,
) -> Writing:
    """Encodes, seals, numbers and names the events, and sums up what they do to the stream's deadlines."""
    recorded_at = context.now.astimezone(UTC)
    occurred_at = context.occurred_at.astimezone(UTC)
    stored, data = [], []
    for version, event in enumerate(events, expected_version + 1):
        type_name, schema_version, fields = aggregate.codec.encode(event, vault)
        data.append(canonical_json(fields))
        stored.append(
            StoredEvent(
                stream_id=stream_id,
                version=version,
                event_id=new_id("evt"),
                type=type_name,
                schema_version=schema_version,
                data=fields,
                actor=context.actor,
                occurred_at=occurred_at,
                recorded_at=recorded_at,
                correlation_id=context.correlation_id,
                causation_id=context.causation_id,
                traceparent=context.traceparent,
            )
        )
    waits_set, waits_cleared = net_changes(change for event in events for change in aggregate.deadlines(event))
    metadata = metadata_text(context, occurred_at)
    return Writing(aggregate.category, tuple(stored), data, metadata, waits_set, waits_cleared)


def net_changes(changes: Iterable[DeadlineChange]) -> tuple[dict[str, datetime], list[str]]:
    """What is left of several changes: the last word on each name counts."""
    last: dict[str, DeadlineChange] = {change.name: change for change in changes}
    waits_set = {name: change.due_at for name, change in last.items() if isinstance(change, SetDeadline)}
    return waits_set, [name for name, change in last.items() if isinstance(change, ClearDeadline)]


def metadata_text(context: Context, occurred_at: datetime) -> str:
    """Text without spaces, keys in order: as `canonical_json` would write it, in a third of the time."""
    fields = {
        "actor": context.actor,
        "causation_id": context.causation_id,
        "correlation_id": context.correlation_id,
        "occurred_at": occurred_at.isoformat(),
        "traceparent": context.traceparent,
    }
    return to_json({name: value for name, value in fields.items() if value is not None}).decode()
