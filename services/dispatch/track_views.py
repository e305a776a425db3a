"""Tracks of deliveries in their tables: pieces while a way is being gone, one sealed row when it was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.dispatch import track_codec
from services.dispatch.domain.position_policy import PositionPolicy
from services.dispatch.domain.positions import Position
from services.dispatch.doors import Visited
from services.dispatch.position_views import Carried
from shared.eventstore.ports import Transaction


@dataclass(frozen=True, slots=True)
class Piece:
    """Some points of a way, and under whose key they are sealed."""

    delivery_id: str
    rider_id: str
    subject_id: str
    points: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """One rider's way with a delivery. `closed_at` None: he is still on it. `way` and `door` are what can be read;
    `lost` counts the points whose person has been forgotten."""

    leg: int | None
    rider_id: str
    opened_at: datetime
    closed_at: datetime | None
    sha256: str | None
    way: tuple[Position, ...]
    door: tuple[Position, ...]
    door_subject: str | None
    lost: int

    @property
    def points(self) -> list[Position]:
        """The whole way as far as it can be read, in the order of time."""
        return sorted((*self.way, *self.door), key=lambda each: each.at)


_OPEN = """
INSERT INTO open_tracks (delivery_id, rider_id, opened_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) ON CONFLICT DO NOTHING
"""
# Whoever closes a track waits for the pieces that are on their way into it.
_HOLD = """
SELECT o.delivery_id FROM open_tracks o
JOIN unnest(%s::text[], %s::text[]) AS mine (delivery_id, rider_id) USING (delivery_id, rider_id)
ORDER BY o.delivery_id FOR KEY SHARE OF o
"""
_ADD = """
INSERT INTO track_pieces (delivery_id, rider_id, subject_id, sealed)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
"""
_ENDED = """
SELECT o.delivery_id, o.rider_id FROM open_tracks o LEFT JOIN deliveries d USING (delivery_id)
WHERE d.rider_id IS DISTINCT FROM o.rider_id
   OR d.stage NOT IN ('assigned', 'at_pickup', 'picked_up', 'at_dropoff', 'returning')
LIMIT %s
"""
_KEEP = """
INSERT INTO tracks (delivery_id, leg, rider_id, opened_at, closed_at, points, sha256,
                    way_sealed, way_sha256, door_subject, door_sealed, door_sha256)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def pieces(
    rider_id: str, carried: Carried, points: Sequence[Position], visited: Visited, policy: PositionPolicy
) -> Iterable[Piece]:
    """The points near a customer's door are the customer's, the others the rider's."""
    private = [carried.customer_id is not None and visited.private(each.place, policy) for each in points]
    for subject_id, wanted in ((rider_id, False), (carried.customer_id, True)):
        chosen = tuple(each for each, is_private in zip(points, private, strict=True) if is_private is wanted)
        if chosen and subject_id is not None:
            yield Piece(carried.delivery_id, rider_id, subject_id, chosen)


def add(tx: Transaction, new: Sequence[Piece]) -> None:
    """Adds pieces to their tracks, which are opened when this is their first."""
    if not new:
        return
    ways = sorted({(each.delivery_id, each.rider_id): each.points[0].at for each in reversed(new)}.items())
    keys = [[delivery_id for (delivery_id, _), _ in ways], [rider_id for (_, rider_id), _ in ways]]
    held = tx.connection.execute(_HOLD, keys).fetchall()
    if len(held) < len(ways):
        tx.connection.execute(_OPEN, [*keys, [at for _, at in ways]])
    sealed = [tx.vault.seal(each.subject_id, track_codec.encode(each.points)) for each in new]
    columns = zip(*((each.delivery_id, each.rider_id, each.subject_id) for each in new), strict=True)
    tx.connection.execute(_ADD, [*map(list, columns), sealed])


def ended(connection: Any, limit: int) -> list[tuple[str, str]]:
    """Tracks whose rider carries the delivery no more, as (delivery, rider)."""
    return [(row["delivery_id"], row["rider_id"]) for row in connection.execute(_ENDED, (limit,))]


