"""Tells the world where riders are, in a thread of its own: a broker that stands still must not hold up a device."""

import threading
from collections import OrderedDict

from services.dispatch.tracking import Tracked
from shared.contracts.common import GeoPoint
from shared.contracts.dispatch import RiderMoved
from shared.messaging import metrics
from shared.messaging.publisher import TelemetryPublisher

MOST_WAITING = 4_000
SERVICE = "dispatch"


class Telling:
    """Sends the latest place of each rider; an older one that still waits is replaced: nobody wants it any more."""

    def __init__(self, publisher: TelemetryPublisher) -> None:
        self._publisher = publisher
        self._changed = threading.Condition()
        self._latest: OrderedDict[str, tuple[RiderMoved, str]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._ended = False

    def tell(self, rider_id: str, tracked: Tracked, actor: str) -> None:
        """Returns at once; nothing is told of a report of which nothing was believed."""
        if tracked.last is None or tracked.told is None:
            return
        place = tracked.told.place
        moved = RiderMoved(
            rider_id=rider_id,
            position=GeoPoint(lat=place.lat, lon=place.lon),
            at=tracked.last.at,
            delivery_ids=tracked.delivery_ids,
            coarse=tracked.told.cell is not None,
        )
        with self._changed:
            self._latest[rider_id] = (moved, actor)
            if len(self._latest) > MOST_WAITING:
                self._latest.popitem(last=False)
                metrics.TELEMETRY_LOST.labels(SERVICE).inc()
            if self._thread is None:
                self._thread = threading.Thread(target=self._send, name="telling", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """What has not been sent yet is not sent any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _send(self) -> None:
        while True:
            with self._changed:
                while not self._latest and not self._ended:
                    self._changed.wait()
                if self._ended:
                    return
                rider_id, (moved, actor) = self._latest.popitem(last=False)
            self._publisher.publish(moved, rider_id, actor, moved.at)
