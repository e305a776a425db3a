"""What dispatch remembers for reading: the state of every delivery and rider by the log, contacts, last positions.

The folded state itself is kept, so that a list says the same as a stream does.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.dispatch.domain.contacts import Contact, ContactCommand, ForgetContact, RememberContact
from services.dispatch.domain.delivery.events import DeliveryEvent
from services.dispatch.domain.delivery.state import UNHEARD_DELIVERY, Delivery
from services.dispatch.domain.delivery.state import evolve as evolve_delivery
from services.dispatch.domain.positions import Position
from services.dispatch.domain.rider.events import RiderEvent, ShiftStarted
from services.dispatch.domain.rider.state import NOBODY, Rider
from services.dispatch.domain.rider.state import evolve as evolve_rider
from services.dispatch.domain.values import Stage
from shared.eventstore.batched import BatchedRows
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.kernel.place import Place

PROJECTION = "dispatch.views"
VERSION = 2

_DELIVERY: TypeAdapter[Delivery] = TypeAdapter(Delivery)
_RIDER: TypeAdapter[Rider] = TypeAdapter(Rider)
_CONTACT: TypeAdapter[Contact] = TypeAdapter(Contact)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as of its version."""

    delivery_id: str
    version: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class RiderRow:
    """A rider as of his version, and where he was last seen."""

    rider_id: str
    version: int
    rider: Rider
    position: Position | None


@dataclass(frozen=True, slots=True)
class EngineWord:
    """What the engine said last of a delivery that waits: whom it means to ask when it is time, or what bars each
    rider. `decided_at` None: no turn has looked at it yet, or it does not wait."""

    planned_rider_id: str | None = None
    why: Mapping[str, str] | None = None
    decided_at: datetime | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "EngineWord":
        return cls(row["planned_rider_id"], row["why"], row["decided_at"])


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A delivery that wants a rider, and the engine's last word on it."""

    row: DeliveryRow
    word: EngineWord


class Lists:
    """The rows that a batch of events touches."""

    def __init__(self, connection: Any, deliveries: Collection[str], riders: Collection[str]) -> None:
        self._connection = connection
        self._deliveries = BatchedRows(connection, "deliveries", "delivery_id", deliveries)
        self._waiting = BatchedRows(connection, "waiting", "delivery_id", deliveries)
        self._riders = BatchedRows(connection, "riders", "rider_id", riders)
        self._places: dict[str, Position] = {}
        self._states: dict[str, Any] = {}

    def fold_delivery(self, stored: StoredEvent, event: DeliveryEvent) -> None:
        """One more event of a delivery; one that its row has already changes nothing."""
        row = self._deliveries.get(stored.stream_id)
        if row is not None and row["version"] >= stored.version:
            return
        before = self._states.get(stored.stream_id) or (_DELIVERY.validate_python(row["state"]) if row else None)
        state = self._states[stored.stream_id] = evolve_delivery(before or UNHEARD_DELIVERY, event)
        self._deliveries.put(_delivery_columns(stored, state))
        if state.stage is not Stage.WAITING or state.offer is not None:
            self._waiting.drop(stored.stream_id)
        elif self._waiting.get(stored.stream_id) is None:
            self._waiting.put({"delivery_id": stored.stream_id, "since": state.requested_at})

    def fold_rider(self, stored: StoredEvent, event: RiderEvent) -> None:
        """One more event of a rider; a shift starts where its rider says that he is."""
        row = self._riders.get(stored.stream_id)
        if row is not None and row["version"] >= stored.version:
            return
        before = self._states.get(stored.stream_id) or (_RIDER.validate_python(row["state"]) if row else None)
        state = self._states[stored.stream_id] = evolve_rider(before or NOBODY, event)
        self._riders.put(_rider_columns(stored, state))
        if isinstance(event, ShiftStarted):
            known, place = self._places.get(stored.stream_id), Position(event.place, stored.occurred_at)
            if known is None or known.at < place.at:
                self._places[stored.stream_id] = place

    def write(self) -> None:
        for rows in (self._deliveries, self._waiting, self._riders):
            rows.write()
        for rider_id, place in self._places.items():
            save_position(self._connection, rider_id, place)


def _delivery_columns(stored: StoredEvent, state: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": stored.stream_id,
        "version": stored.version,
        "state": state,
        "order_id": state.order_id,
        "stage": state.stage.value,
        "rider_id": state.rider_id,
        "offered_to": state.offer.rider_id if state.offer else None,
        "in_grab_pool": state.in_grab_pool,
        "urgent": state.urgent,
        "changed_at": stored.recorded_at,
    }


