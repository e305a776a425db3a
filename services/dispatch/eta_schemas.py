"""What callers see of a delivery's expected times."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.eta.forecasting import AWAITED, BEFORE_PICKUP
from services.dispatch.domain.eta.state import Told
from services.dispatch.domain.values import Stage


class RangeView(BaseModel):
    """Half of such deliveries are there by `p50`, nine of ten by `p90`."""

    p50: datetime
    p90: datetime


class EtaView(BaseModel):
    """When it is expected, as it was told last."""

    pickup: RangeView | None = Field(description="absent once it has been picked up")
    dropoff: RangeView
    stage: Stage = Field(description="what it had reached when that was told")
    delay_foreseen: bool = Field(description="the promise that holds now will probably be missed")

    @classmethod
    def of(cls, told: Told, delivery: Delivery) -> "EtaView | None":
        """None while nothing was told, and of a delivery that is over."""
        if told.dropoff is None or delivery.stage not in AWAITED:
            return None
        pickup = told.pickup if delivery.stage in BEFORE_PICKUP else None
        return cls(
            pickup=None if pickup is None else RangeView(p50=pickup.p50, p90=pickup.p90),
            dropoff=RangeView(p50=told.dropoff.p50, p90=told.dropoff.p90),
            stage=Stage(told.stage),
            delay_foreseen=told.warned_of is not None and told.warned_of == delivery.promised_at,
        )
