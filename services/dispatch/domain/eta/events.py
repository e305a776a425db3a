"""What was said of a delivery's times. A stream of its own beside the delivery's, so that no report of a rider ever
meets a version that only a forecast has moved."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.eta.forecasting import Eta


@dataclass(frozen=True, slots=True, kw_only=True)
class EtaTold:
    """`cause`: the stage of the delivery when it was reached, `moved` when the times moved within one.
    `model_version` is that of travel times and calibration together."""

    pickup: Eta | None
    dropoff: Eta
    stage: str
    cause: str
    model_version: str
    policy_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayForeseen:
    """The promise will be missed with at least this probability; said once for each promise."""

    promised_at: datetime
    dropoff: Eta
    probability: float
    model_version: str
    policy_version: str


EtaEvent = EtaTold | DelayForeseen
