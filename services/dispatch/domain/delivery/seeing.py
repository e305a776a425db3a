"""What a rider's positions say of his delivery: seen, not reported. A delivery is never done because of it."""

from typing import assert_never

from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.values import Stage

Seeing = c.NoteArrival | c.NoteTrackKept


def see(command: Seeing, delivery: Delivery) -> list[e.DeliveryEvent]:
    """One function per command."""
    match command:
        case c.NoteArrival():
            return note_arrival(command, delivery)
        case c.NoteTrackKept():
            return note_track_kept(command, delivery)
        case _:
            assert_never(command)


def note_arrival(command: c.NoteArrival, delivery: Delivery) -> list[e.DeliveryEvent]:
    """Once for each carrier and end; nothing when he has reported it himself, which is what counts."""
    if not delivery.carried_by(command.rider_id):
        return []
    kind: type[e.PickupZoneEntered | e.DropoffZoneEntered]
    if command.at_dropoff:
        kind, expected, seen = e.DropoffZoneEntered, Stage.PICKED_UP, delivery.seen_at_dropoff
    else:
        kind, expected, seen = e.PickupZoneEntered, Stage.ASSIGNED, delivery.seen_at_pickup
    if delivery.stage is not expected or seen is not None:
        return []
    return [
        kind(
            rider_id=command.rider_id,
            at=command.at,
            distance_m=command.distance_m,
            accuracy_m=command.accuracy_m,
        )
    ]


def note_track_kept(command: c.NoteTrackKept, delivery: Delivery) -> list[e.DeliveryEvent]:
    """The digest of a closed track, once."""
    if command.leg <= delivery.tracks_kept:
        return []
    return [e.TrackKept(rider_id=command.rider_id, leg=command.leg, points=command.points, sha256=command.sha256)]
