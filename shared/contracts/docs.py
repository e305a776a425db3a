"""Writes `docs/events.md` from the messages themselves, so that subscribers never read a stale page.

`python -m shared.contracts.docs` writes it; with `--check` it fails when the page on disk is not what it would write.
"""

import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from shared.contracts.catalogue import messages
from shared.contracts.message import SERVICES, Channel, Message

PAGE = Path("docs/events.md")

_INTRODUCTION = """\
# Events

Generated from `shared/contracts` by `make docs`; do not edit by hand.

Every service publishes to its own durable topic exchange, routing key = the type below. The body is a CloudEvents
1.0 event in structured JSON (`content_type: application/json`): `id`, `source`, `type`, `subject` (the stream),
`time` (when it happened), `dataschema`, `data` (the fields below), and the extensions `sequence` (the stream's
version), `partitionkey` (the order's id for whatever concerns an order), `correlationid`, `causationid`,
`traceparent`, `actor`, `recordedat`.

Two rules make a subscriber right: keep the last `sequence` of each `subject`, drop what is not above it; and
ignore fields and types that you do not know. Messages carry no personal data: places are H3 cells, people are ids.
The private exchange is only for services whose broker users may bind it.
"""


def _type_of(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " or ".join(_type_of(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    if "format" in schema:
        return str(schema["format"])
    return str(schema.get("type", "any"))


def _field_rows(message: type[Message]) -> list[str]:
    schema = message.model_json_schema()
    rows = []
    for name, field in message.model_fields.items():
        wanted = "yes" if field.default is PydanticUndefined else "no"
        meaning = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{name}` | {_type_of(schema['properties'][name])} | {wanted} | {meaning} |")
    return rows


def _section(message: type[Message]) -> str:
    lines = [f"### {message.type_name()}", ""]
    own_doc = message.__dict__.get("__doc__")
    if own_doc:
        lines += [" ".join(own_doc.split()), ""]
    lines += [f"`{message.schema_urn()}`", ""]
    rows = _field_rows(message)
    if rows:
        lines += ["| field | type | always there | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def render() -> str:
    """The whole page as Markdown."""
    parts = [_INTRODUCTION]
    for exchange, group in groupby(sorted(messages(), key=_exchange_order), key=lambda message: message.exchange()):
        parts.append(f"## `{exchange}`\n")
        parts += [_section(message) for message in group]
    return "\n".join(parts).rstrip() + "\n"


def _exchange_order(message: type[Message]) -> tuple[int, int]:
    return SERVICES.index(message.service), list(Channel).index(message.channel)


def main(arguments: list[str]) -> int:
    """Writes the page, or checks it; the exit code says whether it was (or now is) fresh."""
    page = render()
    if "--check" in arguments:
        if PAGE.exists() and PAGE.read_text() == page:
            return 0
        sys.stderr.write(f"{PAGE} is stale: run `make docs`\n")
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