def _rider_columns(stored: StoredEvent, state: Rider) -> dict[str, Any]:
    return {
        "rider_id": stored.stream_id,
        "version": stored.version,
        "state": state,
        "on_shift": state.on_shift,
        "silent": state.silent,
        "offered": list(state.offers),
        "carrying": list(state.carrying),
    }


def save_position(connection: Any, rider_id: str, position: Position) -> None:
    """Keeps the latest position by the device's time."""
    connection.execute(
        "INSERT INTO rider_positions (rider_id, lat, lon, at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (rider_id) DO UPDATE SET lat = EXCLUDED.lat, lon = EXCLUDED.lon, at = EXCLUDED.at"
        " WHERE rider_positions.at < EXCLUDED.at",
        (rider_id, position.place.lat, position.place.lon, position.at),
    )


def position_read(connection: Any) -> int:
    """Up to which position of the log the read models are true."""
    row = connection.execute(
        "SELECT position FROM follower_positions WHERE name = %s", (f"{PROJECTION}.v{VERSION}",)
    ).fetchone()
    return 0 if row is None else int(row["position"])


def position_of(connection: Any, rider_id: str) -> Position | None:
    """Where a rider was last seen."""
    row = connection.execute("SELECT lat, lon, at FROM rider_positions WHERE rider_id = %s", (rider_id,)).fetchone()
    return None if row is None else Position(Place(row["lat"], row["lon"]), row["at"])


def apply_contact(tx: Transaction, command: ContactCommand) -> None:
    """Remembers, sealed, or forgets who and where exactly."""
    match command:
        case RememberContact(contact=contact):
            tx.connection.execute(
                "INSERT INTO contacts (order_id, customer_id, sealed) VALUES (%s, %s, %s)"
                " ON CONFLICT (order_id) DO UPDATE SET customer_id = EXCLUDED.customer_id, sealed = EXCLUDED.sealed",
                (
                    contact.order_id,
                    contact.customer_id,
                    tx.vault.seal(contact.customer_id, _CONTACT.dump_python(contact, mode="json")),
                ),
            )
        case ForgetContact(order_id=order_id):
            tx.connection.execute("DELETE FROM contacts WHERE order_id = %s", (order_id,))


def contact_of(tx: Transaction, order_id: str) -> Contact | None:
    """Who and where exactly; None before it was told, after the order has ended, and of a forgotten customer."""
    row = tx.connection.execute("SELECT * FROM contacts WHERE order_id = %s", (order_id,)).fetchone()
    if row is None:
        return None
    sealed = row.pop("sealed")
    if sealed is not None:
        return open_contact(tx, row["customer_id"], sealed)
    dropoff = Place(row.pop("dropoff_lat"), row.pop("dropoff_lon"))
    return Contact(dropoff=dropoff, **row | {"customer_id": row["customer_id"] or ""})


def open_contact(tx: Transaction, customer_id: str, sealed: str) -> Contact | None:
    """A contact as it is kept; None of a forgotten customer."""
    opened = tx.vault.open(customer_id, sealed)
    return None if opened is None else _CONTACT.validate_python(opened)


def rider_row(connection: Any, rider_id: str) -> RiderRow | None:
    """A rider as of the projection."""
    row = connection.execute(f"{_RIDERS} WHERE r.rider_id = %s", (rider_id,)).fetchone()
    return None if row is None else _rider_row(row)


def riders_on_shift(connection: Any) -> list[RiderRow]:
    """Everybody who works now."""
    return [_rider_row(row) for row in connection.execute(f"{_RIDERS} WHERE r.on_shift ORDER BY r.rider_id")]


def riders_page(connection: Any, after: str, limit: int) -> list[RiderRow]:
    """All riders by id."""
    found = connection.execute(f"{_RIDERS} WHERE r.rider_id > %s ORDER BY r.rider_id LIMIT %s", (after, limit))
    return [_rider_row(row) for row in found]


def deliveries_page(connection: Any, stage: Stage | None, before: str | None, limit: int) -> list[DeliveryRow]:
    """Deliveries, the latest order first."""
    found = connection.execute(
        "SELECT delivery_id, version, state FROM deliveries WHERE (%(stage)s::text IS NULL OR stage = %(stage)s)"
        " AND (%(before)s::text IS NULL OR delivery_id < %(before)s) ORDER BY delivery_id DESC LIMIT %(limit)s",
        {"stage": stage.value if stage else None, "before": before, "limit": limit},
    )
    return [_delivery_row(row) for row in found]


