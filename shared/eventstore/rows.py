"""The store's SQL and the shape of its rows, so that the rest of the room speaks of events only."""

from datetime import datetime
from typing import Any

from pydantic_core import from_json

from shared.eventstore.direct import Prepared, Row
from shared.eventstore.model import RecordedAnswer, StoredEvent

EVENT_COLUMNS = "e.stream_id, e.version, e.event_id, e.type, e.schema_version, e.data, e.metadata, e.recorded_at"

STREAM = f"SELECT {EVENT_COLUMNS}, 0 FROM events e WHERE stream_id = %s AND version > %s ORDER BY version"

STREAM_AS_OF = f"""
SELECT {EVENT_COLUMNS}, 0 FROM events e
WHERE stream_id = %s AND version > %s
  AND version <= coalesce(%s::bigint, version) AND recorded_at <= coalesce(%s::timestamptz, recorded_at)
ORDER BY version
"""

# The number of forgettings comes first, in the place of the position.
_FORGETTINGS = """
SELECT NULL, 0::bigint AS version, NULL, NULL, NULL::int, NULL::json, NULL::json, NULL::timestamptz, count
FROM forgettings
"""

SINCE = Prepared(f"""
{_FORGETTINGS}
UNION ALL
SELECT {EVENT_COLUMNS}, 0 FROM events e
WHERE e.stream_id = %(stream_id)s AND e.version > %(version)s::bigint
ORDER BY version
""")

# One statement, so that the snapshot and the events after it are of one moment. The snapshot comes first, if any.
TAIL = Prepared(f"""
WITH kept AS (
    SELECT version, state FROM snapshots WHERE stream_id = %(stream_id)s AND fold_version = %(fold_version)s::int
)
{_FORGETTINGS}
UNION ALL
SELECT NULL, version, NULL, NULL, NULL::int, state, NULL::json, NULL::timestamptz, 0 FROM kept
UNION ALL
SELECT {EVENT_COLUMNS}, 0 FROM events e
WHERE e.stream_id = %(stream_id)s AND e.version > coalesce((SELECT version FROM kept), 0)
ORDER BY version
""")

KEEP = """
INSERT INTO snapshots AS mine (stream_id, version, fold_version, state, taken_at) VALUES (%s, %s, %s, %s::json, %s)
ON CONFLICT (stream_id) DO UPDATE
SET version = EXCLUDED.version, fold_version = EXCLUDED.fold_version, state = EXCLUDED.state,
    taken_at = EXCLUDED.taken_at
WHERE (mine.fold_version, mine.version) < (EXCLUDED.fold_version, EXCLUDED.version)
"""

LOG_AFTER = Prepared(f"""
SELECT {EVENT_COLUMNS}, l.position
FROM (SELECT position, stream_id, version FROM log WHERE position > %(position)s::bigint
      ORDER BY position LIMIT %(limit)s::bigint) l
JOIN events e ON e.stream_id = l.stream_id AND e.version = l.version
ORDER BY l.position
""")

LOG_POSITION = "SELECT coalesce(max(position), 0) AS position FROM log"

_CREATE = """
INSERT INTO streams (stream_id, category, version)
VALUES (%(stream_id)s, %(category)s, %(new_version)s::bigint)
ON CONFLICT DO NOTHING RETURNING stream_id, version
"""

_ADVANCE = """
UPDATE streams SET version = %(new_version)s::bigint
WHERE stream_id = %(stream_id)s AND version = %(expected)s::bigint RETURNING stream_id, version
"""

_INSERT_ONE = """
INSERT INTO events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT moved.stream_id, %(version)s::bigint, %(event_id)s::text, %(type)s::text, %(schema_version)s::int,
       %(data)s::json, %(metadata)s::json, %(recorded_at)s::timestamptz
FROM moved
"""

_INSERT_MANY = """
INSERT INTO events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT moved.stream_id, new.version, new.event_id, new.type, new.schema_version,
       new.data::json, %(metadata)s::json, %(recorded_at)s::timestamptz
FROM moved, unnest(%(version)s::bigint[], %(event_id)s::text[], %(type)s::text[], %(schema_version)s::int[],
                   %(data)s::text[]) AS new (version, event_id, type, schema_version, data)
ORDER BY new.version
"""

