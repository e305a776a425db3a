"""Reads a policy that somebody wrote: all that is wrong with it at once, each fault with its field."""

from collections.abc import Callable, Mapping, Sequence
from datetime import time
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.dispatch.domain.policies.cells import resolution_of
from services.dispatch.domain.policies.document import (
    EVERY_DAY,
    TIME_ZONE,
    Area,
    Day,
    PolicyDocument,
    Rule,
    Window,
)
from services.dispatch.domain.policies.figures import Faults, Within, read_values
from shared.kernel.area import CORNERS_MIN
from shared.kernel.place import Place

Outline = Callable[[str], Sequence[Place] | None]
"""The corners of an H3 cell; None when there is no such cell."""

AREAS_MAX = 50
RULES_MAX = 100
CORNERS_MAX = 200
CELLS_MAX = 500
COARSEST_CELL, FINEST_CELL = 4, 9
RANK_MAX = 100
NAME_MAX = 40
_DAYS = {day.word: day for day in Day}


def read(raw: Mapping[str, Any], faults: Faults, outline: Outline) -> PolicyDocument:
    """What could be understood of a document; `faults` then holds what could not."""
    faults.unknown_fields("", raw, ("time_zone", "defaults", "areas", "rules"))
    areas = _each(raw.get("areas", []), "areas", AREAS_MAX, faults, lambda way, one: _area(way, one, faults, outline))
    _names_differ(areas, "areas", faults)
    known = {area.name for area in areas}
    rules = _each(raw.get("rules", []), "rules", RULES_MAX, faults, lambda way, one: _rule(way, one, known, faults))
    _names_differ(rules, "rules", faults)
    return PolicyDocument(
        time_zone=_time_zone(raw.get("time_zone", TIME_ZONE), faults),
        defaults=read_values("defaults", raw.get("defaults", {}), faults, Within.DEFAULTS),
        areas=tuple(areas),
        rules=tuple(rules),
    )


def _each(
    raw: Any, field: str, most: int, faults: Faults, make: Callable[[str, Mapping[str, Any]], Any]
) -> list[Any]:
    if not isinstance(raw, list):
        faults.add(field, "not_a_list", "this should be a list")
        return []
    if len(raw) > most:
        faults.add(field, "too_many", f"at most {most} are taken")
    made = []
    for index, one in enumerate(raw[:most]):
        way = f"{field}.{index}"
        if isinstance(one, Mapping):
            made.append(make(way, one))
        else:
            faults.add(way, "not_an_object", "this should be an object")
    return made


def _names_differ(named: Sequence[Area | Rule], field: str, faults: Faults) -> None:
    seen: set[str] = set()
    for index, one in enumerate(named):
        if one.name and one.name in seen:
            faults.add(f"{field}.{index}.name", "name_twice", f"“{one.name}” is there twice")
        seen.add(one.name)


def _name(way: str, raw: Mapping[str, Any], faults: Faults) -> str:
    name = raw.get("name")
    if not isinstance(name, str) or not name.strip():
        faults.add(f"{way}.name", "required", "it needs a name")
        return ""
    if len(name.strip()) > NAME_MAX or not name.isprintable():
        faults.add(f"{way}.name", "too_long", f"a name has at most {NAME_MAX} printable characters")
    return name.strip()


def _time_zone(raw: Any, faults: Faults) -> str:
    try:
        if not isinstance(raw, str):
            raise ValueError(raw)
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.add("time_zone", "unknown_time_zone", "an IANA name such as Asia/Shanghai is needed")
        return TIME_ZONE
    return raw


def _area(way: str, raw: Mapping[str, Any], faults: Faults, outline: Outline) -> Area:
    faults.unknown_fields(way, raw, ("name", "polygon", "cells"))
    name = _name(way, raw, faults)
    if ("polygon" in raw) == ("cells" in raw):
        faults.add(way, "polygon_or_cells", "an area has either a polygon or cells")
        return Area(name=name)
    if "polygon" in raw:
        return Area(name=name, polygon=read_polygon(f"{way}.polygon", raw["polygon"], faults))
    return Area(name=name, cells=read_cells(f"{way}.cells", raw["cells"], faults, outline))


