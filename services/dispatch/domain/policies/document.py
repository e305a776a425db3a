"""A policy as operators write it: figures for the whole service, areas with names, and rules by place and time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from services.dispatch.domain.policies.catalogue import BY_NAME, in_order
from services.dispatch.domain.policies.cells import CellSet
from services.dispatch.domain.policy import Where
from shared.kernel.area import contains
from shared.kernel.place import Place

Values = Mapping[str, float]
TIME_ZONE = "Asia/Shanghai"
MINUTES_OF_A_DAY = 24 * 60
MINUTES_OF_A_WEEK = 7 * MINUTES_OF_A_DAY


class Day(IntEnum):
    """A day of the week, as `datetime.weekday` counts."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6

    @property
    def word(self) -> str:
        return self.name.lower()


EVERY_DAY = tuple(Day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A zone of the city by its corners or by its H3 cells (of any size between a district and a block)."""

    name: str
    polygon: tuple[Place, ...] = ()
    cells: tuple[str, ...] = ()

    def holds(self, where: Where) -> bool:
        if self.polygon:
            return contains(self.polygon, where.place)
        return bool(where.cell) and CellSet.of(self.cells).holds(where.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days and hours by the policy's own clock. Ending at or before the start means past midnight, into the next day;
    both absent means the whole day."""

    days: tuple[Day, ...] = EVERY_DAY
    starts: time | None = None
    ends: time | None = None

    def holds(self, local: datetime) -> bool:
        minute = local.weekday() * MINUTES_OF_A_DAY + local.hour * 60 + local.minute
        return any(first <= minute < last for first, last in self.minutes())

    def minutes(self) -> Iterator[tuple[int, int]]:
        """The spans of the week, from Monday 00:00, first minute to the one after the last."""
        first = _minute(self.starts) if self.starts else 0
        last = _minute(self.ends) if self.ends else MINUTES_OF_A_DAY
        last += MINUTES_OF_A_DAY if last <= first else 0
        for day in self.days:
            begins, ends = day * MINUTES_OF_A_DAY + first, day * MINUTES_OF_A_DAY + last
            yield begins, min(ends, MINUTES_OF_A_WEEK)
            if ends > MINUTES_OF_A_WEEK:
                yield 0, ends - MINUTES_OF_A_WEEK


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Figures for some areas (none named: everywhere) at some times. Where several rules set one figure, the highest
    `rank` counts."""

    name: str
    areas: tuple[str, ...] = ()
    window: Window = field(default_factory=Window)
    rank: int = 0
    values: Values

    @property
    def everywhere(self) -> bool:
        return not self.areas


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """All that one version says; what it does not say stays as the settings have it."""

    time_zone: str = TIME_ZONE
    defaults: Values = field(default_factory=dict)
    areas: tuple[Area, ...] = ()
    rules: tuple[Rule, ...] = ()

    def local(self, moment: datetime) -> datetime:
        """A moment by the policy's own clock."""
        return moment.astimezone(ZoneInfo(self.time_zone))

    def rules_at(self, where: Where | None, moment: datetime) -> tuple[Rule, ...]:
        """The rules that hold there and then, the weightiest last; without a place those for everywhere."""
        local = self.local(moment)
        here = {area.name for area in self.areas if where is not None and area.holds(where)}
        holding = [
            rule
            for rule in self.rules
            if (rule.everywhere or not here.isdisjoint(rule.areas)) and rule.window.holds(local)
        ]
        return tuple(sorted(holding, key=lambda rule: rule.rank))


def as_json(document: PolicyDocument) -> dict[str, Any]:
    """The document as operators read and send it; what says nothing is left out."""
    written: dict[str, Any] = {"time_zone": document.time_zone, "defaults": figures(document.defaults)}
    written["areas"] = [_area(area) for area in document.areas]
    written["rules"] = [_rule(rule) for rule in document.rules]
    return written


def figures(values: Values) -> dict[str, int | float]:
    """Figures in the catalogue's order, whole ones without a fraction."""
    return {name: whole_if_it_is(values[name]) for name in in_order(values)}


def whole_if_it_is(value: float) -> int | float:
    return int(value) if value == int(value) else value


def _area(area: Area) -> dict[str, Any]:
    if area.polygon:
        return {"name": area.name, "polygon": [{"lat": c.lat, "lon": c.lon} for c in area.polygon]}
    return {"name": area.name, "cells": list(area.cells)}


def _rule(rule: Rule) -> dict[str, Any]:
    written: dict[str, Any] = {"name": rule.name}
    if rule.areas:
        written["areas"] = list(rule.areas)
    if rule.window.days != EVERY_DAY:
        written["days"] = [day.word for day in rule.window.days]
    if rule.window.starts is not None:
        written["starts"] = f"{rule.window.starts:%H:%M}"
    if rule.window.ends is not None:
        written["ends"] = f"{rule.window.ends:%H:%M}"
    if rule.rank:
        written["rank"] = rule.rank
    return written | {"values": figures(rule.values)}


def known(values: Values) -> dict[str, float]:
    """Without figures that this release does not know: a version may be older or younger than it."""
    return {name: value for name, value in values.items() if name in BY_NAME}
