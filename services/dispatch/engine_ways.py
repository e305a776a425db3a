"""How long ways take, for the engine: what riders' journeys taught, what streets a server knows, what hinders now."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from services.dispatch.domain.disruptions.hindrances import Hindrances
from services.dispatch.domain.policy import DispatchPolicy, Where
from services.dispatch.engine.core.arrays import Floats, Ground
from services.dispatch.engine.hindered import hindered
from services.dispatch.engine.picture import Picture
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import LiveTravel, StraightLine
from services.dispatch.engine.world import Spot
from services.dispatch.engine_streets import EngineStreets
from services.dispatch.engine_travel import EngineTravel, KnownStreets
from services.dispatch.eta_turn import Times
from services.dispatch.hindering import Hindering
from services.dispatch.osrm import OsrmServer
from shared.eventstore.ports import Store
from shared.kernel.place import Place

LEARN_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways at one moment: `usual` when nothing hinders, and what does."""

    usual: LiveTravel
    hindrances: Hindrances | None = None

    def ground(self, xy: Floats) -> Ground:
        ground = self.usual.ground(xy)
        return ground if self.hindrances is None else hindered(ground, self.hindrances)

    def seconds(self, a: Spot, b: Spot) -> float:
        factor = 1.0 if self.hindrances is None else self.hindrances.factor(a, b)
        return self.usual.seconds(a, b) * factor

    def pace_of(self, vehicle: str) -> float:
        return self.usual.pace_of(vehicle)


class WaysSource(Protocol):
    """Whatever knows ways. It may ask over a network, so it is never asked inside a transaction."""

    def at(self, picture: Picture, town: Town, policy: DispatchPolicy) -> Ways:
        """Those of the picture's moment."""

    def close(self) -> None: ...


class CrowFlies:
    """One speed, which allows for detours; nothing hinders."""

    def at(self, _picture: Picture, _town: Town, policy: DispatchPolicy) -> Ways:
        return Ways(StraightLine(metres_per_second=policy.rider_speed_m_per_s))

    def close(self) -> None:
        return None


class LearnedWays:
    """What the operation's own journeys taught, on streets where a server of routes tells of them."""

    def __init__(self, store: Store, osrm_url: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._times = Times(store, "system:engine")
        self._streets = EngineStreets(OsrmServer(osrm_url)) if osrm_url else None
        self._hindering = Hindering(store)
        self._monotonic = monotonic
        self._learn_at = 0.0

    def at(self, picture: Picture, town: Town, policy: DispatchPolicy) -> Ways:  # noqa: ARG002
        if self._monotonic() >= self._learn_at:
            self._learn_at = self._monotonic() + LEARN_EVERY_SECONDS
            self._times.learn()
        self._hindering.look(picture.now)
        origin = town.origin
        told = None if origin is None else self._hindering.at(picture.now, origin)
        travel = EngineTravel(
            model=self._times.learned.model,
            now=picture.now,
            weather="fair" if told is None or origin is None else told.weather_at(Where(origin)),
            streets=self._known_streets(picture, town),
        )
        return Ways(travel, told)

    def close(self) -> None:
        self._times.close()
        if self._streets is not None:
            self._streets.close()

    def _known_streets(self, picture: Picture, town: Town) -> KnownStreets:
        if self._streets is None:
            return KnownStreets()
        counters = {town.spot(each.delivery.pickup): each.delivery.pickup for each in picture.deliveries}
        doors = {town.spot(each.delivery.dropoff_area): each.delivery.dropoff_area for each in picture.deliveries}
        riders: dict[Spot, Place] = {
            town.spot(each.place): each.place for each in picture.riders if each.place is not None
        }
        return self._streets.ask(counters | riders | doors, counters | doors)
