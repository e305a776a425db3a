"""Reads the engine's picture from the read models: all ids and versions each time, states only where they are new."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.dispatch.domain.delivery.state import CARRIED, Delivery
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import Stage
from services.dispatch.engine.picture import DeliveryNow, Picture, RiderNow
from shared.kernel.place import Place

_DELIVERY: TypeAdapter[Delivery] = TypeAdapter(Delivery)
_RIDER: TypeAdapter[Rider] = TypeAdapter(Rider)
_UNDER_WAY = [stage.value for stage in CARRIED]
RECENT_MAX = 2_000
"""Past deliveries from which the engine learns what to expect, when it has just been started."""


class PictureReader:
    """Remembers what it has read: most riders and deliveries are as they were a moment ago."""

    def __init__(self) -> None:
        self._deliveries: dict[str, DeliveryNow] = {}
        self._riders: dict[str, tuple[int, Rider]] = {}

    def read(self, connection: Any, now: datetime, most_waiting: int) -> Picture:
        """Everybody on shift, everything under way, and what waits, the longest waiting first, up to a number."""
        return Picture(
            now=now,
            riders=tuple(self._read_riders(connection)),
            deliveries=tuple(self._read_deliveries(connection, most_waiting)),
        )

    def recent(self, connection: Any, since: datetime) -> list[DeliveryNow]:
        """What was asked for lately, whatever became of it."""
        found = connection.execute(
            "SELECT delivery_id, version, state FROM deliveries WHERE changed_at >= %s"
            " ORDER BY delivery_id DESC LIMIT %s",
            (since, RECENT_MAX),
        )
        return [_delivery(row) for row in found]

    def _read_riders(self, connection: Any) -> Iterable[RiderNow]:
        rows = connection.execute(
            "SELECT r.rider_id, r.version, p.lat, p.lon FROM riders r LEFT JOIN rider_positions p USING (rider_id)"
            " WHERE r.on_shift ORDER BY r.rider_id"
        ).fetchall()
        known = self._riders
        self._riders = {
            row["rider_id"]: known[row["rider_id"]]
            for row in rows
            if row["rider_id"] in known and known[row["rider_id"]][0] == row["version"]
        }
        new = [row["rider_id"] for row in rows if row["rider_id"] not in self._riders]
        if new:
            found = connection.execute("SELECT rider_id, version, state FROM riders WHERE rider_id = ANY(%s)", (new,))
            self._riders |= {row["rider_id"]: (row["version"], _nameless(row["state"])) for row in found}
        for row in rows:
            place = None if row["lat"] is None else Place(row["lat"], row["lon"])
            yield RiderNow(row["rider_id"], self._riders[row["rider_id"]][1], place)

    def _read_deliveries(self, connection: Any, most_waiting: int) -> Iterable[DeliveryNow]:
        rows = connection.execute(
            "(SELECT delivery_id, version FROM deliveries WHERE stage = %(waiting)s"
            " ORDER BY delivery_id LIMIT %(most)s)"
            " UNION ALL SELECT delivery_id, version FROM deliveries WHERE stage = ANY(%(under_way)s)",
            {"waiting": Stage.WAITING.value, "most": most_waiting, "under_way": _UNDER_WAY},
        ).fetchall()
        known = self._deliveries
        self._deliveries = {
            row["delivery_id"]: known[row["delivery_id"]]
            for row in rows
            if row["delivery_id"] in known and known[row["delivery_id"]].version == row["version"]
        }
        new = [row["delivery_id"] for row in rows if row["delivery_id"] not in self._deliveries]
        if new:
            found = connection.execute(
                "SELECT delivery_id, version, state FROM deliveries WHERE delivery_id = ANY(%s)", (new,)
            )
            self._deliveries |= {row["delivery_id"]: _delivery(row) for row in found}
        return [self._deliveries[row["delivery_id"]] for row in rows]


def _nameless(state: Any) -> Rider:
    """Nothing is decided by who somebody is; so no recorded picture tells."""
    return replace(_RIDER.validate_python(state), name=None, phone=None)


def _delivery(row: Any) -> DeliveryNow:
    return DeliveryNow(row["delivery_id"], row["version"], _DELIVERY.validate_python(row["state"]))
