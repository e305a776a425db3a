"""Makes an example from a JSON Schema, so that no route is documented without one."""

import re
from typing import Any

Json = dict[str, Any]
_MAX_DEPTH = 8
_FORMATS = {
    "date-time": "2026-03-01T11:30:00Z",
    "date": "2026-03-01",
    "time": "11:30:00",
    "duration": "PT30M",
    "email": "lin@example.org",
    "uri": "urn:example:thing",
    "uuid": "0190e0f2-6f6e-7c3a-9d2b-3f1c5a7e9b10",
    "binary": "",
}
_PREFIXES = {"order_id": "ord", "merchant_id": "mer", "rider_id": "rid", "delivery_id": "dlv", "customer_id": "cus"}
_PREFIXES |= {"case_id": "cas", "notification_id": "ntf", "alert_id": "alr", "payment_id": "pay"}


def example_of(schema: Json, components: Json, name: str = "", depth: int = 0) -> Any:
    """A value that fits the schema: its own example or default where it has one, otherwise a plausible one."""
    for key in ("examples", "example", "const", "default"):
        if key in schema and not (key == "default" and schema[key] is None):
            return schema[key][0] if key == "examples" else schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "$ref" in schema:
        return _referred(schema, components, name, depth)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            choices = [entry for entry in schema[key] if entry.get("type") != "null"]
            return example_of(choices[0], components, name, depth) if choices else None
    return _of_type(schema, components, name, depth)


def _referred(schema: Json, components: Json, name: str, depth: int) -> Any:
    if depth >= _MAX_DEPTH:
        return None
    return example_of(components.get(schema["$ref"].rsplit("/", 1)[1], {}), components, name, depth + 1)


def _of_type(schema: Json, components: Json, name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {key: example_of(entry, components, key, depth) for key, entry in properties.items()}
        case "array":
            return _array(schema, components, name, depth)
        case "string":
            return _text(schema, name)
        case "integer":
            return int(_number(schema, 1))
        case "number":
            return float(_number(schema, {"lat": 30.2741, "lon": 120.1551}.get(name, 1.0)))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return {} if depth else None


def _array(schema: Json, components: Json, name: str, depth: int) -> list[Any]:
    if "prefixItems" in schema:
        return [example_of(entry, components, name, depth) for entry in schema["prefixItems"]]
    count = max(1, int(schema.get("minItems", 1)))
    return [example_of(schema.get("items", {}), components, name.removesuffix("s"), depth + 1)] * count


def _number(schema: Json, wish: float) -> float:
    """The wished number, moved inside the limits."""
    step = 1 if schema.get("type") == "integer" else 0.5
    low = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)
    high = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else None)
    if low is not None and wish < low:
        return float(low)
    return float(high) if high is not None and wish > high else wish


def _text(schema: Json, name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if name in _PREFIXES:
        return f"{_PREFIXES[name]}_0190e0f2-6f6e-7c3a-9d2b-3f1c5a7e9b10"
    text = {"phone": "+8613800138000", "language": "en", "currency": "CNY"}.get(
        name, name.replace("_", " ") or "text"
    )
    if "pattern" in schema and not re.search(schema["pattern"], text):
        text = text.replace(" ", "-")
    text = text.ljust(int(schema.get("minLength", 0)), "x")
    return text[: int(schema["maxLength"])] if "maxLength" in schema else text
