"""The JSON Schema of a policy document, made from the catalogue, so that editors and clients check what we check."""

from typing import Any

from services.dispatch.domain.policies import reading
from services.dispatch.domain.policies.catalogue import PARAMETERS, Parameter
from services.dispatch.domain.policies.document import TIME_ZONE, Day
from shared.kernel.area import CORNERS_MIN

SCHEMA_ID = "urn:doorstep:dispatch:policy:1"
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


def document_schema() -> dict[str, Any]:
    """Draft 2020-12. Contradictions between rules are beyond a schema: validating tells them."""
    return {
        "type": "object",
        "title": "Dispatch policy",
        "description": "What it does not say stays as the settings have it.",
        "additionalProperties": False,
        "properties": {
            "time_zone": {
                "type": "string",
                "default": TIME_ZONE,
                "examples": [TIME_ZONE],
                "description": "IANA name: the clock of days and hours",
            },
            "defaults": _values(PARAMETERS) | {"description": "for the whole service, before any rule"},
            "areas": {"type": "array", "maxItems": reading.AREAS_MAX, "items": _area()},
            "rules": {"type": "array", "maxItems": reading.RULES_MAX, "items": _rule()},
        },
    }


def _values(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {each.name: _figure(each) for each in parameters},
    }


def _figure(parameter: Parameter) -> dict[str, Any]:
    return {
        "type": "integer" if parameter.whole else "number",
        "minimum": parameter.low,
        "maximum": parameter.high,
        "description": f"{parameter.kind.value}, unit: {parameter.unit.value}",
    }


def _area() -> dict[str, Any]:
    corner = {
        "type": "object",
        "additionalProperties": False,
        "required": ["lat", "lon"],
        "properties": {
            "lat": {"type": "number", "minimum": -90, "maximum": 90},
            "lon": {"type": "number", "minimum": -180, "maximum": 180},
        },
    }
    polygon = {"type": "array", "minItems": CORNERS_MIN, "maxItems": reading.CORNERS_MAX, "items": corner}
    cells = {
        "type": "array",
        "minItems": 1,
        "maxItems": reading.CELLS_MAX,
        "items": {"type": "string", "pattern": "^8[0-9a-f]{14}$"},
        "description": f"H3 cells of resolution {reading.COARSEST_CELL} to {reading.FINEST_CELL}",
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "oneOf": [{"required": ["polygon"]}, {"required": ["cells"]}],
        "properties": {"name": _name(), "polygon": polygon, "cells": cells},
    }


def _rule() -> dict[str, Any]:
    days = {"enum": [day.word for day in Day]}
    clock = {"type": "string", "pattern": _CLOCK, "examples": ["11:30"]}
    by_time_only = [each.name for each in PARAMETERS if each.by_rule and not each.by_place]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "values"],
        "if": {"required": ["areas"], "properties": {"areas": {"minItems": 1}}},
        "then": {"properties": {"values": {"propertyNames": {"not": {"enum": by_time_only}}}}},
        "properties": {
            "name": _name(),
            "areas": {
                "type": "array",
                "items": _name(),
                "description": "names of areas above; none: everywhere",
            },
            "days": {"type": "array", "minItems": 1, "items": days, "description": "absent: every day"},
            "starts": clock,
            "ends": clock | {"description": "at or before the start: past midnight, into the next day"},
            "rank": {
                "type": "integer",
                "minimum": 0,
                "maximum": reading.RANK_MAX,
                "default": 0,
                "description": "where several rules set one figure, the highest rank counts",
            },
            "values": _values(tuple(each for each in PARAMETERS if each.by_rule)) | {"minProperties": 1},
        },
    }


def _name() -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": reading.NAME_MAX}
