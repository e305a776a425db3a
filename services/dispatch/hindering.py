"""The disruptions in force as this process knows them: read from the read model, remembered between two looks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.dispatch import replanning_views
from services.dispatch.domain.disruptions.hindrances import Hindrances, Plane, hindrances
from services.dispatch.domain.disruptions.state import Disruption
from services.dispatch.domain.policy import Where
from services.dispatch.domain.travel.ways import Span, TravelTimes, Way
from shared.contracts.cells import cell_of, outline_of
from shared.eventstore.ports import Store
from shared.kernel.place import Place


class Hindering:
    """Hands out what hinders without asking anybody; `look` brings it up to date. Shapes are made once for each
    plane, as long as the same disruptions are in force."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: Mapping[str, Disruption] = {}
        self._made: dict[tuple[Place, frozenset[str]], Hindrances] = {}

    def look(self, now: datetime) -> bool:
        """Reads what is in force; whether it is something else than at the last look."""
        with self._store.reading() as reading:
            rows = replanning_views.in_force(reading.connection, now)
        told = {row.disruption_id: row.disruption for row in rows}
        changed, self._told = told != self._told, told
        if changed:
            self._made.clear()
        return changed

    def at(self, now: datetime, origin: Place) -> Hindrances:
        """What hinders at a moment, on the plane around a place."""
        going_on = frozenset(name for name, each in self._told.items() if each.in_force(now))
        key = (origin, going_on)
        if key not in self._made:
            if len(self._made) > MOST_PLANES:
                self._made.clear()
            self._made[key] = hindrances(self._told, now, Plane(origin), outline_of)
        return self._made[key]

    def around(self, travel: TravelTimes) -> "HinderedTravelTimes":
        """Travel times that know of what hinders."""
        return HinderedTravelTimes(travel, self)


MOST_PLANES = 200


class HinderedTravelTimes:
    """The port of travel times: another one's answers, in the weather that is there, times what is in the way."""

    def __init__(self, travel: TravelTimes, hindering: Hindering) -> None:
        self._travel = travel
        self._hindering = hindering

    def spans(self, ways: Sequence[Way]) -> list[Span]:
        """One range for each way, in their order."""
        if not ways:
            return []
        told = self._hindering.at(ways[0].departs_at, ways[0].origin)
        if not told.all and not told.weathers:
            return self._travel.spans(ways)
        there = [_in_weather(way, told) for way in ways]
        spans = self._travel.spans(there)
        return [told.on_way(way, span) for way, span in zip(there, spans, strict=True)]


def _in_weather(way: Way, told: Hindrances) -> Way:
    if not told.weathers:
        return way
    weather = told.weather_at(Where(way.origin, cell_of(way.origin)))
    return Way(
        origin=way.origin,
        destination=way.destination,
        vehicle=way.vehicle,
        departs_at=way.departs_at,
        weather=weather,
    )
