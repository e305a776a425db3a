"""What devices say of where their riders are: judged and kept for many riders in one transaction.

Of a position nothing goes into the event store. What follows from one (a silent rider is back, somebody has arrived)
is answered as a command for its own transaction: it is asked again with the next position if this one's was lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.dispatch import position_views as rows
from services.dispatch import track_views
from services.dispatch.codec import RIDER
from services.dispatch.domain.delivery.commands import NoteArrival
from services.dispatch.domain.errors import RiderNotFound
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.positions import Known, Position, Verdict, judge
from services.dispatch.domain.rider.commands import NoteSignOfLife
from services.dispatch.doors import Doors
from services.dispatch.veil import Veiled, in_zone, left_behind, veiled
from shared.eventstore.ports import Transaction

Following = NoteSignOfLife | NoteArrival


@dataclass(frozen=True, slots=True)
class Report:
    """What one device sent, its times set right."""

    rider_id: str
    positions: Sequence[Position]
    now: datetime


@dataclass(frozen=True, slots=True)
class Tracked:
    """What became of a report; `last` is the newest position that was believed, if any was, and `told` what the
    public may know of it."""

    verdicts: tuple[Verdict, ...]
    last: Position | None = None
    told: Veiled | None = None
    delivery_ids: tuple[str, ...] = ()
    following: tuple[Following, ...] = ()


@dataclass(slots=True)
class _Street:
    """The riders of one transaction as they are seen, and what is to be written about them."""

    seen: dict[str, rows.Seen]
    carried: dict[str, list[rows.Carried]]
    doors: Doors
    moved: dict[str, rows.Moved] = field(default_factory=dict)
    pieces: list[track_views.Piece] = field(default_factory=list)


def track_all(
    transaction: Transaction, reports: Sequence[Report], policy: DispatchPolicy, doors: Doors
) -> list[Tracked | RiderNotFound]:
    """Keeps what can be believed of all reports. Nobody is tracked off shift."""
    riders = list(dict.fromkeys(report.rider_id for report in reports))
    street = _Street(rows.seen(transaction.connection, riders), rows.carried(transaction.connection, riders), doors)
    tracked = [_track(transaction, report, street, policy) for report in reports]
    rows.write(transaction.connection, street.moved.values())
    track_views.add(transaction, street.pieces)
    return tracked


def _track(
    transaction: Transaction, report: Report, street: _Street, policy: DispatchPolicy
) -> Tracked | RiderNotFound:
    rider_id, seen = report.rider_id, street.seen[report.rider_id]
    silent = seen.silent
    if not seen.on_shift:
        # The read model is a moment behind: of a shift that has only just begun the stream knows.
        rider = transaction.load(RIDER, rider_id).state
        if not rider.rider_id:
            return RiderNotFound("there is no such rider")
        if not rider.on_shift:
            return Tracked(tuple(Verdict(position, "off_shift") for position in report.positions))
        silent = rider.silent
    before = street.moved[rider_id].known if rider_id in street.moved else seen.known
    verdicts, known = judge(report.positions, before, report.now, policy)
    believed = [verdict.position for verdict in verdicts if verdict.refused is None]
    if not believed:
        if known != before:
            _move(street, rider_id, known, seen.veiled_cell)
        return Tracked(tuple(verdicts))
    carried = street.carried.get(rider_id, [])
    lingers = left_behind(carried, _veiled_cell(street, rider_id))
    told = veiled(believed[-1].place, carried, _veiled_cell(street, rider_id), policy.positions.veil_rings)
    _move(street, rider_id, known, told.cell)
    following: list[Following] = [NoteSignOfLife(rider_id=rider_id)] if silent else []
    following += _on_the_way(transaction, report, carried, believed, lingers, street, policy)
    return Tracked(tuple(verdicts), believed[-1], told, tuple(each.delivery_id for each in carried), tuple(following))


def _on_the_way(
    transaction: Transaction,
    report: Report,
    carried: Sequence[rows.Carried],
    believed: Sequence[Position],
    lingers: str | None,
    street: _Street,
    policy: DispatchPolicy,
) -> Iterable[NoteArrival]:
    """Pieces of the deliveries' tracks, and which ends of them were reached. What lies near the door of one customer
    is in no other's track: it could not be forgotten there. `lingers` is the cell of a door that he has just left."""
    skew = timedelta(seconds=policy.clock_skew_seconds)
    visits = [(each, street.doors.near(transaction, each, believed, policy.positions)) for each in carried]
    for each, visited in visits:
        since = each.assigned_at
        own = [position for position in believed if since is None or position.at >= since - skew]
        others = [other for other_carried, other in visits if other_carried is not each]
        kept = [
            position
            for position in own
            if visited.private(position.place, policy.positions)
            or not (
                any(other.private(position.place, policy.positions) for other in others)
                or in_zone(position.place, lingers, policy.positions.veil_rings)
            )
        ]
        street.pieces += track_views.pieces(report.rider_id, each, kept, visited, policy.positions)
        arrival = visited.arrival(each, own, policy.positions)
        if arrival is not None:
            yield NoteArrival(
                delivery_id=each.delivery_id,
                rider_id=report.rider_id,
                at_dropoff=arrival.at_dropoff,
                at=arrival.position.at,
                distance_m=arrival.distance_m,
                accuracy_m=arrival.position.accuracy_m,
            )


def _move(street: _Street, rider_id: str, known: Known, veiled_cell: str | None) -> None:
    street.moved[rider_id] = rows.Moved(rider_id, known, veiled_cell)


def _veiled_cell(street: _Street, rider_id: str) -> str | None:
    moved = street.moved.get(rider_id)
    return street.seen[rider_id].veiled_cell if moved is None else moved.veiled_cell
