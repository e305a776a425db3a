"""Whether a forecast is worth telling: when it has moved, and when a promise is about to be missed."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.eta import events as e
from services.dispatch.domain.eta.forecasting import Eta, Forecast
from services.dispatch.domain.eta.state import Told
from services.dispatch.domain.policy import DispatchPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class TellTimes:
    """A forecast made at `now` with the travel times of `travel_version`."""

    delivery_id: str
    forecast: Forecast
    promised_at: datetime | None
    travel_version: str
    now: datetime


def tell(command: TellTimes, told: Told, policy: DispatchPolicy) -> list[e.EtaEvent]:
    """Telling the same again tells nothing."""
    return [*_eta(command, told, policy), *_delay(command, told, policy)]


def _eta(command: TellTimes, told: Told, policy: DispatchPolicy) -> list[e.EtaEvent]:
    forecast = command.forecast
    moved = _apart(told.dropoff, forecast.dropoff) > policy.eta_moved_seconds
    if forecast.pickup is not None:
        moved = moved or _apart(told.pickup, forecast.pickup) > policy.eta_moved_seconds
    if not moved:
        return []
    stage = forecast.stage.value
    return [
        e.EtaTold(
            pickup=forecast.pickup,
            dropoff=forecast.dropoff,
            stage=stage,
            cause=stage if stage != told.stage else MOVED,
            model_version=_version(command),
            policy_version=policy.version,
        )
    ]


def _delay(command: TellTimes, told: Told, policy: DispatchPolicy) -> list[e.EtaEvent]:
    """Early enough to do something about it, and sure enough to be believed."""
    promised_at = command.promised_at
    if promised_at is None or told.warned_of == promised_at:
        return []
    ahead = (promised_at - command.now).total_seconds()
    probability = command.forecast.late_with(promised_at)
    if ahead < policy.delay_notice_seconds or probability < policy.delay_confidence_ratio:
        return []
    return [
        e.DelayForeseen(
            promised_at=promised_at,
            dropoff=command.forecast.dropoff,
            probability=probability,
            model_version=_version(command),
            policy_version=policy.version,
        )
    ]


MOVED = "moved"
"""Nothing happened but that time passed, or that the rider was seen somewhere else than expected."""


def _apart(told: Eta | None, now: Eta) -> float:
    """The most that either figure has moved, in seconds."""
    if told is None:
        return float("inf")
    return max(abs((now.p50 - told.p50).total_seconds()), abs((now.p90 - told.p90).total_seconds()))


def _version(command: TellTimes) -> str:
    return f"{command.travel_version}/{command.forecast.version}"