def read_polygon(way: str, raw: Any, faults: Faults) -> tuple[Place, ...]:
    """The corners that could be understood."""
    if not isinstance(raw, list) or not CORNERS_MIN <= len(raw) <= CORNERS_MAX:
        faults.add(way, "corners", f"a polygon has {CORNERS_MIN} to {CORNERS_MAX} corners")
        return ()
    corners = []
    for index, corner in enumerate(raw):
        place = read_place(corner)
        if place is None:
            faults.add(f"{way}.{index}", "not_a_place", "a corner is {lat, lon} in degrees")
        else:
            corners.append(place)
    return tuple(corners)


def read_place(raw: Any) -> Place | None:
    """A place in degrees; None when it is none."""
    if not isinstance(raw, Mapping) or set(raw) != {"lat", "lon"}:
        return None
    lat, lon = raw["lat"], raw["lon"]
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (lat, lon))
    if not numbers or not (isfinite(lat) and isfinite(lon)) or abs(lat) > 90 or abs(lon) > 180:
        return None
    return Place(float(lat), float(lon))


def read_cells(way: str, raw: Any, faults: Faults, outline: Outline) -> tuple[str, ...]:
    """The H3 cells that there are."""
    if not isinstance(raw, list) or not 1 <= len(raw) <= CELLS_MAX:
        faults.add(way, "cells", f"1 to {CELLS_MAX} cells are taken")
        return ()
    good = []
    for index, cell in enumerate(raw):
        if not isinstance(cell, str) or outline(cell) is None:
            faults.add(f"{way}.{index}", "unknown_cell", "there is no such H3 cell")
        elif not COARSEST_CELL <= resolution_of(cell) <= FINEST_CELL:
            sentence = f"cells of resolution {COARSEST_CELL} to {FINEST_CELL} are taken"
            faults.add(f"{way}.{index}", "cell_size", sentence)
        else:
            good.append(cell.lower())
    return tuple(good)


def _rule(way: str, raw: Mapping[str, Any], areas: set[str], faults: Faults) -> Rule:
    faults.unknown_fields(way, raw, ("name", "areas", "days", "starts", "ends", "rank", "values"))
    values = raw.get("values", {})
    if values == {}:
        faults.add(f"{way}.values", "required", "a rule that sets nothing is of no use")
    areas_named = _area_names(f"{way}.areas", raw.get("areas", []), areas, faults)
    within = Within.RULE_FOR_AREAS if areas_named else Within.RULE_FOR_EVERYWHERE
    return Rule(
        name=_name(way, raw, faults),
        areas=areas_named,
        window=_window(way, raw, faults),
        rank=_rank(f"{way}.rank", raw.get("rank", 0), faults),
        values=read_values(f"{way}.values", values, faults, within),
    )


def _area_names(way: str, raw: Any, areas: set[str], faults: Faults) -> tuple[str, ...]:
    if not isinstance(raw, list):
        faults.add(way, "not_a_list", "this should be a list of names of areas")
        return ()
    for index, name in enumerate(raw):
        if not isinstance(name, str) or name not in areas:
            faults.add(f"{way}.{index}", "unknown_area", "no area of the policy has this name")
    return tuple(name for name in raw if isinstance(name, str))


def _window(way: str, raw: Mapping[str, Any], faults: Faults) -> Window:
    starts, ends = (_clock(f"{way}.{name}", raw.get(name), faults) for name in ("starts", "ends"))
    if starts is not None and starts == ends:
        faults.add(f"{way}.ends", "no_time", "it ends when it starts; leave both out for the whole day")
    return Window(days=_days(f"{way}.days", raw.get("days"), faults), starts=starts, ends=ends)


def _clock(way: str, raw: Any, faults: Faults) -> time | None:
    if raw is None:
        return None
    try:
        if not isinstance(raw, str) or len(raw) != len("00:00"):
            raise ValueError(raw)
        return time.fromisoformat(raw)
    except ValueError:
        faults.add(way, "not_a_time", "a time of the day such as 11:30 is needed")
        return None


def _days(way: str, raw: Any, faults: Faults) -> tuple[Day, ...]:
    if raw is None:
        return EVERY_DAY
    if not isinstance(raw, list) or not raw or not all(isinstance(day, str) and day in _DAYS for day in raw):
        faults.add(way, "unknown_day", f"days are some of {', '.join(_DAYS)}")
        return EVERY_DAY
    return tuple(sorted({_DAYS[day] for day in raw}))


def _rank(way: str, raw: Any, faults: Faults) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= RANK_MAX:
        faults.add(way, "out_of_range", f"a whole number from 0 to {RANK_MAX} is needed")
        return 0
    return raw