def grab_pool(connection: Any, limit: int) -> list[DeliveryRow]:
    """What any fitting rider may claim, the longest waiting first."""
    found = connection.execute(
        "SELECT delivery_id, version, state FROM deliveries WHERE in_grab_pool AND stage = 'waiting'"
        " AND state->>'pinned_to' IS NULL ORDER BY delivery_id LIMIT %s",
        (limit,),
    )
    return [_delivery_row(row) for row in found]


def wanting_riders(connection: Any, limit: int) -> list[WaitingRow]:
    """Everything without a rider, offered or not, the longest waiting first."""
    found = connection.execute(
        "SELECT d.delivery_id, d.version, d.state, w.why, w.planned_rider_id, w.decided_at FROM deliveries d"
        " LEFT JOIN waiting w USING (delivery_id) WHERE d.stage = 'waiting' ORDER BY d.delivery_id LIMIT %s",
        (limit,),
    )
    return [WaitingRow(_delivery_row(row), EngineWord.of(row)) for row in found]


def urgent(connection: Any, limit: int) -> list[DeliveryRow]:
    """What a person must look at now."""
    found = connection.execute(
        "SELECT delivery_id, version, state FROM deliveries WHERE urgent ORDER BY delivery_id LIMIT %s", (limit,)
    )
    return [_delivery_row(row) for row in found]


def engine_word(connection: Any, delivery_id: str) -> EngineWord:
    """The engine's last word on one delivery."""
    row = connection.execute(
        "SELECT why, planned_rider_id, decided_at FROM waiting WHERE delivery_id = %s", (delivery_id,)
    ).fetchone()
    return EngineWord() if row is None else EngineWord.of(row)


def waits_unseen(connection: Any) -> bool:
    """Whether there is a delivery that no turn of the engine has looked at."""
    row = connection.execute("SELECT EXISTS (SELECT FROM waiting WHERE decided_at IS NULL) AS unseen").fetchone()
    return bool(row["unseen"])


def suggested_wait(connection: Any, rider_id: str) -> Place | None:
    """Where the engine thinks that an idle rider had better wait."""
    row = connection.execute("SELECT lat, lon FROM suggested_waits WHERE rider_id = %s", (rider_id,)).fetchone()
    return None if row is None else Place(row["lat"], row["lon"])


def note_waits(connection: Any, suggested: Mapping[str, Place], idle: Collection[str], now: datetime) -> None:
    """Keeps the newest suggestions; those of riders who are idle no more are dropped."""
    connection.execute("DELETE FROM suggested_waits WHERE NOT rider_id = ANY(%s)", (sorted(idle),))
    for rider_id, place in sorted(suggested.items()):
        connection.execute(
            "INSERT INTO suggested_waits (rider_id, lat, lon, suggested_at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (rider_id) DO UPDATE SET lat = EXCLUDED.lat, lon = EXCLUDED.lon,"
            " suggested_at = EXCLUDED.suggested_at",
            (rider_id, place.lat, place.lon, now),
        )


def note_turn(
    connection: Any, nobody: Mapping[str, Mapping[str, str]], planned: Mapping[str, str], now: datetime
) -> None:
    """Keeps the engine's word on what waits; a row is written again only when the word is another."""
    rows: list[tuple[str, str | None, Jsonb | None]] = [
        (each, None, Jsonb(dict(why))) for each, why in nobody.items()
    ]
    rows += [(each, rider_id, None) for each, rider_id in planned.items()]
    for delivery_id, rider_id, why in sorted(rows, key=lambda row: row[0]):
        connection.execute(
            "UPDATE waiting SET planned_rider_id = %(rider_id)s, why = %(why)s, decided_at = %(now)s"
            " WHERE delivery_id = %(delivery_id)s AND (decided_at IS NULL"
            " OR planned_rider_id IS DISTINCT FROM %(rider_id)s OR why IS DISTINCT FROM %(why)s)",
            {"delivery_id": delivery_id, "rider_id": rider_id, "why": why, "now": now},
        )


_RIDERS = (
    "SELECT r.rider_id, r.version, r.state, p.lat, p.lon, p.at"
    " FROM riders r LEFT JOIN rider_positions p USING (rider_id)"
)


def _delivery_row(row: Mapping[str, Any]) -> DeliveryRow:
    return DeliveryRow(row["delivery_id"], row["version"], _DELIVERY.validate_python(row["state"]))


def _rider_row(row: Mapping[str, Any]) -> RiderRow:
    position = None if row["at"] is None else Position(Place(row["lat"], row["lon"]), row["at"])
    return RiderRow(row["rider_id"], row["version"], _RIDER.validate_python(row["state"]), position)
