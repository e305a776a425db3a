"""What re-planning reads quickly: the disruptions in force, and where there is a surge."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.dispatch.codec import DISRUPTION_CODEC, SURGE_CODEC
from services.dispatch.domain.disruptions.state import UNREPORTED, Disruption, evolve
from services.dispatch.domain.disruptions.values import Kind
from services.dispatch.domain.surges.noticing import SurgeBegan
from shared.eventstore.batched import BatchedRows, one_at_a_time
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.projection import Projection

_DISRUPTION: TypeAdapter[Disruption] = TypeAdapter(Disruption)
MOST_IN_FORCE = 200
"""A town with more of them at once is not hindered but standing still; the latest count."""


@dataclass(frozen=True, slots=True)
class DisruptionRow:
    """A disruption as of its version."""

    disruption_id: str
    version: int
    disruption: Disruption


def project(transaction: Transaction, events: Sequence[StoredEvent]) -> None:
    """Folds events of the log into the read models."""
    _fold_surges(transaction, [stored for stored in events if SURGE_CODEC.knows(stored.type)])
    events = [stored for stored in events if DISRUPTION_CODEC.knows(stored.type)]
    rows = BatchedRows(transaction.connection, "disruptions", "disruption_id", _streams(events))
    for stored in events:
        row = rows.get(stored.stream_id)
        if row is not None and row["version"] >= stored.version:
            continue
        event = DISRUPTION_CODEC.decode(stored.type, stored.schema_version, stored.data, transaction.vault)
        before = UNREPORTED if row is None else _DISRUPTION.validate_python(row["state"])
        rows.put(_columns(stored, evolve(before, event)))
    rows.write()


def _fold_surges(transaction: Transaction, events: Sequence[StoredEvent]) -> None:
    rows = BatchedRows(transaction.connection, "surges", "zone", {stored.data["zone"] for stored in events})
    for stored in events:
        event = SURGE_CODEC.decode(stored.type, stored.schema_version, stored.data, transaction.vault)
        row = rows.get(event.zone)
        if row is None or row["version"] < stored.version:
            rows.put(
                {
                    "zone": event.zone,
                    "version": stored.version,
                    "began_at": event.began_at if isinstance(event, SurgeBegan) else None,
                    "orders_waiting": event.orders_waiting,
                    "free_riders": event.free_riders,
                }
            )
    rows.write()


def _streams(events: Collection[StoredEvent]) -> set[str]:
    return {stored.stream_id for stored in events}


def _columns(stored: StoredEvent, state: Disruption) -> dict[str, Any]:
    return {
        "disruption_id": stored.stream_id,
        "version": stored.version,
        "state": _DISRUPTION.dump_python(state, mode="json"),
        "kind": state.kind.value if state.kind else "",
        "starts_at": state.starts_at,
        "until": state.until,
        "lifted": state.lifted_at is not None,
    }


REPLANNING = Projection(
    "dispatch.replanning",
    2,
    one_at_a_time(project),
    tables=("disruptions", "surges"),
    types=frozenset(entry.name for codec in (DISRUPTION_CODEC, SURGE_CODEC) for entry in codec.types),
    apply_many=project,
)


@dataclass(frozen=True, slots=True)
class SurgeRow:
    """A surge that lasts, with what was counted when it began."""

    zone: str
    began_at: datetime
    orders_waiting: int
    free_riders: int


def surges(connection: Any) -> list[SurgeRow]:
    """Where there is one now."""
    found = connection.execute(
        "SELECT zone, began_at, orders_waiting, free_riders FROM surges WHERE began_at IS NOT NULL ORDER BY zone"
    )
    return [SurgeRow(**row) for row in found]


def in_force(connection: Any, now: datetime) -> list[DisruptionRow]:
    """What hinders riders at a moment, the latest report first."""
    found = connection.execute(
        "SELECT disruption_id, version, state FROM disruptions WHERE NOT lifted AND until > %(now)s"
        " AND starts_at <= %(now)s ORDER BY disruption_id DESC LIMIT %(most)s",
        {"now": now, "most": MOST_IN_FORCE},
    )
    return [_row(row) for row in found]


def weathers_since(connection: Any, moment: datetime) -> list[Disruption]:
    """What was said of the weather that held at the moment or later, lifted or not; the latest count."""
    found = connection.execute(
        "SELECT disruption_id, version, state FROM disruptions WHERE kind = %(weather)s AND until > %(moment)s"
        " ORDER BY starts_at DESC LIMIT %(most)s",
        {"weather": Kind.WEATHER.value, "moment": moment, "most": MOST_IN_FORCE},
    )
    return [_row(row).disruption for row in found]


def disruptions_page(
    connection: Any, going_on_at: datetime | None, before: str | None, limit: int
) -> list[DisruptionRow]:
    """Disruptions, the latest report first; with a moment only those that are neither over then nor lifted."""
    found = connection.execute(
        "SELECT disruption_id, version, state FROM disruptions"
        " WHERE (%(at)s::timestamptz IS NULL OR (NOT lifted AND until > %(at)s))"
        " AND (%(before)s::text IS NULL OR disruption_id < %(before)s) ORDER BY disruption_id DESC LIMIT %(limit)s",
        {"at": going_on_at, "before": before, "limit": limit},
    )
    return [_row(row) for row in found]


def position_read(connection: Any) -> int:
    """Up to which position of the log the read models are true."""
    row = connection.execute(
        "SELECT position FROM follower_positions WHERE name = %s", (REPLANNING.follower.name,)
    ).fetchone()
    return 0 if row is None else int(row["position"])


def _row(row: Mapping[str, Any]) -> DisruptionRow:
    return DisruptionRow(row["disruption_id"], row["version"], _DISRUPTION.validate_python(row["state"]))
