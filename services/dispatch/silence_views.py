"""Who carries something and has sent no position for a while, out of the read models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

_QUIET = """
SELECT r.rider_id, p.at AS heard_at
FROM riders r JOIN rider_positions p USING (rider_id)
WHERE r.on_shift AND NOT r.silent AND p.at <= %(before)s
  AND p.at > (r.state->>'shift_started_at')::timestamptz + interval '1 second'
  AND EXISTS (SELECT 1 FROM deliveries d WHERE d.rider_id = r.rider_id AND d.stage IN ('assigned', 'at_pickup'))
ORDER BY r.rider_id LIMIT %(most)s
"""
MOST_AT_ONCE = 200
"""More of them at once means that positions do not come in at all: nobody is judged by that."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A rider, and when his device said something last."""

    rider_id: str
    heard_at: datetime


def quiet(connection: Any, before: datetime) -> list[Quiet]:
    """Riders on shift with something to fetch whose device has sent positions in this shift, but none since."""
    rows = connection.execute(_QUIET, {"before": before, "most": MOST_AT_ONCE + 1})
    return [Quiet(row["rider_id"], row["heard_at"]) for row in rows]


def devices_heard(connection: Any, since: datetime) -> int:
    """How many devices have said something since a moment: none at all is our own trouble, not theirs."""
    row = connection.execute("SELECT count(*) AS heard FROM rider_positions WHERE at > %s", (since,)).fetchone()
    return int(row["heard"])
