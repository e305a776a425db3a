"""What has been said of a delivery's times so far."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.eta import events as e
from services.dispatch.domain.eta.forecasting import Eta
from shared.kernel.ids import sibling_id

STREAM_PREFIX = "eta"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The last word; `dropoff` None: nothing was said yet. `warned_of` is the promise that will be missed."""

    pickup: Eta | None = None
    dropoff: Eta | None = None
    stage: str = ""
    warned_of: datetime | None = None


NOTHING_TOLD = Told()


def evolve(state: Told, event: e.EtaEvent) -> Told:
    """What has been said after one more event."""
    match event:
        case e.EtaTold():
            return replace(state, pickup=event.pickup, dropoff=event.dropoff, stage=event.stage)
        case e.DelayForeseen():
            return replace(state, warned_of=event.promised_at)
        case _:
            assert_never(event)


def stream_of(delivery_id: str) -> str:
    """The stream in which a delivery's times are told."""
    return sibling_id(STREAM_PREFIX, delivery_id)