_WAITS = """
, cleared AS (
    DELETE FROM deadlines USING moved
    WHERE deadlines.stream_id = moved.stream_id AND deadlines.name = ANY(%(cleared)s::text[])
), waiting AS (
    INSERT INTO deadlines (stream_id, name, due_at, next_try_at, set_by)
    SELECT moved.stream_id, new.name, new.due_at, new.due_at, moved.version
    FROM moved, unnest(%(wait_names)s::text[], %(wait_times)s::timestamptz[]) AS new (name, due_at)
    ON CONFLICT (stream_id, name) DO UPDATE
    SET due_at = EXCLUDED.due_at, next_try_at = EXCLUDED.next_try_at, set_by = EXCLUDED.set_by, attempts = 0,
        last_error = NULL
)"""


def append_statement(is_new: bool, is_single: bool, waits: bool) -> Prepared:
    """One statement that compares and sets the stream's version, and writes events and deadlines only if it did.

    Concurrent writers of one stream queue on its row; who comes second finds another version and writes nothing.
    `seq` is drawn after that row is locked, so it rises with the version within a stream. It changes as many rows as
    there are events.
    """
    moved, insert = (_CREATE if is_new else _ADVANCE), (_INSERT_ONE if is_single else _INSERT_MANY)
    return Prepared(f"WITH moved AS ({moved}){_WAITS if waits else ''} {insert}")


APPEND = {
    (is_new, is_single, waits): append_statement(is_new, is_single, waits)
    for is_new in (True, False)
    for is_single in (True, False)
    for waits in (True, False)
}


RECALL = Prepared(
    "SELECT request_hash, status, body, headers, subject_id, sealed FROM idempotency WHERE key = %(key)s"
)

REMEMBER = Prepared(
    "INSERT INTO idempotency (key, request_hash, status, body, headers, recorded_at, subject_id, sealed)"
    " VALUES (%(key)s, %(request_hash)s, %(status)s::int, %(body)s, %(headers)s::json, %(at)s::timestamptz,"
    " %(subject_id)s, %(sealed)s)"
)

BEHIND = Prepared(
    "SELECT (SELECT max(position) FROM log) >"
    " coalesce((SELECT position FROM follower_positions WHERE name = %(name)s), 0)"
)

LOCK_POSITION = Prepared("SELECT position FROM follower_positions WHERE name = %(name)s FOR UPDATE SKIP LOCKED")

MOVE_POSITION = Prepared("UPDATE follower_positions SET position = %(position)s::bigint WHERE name = %(name)s")


# Of several followers. One that has no row yet is behind.
ANY_BEHIND = Prepared("""
SELECT (SELECT max(position) FROM log) >
       (SELECT CASE WHEN count(*) = cardinality(%(names)s::text[]) THEN min(position) ELSE 0 END
        FROM follower_positions WHERE name = ANY(%(names)s::text[]))
""")

LOCK_POSITIONS = Prepared(
    "SELECT position FROM follower_positions WHERE name = ANY(%(names)s::text[]) ORDER BY name FOR UPDATE SKIP LOCKED"
)

MOVE_POSITIONS = Prepared(
    "UPDATE follower_positions SET position = %(position)s::bigint WHERE name = ANY(%(names)s::text[])"
)


def spelled_event(row: Row) -> StoredEvent:
    """A row of EVENT_COLUMNS and the position, as PostgreSQL spells it."""
    stream_id, version, event_id, type_name, schema_version, data, metadata, recorded_at, position = row
    return stored_event(
        (
            _word(stream_id),
            int(version or 0),
            _word(event_id),
            _word(type_name),
            int(schema_version or 0),
            from_json(data or b""),
            from_json(metadata or b""),
            datetime.fromisoformat(_word(recorded_at)),
            int(position or 0),
        )
    )


def recorded_answer(row: Row) -> RecordedAnswer:
    """A row of RECALL."""
    request_hash, status, body, headers, subject_id, sealed = row
    return RecordedAnswer(
        request_hash=_word(request_hash),
        status=int(status or 0),
        body=_word(body),
        headers=from_json(headers or b"{}"),
        subject_id=None if subject_id is None else _word(subject_id),
        sealed=None if sealed is None else _word(sealed),
    )


def _word(value: bytes | None) -> str:
    return (value or b"").decode()


def stored_event(row: tuple[Any, ...]) -> StoredEvent:
    """A row of EVENT_COLUMNS and the position."""
    stream_id, version, event_id, type_name, schema_version, data, metadata, recorded_at, position = row
    return StoredEvent(
        stream_id=stream_id,
        version=version,
        event_id=event_id,
        type=type_name,
        schema_version=schema_version,
        data=data,
        actor=metadata["actor"],
        occurred_at=datetime.fromisoformat(metadata["occurred_at"]),
        recorded_at=recorded_at,
        correlation_id=metadata["correlation_id"],
        causation_id=metadata.get("causation_id"),
        traceparent=metadata.get("traceparent"),
        position=position,
    )
