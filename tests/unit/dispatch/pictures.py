"""Small pictures of the platform, as the engine is shown them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import Stage
from services.dispatch.engine.picture import DeliveryNow, Picture, RiderNow
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

METRE = 1 / 111_195


def north(metres: float, of: Place = s.SHOP) -> Place:
    return Place(of.lat + metres * METRE, of.lon)


def rider(rider_id: str, north_m: float = 0, **changes: Any) -> RiderNow:
    """On shift for four hours from now."""
    known: dict[str, Any] = {
        "rider_id": rider_id,
        "vehicle": "scooter",
        "capacity_g": 20_000,
        "capacity_ml": 60_000,
        "on_shift": True,
        "shift_started_at": s.at(-60),
        "working_since": s.at(-60),
        "shift_until": s.at(240),
        "shift_place": s.SHOP,
    }
    return RiderNow(rider_id, Rider(**{**known, **changes}), north(north_m))


def delivery(delivery_id: str = s.DELIVERY, **changes: Any) -> DeliveryNow:
    """Waits for a rider; its goods will be ready in ten minutes."""
    known: dict[str, Any] = {
        "stage": Stage.WAITING,
        "order_id": delivery_id.replace("dlv", "ord"),
        "merchant_id": "mer_1",
        "pickup": s.SHOP,
        "pickup_cell": s.announced.pickup_cell,
        "dropoff_area": s.HOME,
        "dropoff_cell": s.announced.dropoff_cell,
        "promised_at": s.at(40),
        "ready_at": s.at(10),
        "requested_at": s.NOW,
        "wanted_by": s.at(25),
        "attempt": 1,
    }
    return DeliveryNow(delivery_id, 2, Delivery(**{**known, **changes}))


def picture(riders: Sequence[RiderNow], deliveries: Sequence[DeliveryNow], now: datetime = s.NOW) -> Picture:
    return Picture(now=now, riders=tuple(riders), deliveries=tuple(deliveries))


def carries(seen: RiderNow, *delivery_ids: str) -> RiderNow:
    return replace(seen, rider=replace(seen.rider, carrying=delivery_ids))
