"""Where riders were last and what they carry, read and written for many riders in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.dispatch.domain.positions import Known, Position
from services.dispatch.domain.values import FOOD, FurtherPickup, Stage
from shared.kernel.place import Place

CARRIED_STAGES = ("assigned", "at_pickup", "picked_up", "at_dropoff", "returning")
"""Stages in which a delivery's way is tracked; an index is made for just these."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A rider by the read models. `on_shift` None: they don't know of him."""

    on_shift: bool | None
    silent: bool
    known: Known
    veiled_cell: str | None


@dataclass(frozen=True, slots=True)
class Carried:
    """A delivery that a rider carries; `sealed` is the contact, if it has been told."""

    delivery_id: str
    order_id: str
    stage: Stage
    kind: str
    pickup: Place
    pickup_cell: str
    dropoff_area: Place
    dropoff_cell: str
    assigned_at: datetime | None
    seen_at_pickup: bool
    seen_at_dropoff: bool
    customer_id: str | None
    sealed: str | None
    further_pickups: tuple[FurtherPickup, ...] = ()

    @property
    def private_pickup(self) -> bool:
        """Food begins at a shop; an errand may begin at somebody's home."""
        return self.kind != FOOD


@dataclass(frozen=True, slots=True)
class Moved:
    """A rider's row as it is to be."""

    rider_id: str
    known: Known
    veiled_cell: str | None


_SEEN = """
SELECT asked.rider_id, r.on_shift, r.silent, p.lat, p.lon, p.at, p.accuracy_m,
       p.jumped_lat, p.jumped_lon, p.jumped_at, p.jumps, p.veiled_cell
FROM unnest(%s::text[]) AS asked (rider_id)
LEFT JOIN riders r USING (rider_id) LEFT JOIN rider_positions p USING (rider_id)
"""

_CARRIED = """
SELECT d.rider_id, d.delivery_id, d.order_id, d.stage, d.state->>'kind' AS kind,
       (d.state#>>'{pickup,lat}')::float8 AS pickup_lat, (d.state#>>'{pickup,lon}')::float8 AS pickup_lon,
       (d.state#>>'{dropoff_area,lat}')::float8 AS area_lat, (d.state#>>'{dropoff_area,lon}')::float8 AS area_lon,
       d.state->>'pickup_cell' AS pickup_cell, d.state->>'dropoff_cell' AS dropoff_cell,
       (d.state->>'assigned_at')::timestamptz AS assigned_at,
       d.state->>'seen_at_pickup' IS NOT NULL AS seen_at_pickup,
       d.state->>'seen_at_dropoff' IS NOT NULL AS seen_at_dropoff,
       d.state->'further_pickups' AS further_pickups, c.customer_id, c.sealed
FROM deliveries d LEFT JOIN contacts c USING (order_id)
WHERE d.rider_id = ANY(%s) AND d.stage IN ('assigned', 'at_pickup', 'picked_up', 'at_dropoff', 'returning')
ORDER BY d.delivery_id
"""

_WRITE = """
INSERT INTO rider_positions AS p
    (rider_id, lat, lon, at, accuracy_m, jumped_lat, jumped_lon, jumped_at, jumps, veiled_cell)
SELECT * FROM unnest(%s::text[], %s::float8[], %s::float8[], %s::timestamptz[], %s::real[],
                     %s::float8[], %s::float8[], %s::timestamptz[], %s::smallint[], %s::text[])
ON CONFLICT (rider_id) DO UPDATE
SET lat = EXCLUDED.lat, lon = EXCLUDED.lon, at = EXCLUDED.at, accuracy_m = EXCLUDED.accuracy_m,
    jumped_lat = EXCLUDED.jumped_lat, jumped_lon = EXCLUDED.jumped_lon, jumped_at = EXCLUDED.jumped_at,
    jumps = EXCLUDED.jumps, veiled_cell = EXCLUDED.veiled_cell
WHERE p.at <= EXCLUDED.at
"""


def seen(connection: Any, rider_ids: Sequence[str]) -> dict[str, Seen]:
    """Each of the riders as he is known; all of them are answered."""
    rows = connection.execute(_SEEN, (list(rider_ids),))
    return {row["rider_id"]: _seen(row) for row in rows}


def carried(connection: Any, rider_ids: Sequence[str]) -> dict[str, list[Carried]]:
    """What each of the riders carries; those who carry nothing are left out."""
    found: dict[str, list[Carried]] = {}
    for row in connection.execute(_CARRIED, (list(rider_ids),)):
        found.setdefault(row["rider_id"], []).append(_carried(row))
    return found


def write(connection: Any, moved: Iterable[Moved]) -> None:
    """Keeps what is known of each rider; an older word by the device's time changes nothing. In the order of their
    ids, so that two processes wait for each other instead of locking each other out."""
    rows = [_columns(each) for each in sorted(moved, key=lambda each: each.rider_id) if each.known.last is not None]
    if rows:
        connection.execute(_WRITE, [list(column) for column in zip(*rows, strict=True)])


def _columns(moved: Moved) -> tuple[Any, ...]:
    last, jumped = moved.known.last, moved.known.jumped
    assert last is not None, "a row without a position has nothing to say"
    jump = (None, None, None) if jumped is None else (jumped.place.lat, jumped.place.lon, jumped.at)
    place = last.place
    return (
        moved.rider_id,
        place.lat,
        place.lon,
        last.at,
        last.accuracy_m,
        *jump,
        moved.known.jumps,
        moved.veiled_cell,
    )


def _seen(row: Mapping[str, Any]) -> Seen:
    last = jumped = None
    if row["at"] is not None:
        last = Position(Place(row["lat"], row["lon"]), row["at"], row["accuracy_m"])
    if row["jumped_at"] is not None and last is not None and row["jumped_at"] > last.at:
        jumped = Position(Place(row["jumped_lat"], row["jumped_lon"]), row["jumped_at"])
    known = Known(last, jumped, row["jumps"] if jumped else 0)
    return Seen(row["on_shift"], bool(row["silent"]), known, row["veiled_cell"])


def _carried(row: Mapping[str, Any]) -> Carried:
    return Carried(
        delivery_id=row["delivery_id"],
        order_id=row["order_id"],
        stage=Stage(row["stage"]),
        kind=row["kind"] or FOOD,
        pickup=Place(row["pickup_lat"], row["pickup_lon"]),
        pickup_cell=row["pickup_cell"],
        dropoff_area=Place(row["area_lat"], row["area_lon"]),
        dropoff_cell=row["dropoff_cell"],
        assigned_at=row["assigned_at"],
        seen_at_pickup=row["seen_at_pickup"],
        seen_at_dropoff=row["seen_at_dropoff"],
        customer_id=row["customer_id"],
        sealed=row["sealed"],
        further_pickups=tuple(_further(each) for each in row["further_pickups"] or ()),
    )


def _further(stored: Mapping[str, Any]) -> FurtherPickup:
    return FurtherPickup(Place(stored["place"]["lat"], stored["place"]["lon"]), stored["cell"])
