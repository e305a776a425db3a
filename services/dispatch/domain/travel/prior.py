"""What a city assumes of its streets before it has seen anybody ride: figures to begin with, none measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OTHER = "*"
"""Whatever is not listed."""


def _speeds() -> dict[str, float]:
    return {"foot": 1.4, "bicycle": 4.2, "scooter": 5.2, "car": 6.5, OTHER: 5.2}


def _weathers() -> dict[str, float]:
    return {"fair": 1.0, "rain": 1.15, "storm": 1.4, "snow": 1.5, "heat": 1.05, OTHER: 1.0}


def _hours() -> dict[int, float]:
    return {8: 1.1, 11: 1.05, 12: 1.1, 17: 1.1, 18: 1.15, 19: 1.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Time = distance x `detour` / speed of the vehicle x factor of the weather x factor of the hour of the day."""

    detour: float = 1.3
    speeds_m_per_s: Mapping[str, float] = field(default_factory=_speeds)
    weather_factors: Mapping[str, float] = field(default_factory=_weathers)
    hour_factors: Mapping[int, float] = field(default_factory=_hours)
    spread: float = 1.6
    """P90 over P50."""
    least_seconds: float = 20
    """Nobody sets off and is there in less."""

    def seconds(self, straight_m: float, vehicle: str, hour: int, weather: str) -> float:
        """How long it takes by these figures."""
        return max(self.least_seconds, straight_m * self.seconds_per_m(vehicle, hour, weather))

    def seconds_per_m(self, vehicle: str, hour: int, weather: str) -> float:
        """The same for each metre of a longer way."""
        speed = self.speeds_m_per_s.get(vehicle, self.speeds_m_per_s[OTHER])
        return self.detour / speed * self.hold_up(hour, weather)

    def hold_up(self, hour: int, weather: str) -> float:
        """By how much hour and weather slow everybody down."""
        return self.hour_factors.get(hour, 1.0) * self.weather_factors.get(weather, self.weather_factors[OTHER])