def take_open(tx: Transaction, delivery_id: str, rider_id: str) -> Leg | None:
    """Ends an open track: its pieces are gone from their table. None when another process was first."""
    row = tx.connection.execute(
        "DELETE FROM open_tracks WHERE delivery_id = %s AND rider_id = %s RETURNING opened_at",
        (delivery_id, rider_id),
    ).fetchone()
    if row is None:
        return None
    found = tx.connection.execute(
        "DELETE FROM track_pieces WHERE delivery_id = %s AND rider_id = %s RETURNING piece_id, subject_id, sealed",
        (delivery_id, rider_id),
    ).fetchall()
    found.sort(key=lambda piece: piece["piece_id"])
    return _open_leg(tx, rider_id, row["opened_at"], found)


def keep(tx: Transaction, delivery_id: str, leg: int, way: Leg, closed_at: datetime) -> str:
    """Keeps a closed way, each part sealed under the key of whom it is about; the digest of the whole."""
    sha256 = track_codec.sha256(way.points)
    sealed = {
        name: (tx.vault.seal(subject, track_codec.encode(points)), track_codec.sha256(points))
        if points and subject
        else (None, None)
        for name, subject, points in (("way", way.rider_id, way.way), ("door", way.door_subject, way.door))
    }
    count = len(way.points)
    head = (delivery_id, leg, way.rider_id, way.opened_at, closed_at, count, sha256)
    tx.connection.execute(_KEEP, (*head, *sealed["way"], way.door_subject, *sealed["door"]))
    return sha256


def legs(tx: Transaction, delivery_id: str) -> list[Leg]:
    """Every rider's way with a delivery, the closed ones first."""
    closed = tx.connection.execute("SELECT * FROM tracks WHERE delivery_id = %s ORDER BY leg", (delivery_id,))
    found = [_closed_leg(tx, row) for row in closed.fetchall()]
    still = tx.connection.execute(
        "SELECT rider_id, opened_at FROM open_tracks WHERE delivery_id = %s ORDER BY rider_id", (delivery_id,)
    )
    for row in still.fetchall():
        parts = tx.connection.execute(
            "SELECT subject_id, sealed FROM track_pieces WHERE delivery_id = %s AND rider_id = %s ORDER BY piece_id",
            (delivery_id, row["rider_id"]),
        ).fetchall()
        found.append(_open_leg(tx, row["rider_id"], row["opened_at"], parts))
    return found


def drop_older(connection: Any, than: datetime) -> int:
    """Deletes the tracks that were closed before; returns how many."""
    return int(connection.execute("DELETE FROM tracks WHERE closed_at < %s", (than,)).rowcount)


def _open_leg(tx: Transaction, rider_id: str, opened_at: datetime, found: Sequence[Mapping[str, Any]]) -> Leg:
    way: list[Position] = []
    door: list[Position] = []
    door_subject = None
    lost = 0
    for row in found:
        opened = tx.vault.open(row["subject_id"], row["sealed"])
        if row["subject_id"] != rider_id:
            door_subject = row["subject_id"]
        if opened is None:
            lost += 1
        else:
            (way if row["subject_id"] == rider_id else door).extend(track_codec.decode(opened))
    return Leg(None, rider_id, opened_at, None, None, tuple(way), tuple(door), door_subject, lost)


def _closed_leg(tx: Transaction, row: Mapping[str, Any]) -> Leg:
    way = _opened(tx, row["rider_id"], row["way_sealed"])
    door = _opened(tx, row["door_subject"], row["door_sealed"])
    return Leg(
        leg=row["leg"],
        rider_id=row["rider_id"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        sha256=row["sha256"],
        way=way,
        door=door,
        door_subject=row["door_subject"],
        lost=row["points"] - len(way) - len(door),
    )


def _opened(tx: Transaction, subject_id: str | None, sealed: str | None) -> tuple[Position, ...]:
    opened = tx.vault.open(subject_id, sealed) if subject_id and sealed else None
    return () if opened is None else tuple(track_codec.decode(opened))
