"""Reads which metrics a Grafana dashboard asks for and which a Prometheus page offers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"

# Words of PromQL that stand where a metric could; whatever else stands there is taken for one.
_WORDS = {"by", "on", "or", "and", "unless", "without", "ignoring", "bool", "offset", "group_left", "group_right"}
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"')
_LABELS = re.compile(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)")
_BRACES = re.compile(r"\{[^}]*\}|\[[^\]]*\]")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])")
_SUFFIXES = {"counter": ("_total", "_created"), "histogram": ("_bucket", "_sum", "_count", "_created")}


def dashboards() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def expressions(node: Any) -> Iterator[str]:
    """Every `expr` of a dashboard, wherever it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr":
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for each in node:
            yield from expressions(each)


def metrics_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression names."""
    bare = _BRACES.sub("", _LABELS.sub(" ", _TEXT.sub("", expression)))
    return {name for name in _NAME.findall(bare) if name not in _WORDS}


def asked_for(dashboard: Path) -> set[str]:
    found: set[str] = set()
    for expression in expressions(json.loads(dashboard.read_text(encoding="utf-8"))):
        found |= metrics_in(expression)
    return found


def offered(page: str) -> set[str]:
    """The series names that a page in the Prometheus text format has or may have once something is measured."""
    found: set[str] = set()
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            family = name.removesuffix("_total") if kind == "counter" else name
            found |= {name, *(family + suffix for suffix in _SUFFIXES.get(kind, ()))}
    return found
