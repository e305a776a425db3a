"""The figures by which positions are believed, kept and told, apart from those that find riders."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPolicy:
    """Spans are in the platform's virtual time. How fast a rider can be is the policy's that finds riders."""

    max_accuracy_m: float = 150
    """A fix that may be off by more than this says nothing of a street."""
    oldest_seconds: float = 86_400
    """What a device has kept for longer is of no shift that still matters."""
    teleport_m: float = 2_000
    """A jump over more than this is called a teleport: a spoofed or a cold receiver, no fast rider."""
    jumps_believed: int = 3
    """So many fixes in a row that agree on another place are right, and the last believed one was wrong."""
    skew_tolerated_seconds: float = 120
    """A device's clock that is off by more than this is set right by the moment of sending. Far above what a network
    delays, since a slow network and a slow clock look the same."""
    geofence_radius_m: float = 60
    """Who is this near to the counter or the door has arrived, whatever he reports."""
    door_radius_m: float = 150
    """The part of a track this near to a customer's door is sealed under the customer's own key."""
    veil_rings: int = 1
    """Around a customer's cell, so many rings of cells in which the public are told the middle of a cell only."""
    tracks_kept_days: float = 90
