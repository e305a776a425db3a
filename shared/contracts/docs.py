"""Writes the catalogue from the messages themselves, so that subscribers never read a stale page: `docs/events.md`
for people, `docs/asyncapi.json` and `docs/schemas/` for their tools.

`python -m shared.contracts.docs` writes them; with `--check` it fails when a file is not what it would write.
"""

import json
import sys
import tomllib
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from shared.contracts.asyncapi import document
from shared.contracts.catalogue import messages, schema_of
from shared.contracts.message import SERVICES, Channel, Message

PAGE = Path("events.md")
ASYNCAPI = Path("asyncapi.json")
SCHEMAS = Path("schemas")

_INTRODUCTION = """\
# Events

Generated from `shared/contracts` by `make docs`; do not edit by hand.

Every service publishes to its own durable topic exchange, routing key = the type below. The body is a CloudEvents
1.0 event in structured JSON (`content_type: application/json`): `id`, `source`, `type`, `subject` (the stream),
`time` (when it happened), `dataschema`, `data` (the fields below), and the extensions `sequence` (the stream's
version), `previous` (which messages of the stream came before, so that a missing one is noticed), `partitionkey`
(the order's id for whatever concerns an order), `correlationid`, `causationid`, `traceparent`, `actor`, `recordedat`.

Two rules make a subscriber right: keep the last `sequence` of each `subject`, drop what is not above it; and
ignore fields and types that you do not know. Messages carry no personal data: places are H3 cells, people are ids.
The private exchange is only for services whose broker users may bind it.

The same for tools: [asyncapi.json](asyncapi.json) (AsyncAPI 3.0) and one JSON Schema for the `data` of each message
under [schemas](schemas). What was released stays: messages gain optional fields, and enumerations gain values (take
one that you do not know for "something else"); nothing goes, moves, becomes required or changes its type. `make
check` compares with the last release under [releases](releases).
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


def files(version: str) -> dict[Path, str]:
    """Every generated document by its place under `docs`."""
    documents = {PAGE: render(), ASYNCAPI: _json(document(version))}
    for message in messages():
        name = f"{message.type_name()}.v{message.version}.json"
        documents[SCHEMAS / message.service / name] = _json(schema_of(message))
    return documents


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def version_of(project: Path) -> str:
    """The project's version, as its pyproject.toml says."""
    with project.open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def stale(folder: Path, wanted: dict[Path, str]) -> list[Path]:
    """What under `folder` is missing, differs, or is left over from a message that is gone."""
    differing = [
        path
        for path, text in wanted.items()
        if not (folder / path).is_file() or (folder / path).read_text(encoding="utf-8") != text
    ]
    return sorted([*differing, *_left_over(folder, wanted)])


def _left_over(folder: Path, wanted: dict[Path, str]) -> list[Path]:
    there = (path.relative_to(folder) for path in (folder / SCHEMAS).rglob("*.json"))
    return [path for path in there if path not in wanted]


def main(arguments: list[str], folder: Path = Path("docs")) -> int:
    """Writes the documents, or checks them; the exit code says whether they were (or now are) fresh."""
    wanted = files(version_of(Path("pyproject.toml")))
    if "--check" in arguments:
        found = stale(folder, wanted)
        for path in found:
            sys.stderr.write(f"{folder / path} is stale: run `make docs`\n")
        return 1 if found else 0
    for path in _left_over(folder, wanted):
        (folder / path).unlink()
    for path, text in wanted.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
