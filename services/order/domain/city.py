"""The city as operations describe it: the zones that are served, and the weather that riders are paid extra for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from shared.kernel.area import contains
from shared.kernel.errors import NotFound
from shared.kernel.place import Place

STREAM = "city_zones"
EVERYWHERE = ""
"""The name of the zone that weather of the whole city is declared for."""


class Weather(StrEnum):
    FAIR = "fair"
    RAIN = "rain"
    STORM = "storm"
    SNOW = "snow"
    HEAT = "heat"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDrawn:
    """From now on this is (or also is) where the platform serves."""

    zone_id: str
    name: str
    area: tuple[Place, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneErased:
    zone_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherDeclared:
    """Operations say what it is like outside until a time; nobody is asked for it while an order is placed."""

    zone_id: str
    weather: Weather
    until: datetime
    at: datetime


CityEvent = ZoneDrawn | ZoneErased | WeatherDeclared


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """Zones by their id, and the last word on the weather of each (and of the whole city)."""

    zones: Mapping[str, ZoneDrawn] = field(default_factory=dict)
    weather: Mapping[str, WeatherDeclared] = field(default_factory=dict)

    def serves(self, place: Place) -> bool:
        """Whether a place lies in a zone; a city without zones serves everywhere."""
        return not self.zones or self.zone_of(place) is not None

    def zone_of(self, place: Place) -> str | None:
        return next((key for key, zone in self.zones.items() if contains(zone.area, place)), None)

    def weather_at(self, place: Place, moment: datetime) -> Weather:
        """What was declared for the place's zone and still holds at a moment, else for the whole city, else fair."""
        for key in (self.zone_of(place), EVERYWHERE):
            declared = self.weather.get(key) if key is not None else None
            if declared is not None and declared.at <= moment < declared.until:
                return declared.weather
        return Weather.FAIR


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawZone:
    zone_id: str
    name: str
    area: tuple[Place, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseZone:
    zone_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareWeather:
    zone_id: str
    weather: Weather
    until: datetime
    at: datetime


CityCommand = DrawZone | EraseZone | DeclareWeather


def evolve(city: City, event: CityEvent) -> City:
    match event:
        case ZoneDrawn():
            return replace(city, zones={**city.zones, event.zone_id: event})
        case ZoneErased():
            kept = {key: zone for key, zone in city.zones.items() if key != event.zone_id}
            return replace(city, zones=kept)
        case WeatherDeclared():
            return replace(city, weather={**city.weather, event.zone_id: event})
        case _:
            assert_never(event)


def decide(command: CityCommand, city: City) -> list[CityEvent]:
    """The same again changes nothing; weather for a zone that nobody drew is refused."""
    match command:
        case DrawZone():
            drawn = ZoneDrawn(zone_id=command.zone_id, name=command.name, area=command.area, at=command.at)
            known = city.zones.get(command.zone_id)
            return [] if known is not None and replace(known, at=command.at) == drawn else [drawn]
        case EraseZone():
            return [ZoneErased(zone_id=command.zone_id, at=command.at)] if command.zone_id in city.zones else []
        case DeclareWeather():
            return _declare(command, city)
        case _:
            assert_never(command)


def _declare(command: DeclareWeather, city: City) -> list[CityEvent]:
    if command.zone_id != EVERYWHERE and command.zone_id not in city.zones:
        raise NotFound("there is no such zone", zone_id=command.zone_id)
    declared = WeatherDeclared(zone_id=command.zone_id, weather=command.weather, until=command.until, at=command.at)
    known = city.weather.get(command.zone_id)
    return [] if known is not None and replace(known, at=command.at) == declared else [declared]
