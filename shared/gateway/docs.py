"""The documentation page of a service, written out from its OpenAPI document: one file, no script from elsewhere."""

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_HERE = Path(__file__).parent
_ORDER = ("get", "post", "put", "patch", "delete")


def render(document: Json) -> tuple[str, tuple[str, ...]]:
    """The page and the Content-Security-Policy hashes of its own style and script."""
    style = (_HERE / "docs.css").read_text(encoding="utf-8")
    script = (_HERE / "docs.js").read_text(encoding="utf-8")
    groups = _groups(document)
    info = document["info"]
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(info["title"])}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the routes</a>
<header class="top">
  <div><p class="kicker">Doorstep API</p><h1>{escape(info["title"])}</h1></div>
  <p class="facts"><span>v{escape(info["version"])}</span><span>OpenAPI {escape(document["openapi"])}</span>
  <a href="/openapi.json">openapi.json</a></p>
</header>
<div class="columns">
<nav aria-label="Routes">
  <label for="filter">Filter</label>
  <input id="filter" type="search" placeholder="path, word or role" autocomplete="off">
  {"".join(_menu(tag, entries) for tag, entries in groups.items())}
</nav>
<main id="content">
  <p class="lead">{escape(info["description"])} Send <code>Authorization: Bearer &lt;token&gt;</code> where roles are
  named. Bodies are JSON of at most 256 KiB.</p>
  <p id="none" class="none" hidden>No route matches.</p>
  {"".join(_section(tag, entries, document) for tag, entries in groups.items())}
  {_schemas(document)}
</main>
</div>
<script>{script}</script>
</body>
</html>
"""
    return html, (_digest(style), _digest(script))


def _groups(document: Json) -> dict[str, list[tuple[str, str, Json]]]:
    """The operations by their first tag; what the business is about comes before what operates it."""
    groups: dict[str, list[tuple[str, str, Json]]] = {}
    for path, item in document["paths"].items():
        for method in _ORDER:
            if method in item:
                groups.setdefault(item[method]["tags"][0], []).append((method, path, item[method]))
    last = ("pages", "operations", "documentation", "other")
    return dict(sorted(groups.items(), key=lambda entry: (entry[0] in last, entry[0])))


def _menu(tag: str, entries: list[tuple[str, str, Json]]) -> str:
    links = "".join(
        f'<li data-find="{_find(method, path, operation)}"><a href="#{operation["operationId"]}">'
        f'<b class="m {method}">{method.upper()}</b> {escape(operation["summary"])}</a></li>'
        for method, path, operation in entries
    )
    return f"<section><h2>{escape(tag)}</h2><ul>{links}</ul></section>"


def _section(tag: str, entries: list[tuple[str, str, Json]], document: Json) -> str:
    body = "".join(_operation(method, path, operation, document) for method, path, operation in entries)
    return f'<section class="tag"><h2>{escape(tag)}</h2>{body}</section>'


def _operation(method: str, path: str, operation: Json, document: Json) -> str:
    roles = operation.get("x-roles")
    who = "".join(f'<span class="role">{escape(role)}</span>' for role in roles) if roles else ""
    who = who or '<span class="role open">anybody</span>'
    # The roles are shown as badges; the sentence about them is for readers of the bare document.
    parts = [part for part in operation["description"].split("\n\n") if part and not part.startswith("For ")]
    text = "".join(f"<p>{_inline(part)}</p>" for part in parts)
    return f"""
<article id="{operation["operationId"]}" data-find="{_find(method, path, operation)}">
  <header><b class="m {method}">{method.upper()}</b><code class="path">{_path(path)}</code></header>
  <h3>{escape(operation["summary"])}</h3>
  <p class="roles">{who}</p>
  {text}{_parameters(operation)}{_request(operation)}{_curl(method, path, operation)}{_responses(operation, document)}
</article>"""


def _parameters(operation: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(entry['name'])}</code>{'<i>*</i>' if entry['required'] else ''}</td>"
        f"<td>{entry['in']}</td><td><code>{_type(entry['schema'])}</code></td>"
        f"<td>{_inline(entry.get('description', ''))}</td></tr>"
        for entry in operation["parameters"]
    )
    if not rows:
        return ""
    head = "<tr><th>Parameter</th><th>In</th><th>Type</th><th>Meaning</th></tr>"
    return f'<div class="scroll" tabindex="0"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _request(operation: Json) -> str:
    if "requestBody" not in operation:
        return ""
    content = operation["requestBody"]["content"]["application/json"]
    return f"<h4>Body: {_type(content['schema'], link=True)}</h4>{_code(content['example'])}"


def _responses(operation: Json, document: Json) -> str:
    parts = []
    for status, entry in operation["responses"].items():
        described = entry
        if "$ref" in entry:
            described = document["components"]["responses"][entry["$ref"].rsplit("/", 1)[1]]
        kind = "good" if status.startswith("2") else "bad"
        media = next(iter(described.get("content", {}).items()), None)
        shape = f" {_type(media[1]['schema'], link=True)}" if media and media[1].get("schema") else ""
        line = f'<b class="s {kind}">{status}</b> {_inline(described["description"])}'
        if media and "example" in media[1]:
            parts.append(f"<details><summary>{line}{shape}</summary>{_code(media[1]['example'])}</details>")
        else:
            parts.append(f'<p class="status">{line}</p>')
    return f"<h4>Answers</h4>{''.join(parts)}"


def _curl(method: str, path: str, operation: Json) -> str:
    lines = [f"curl -X {method.upper()} $GATEWAY{path}" if method != "get" else f"curl $GATEWAY{path}"]
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if any(entry["name"] == "Idempotency-Key" for entry in operation["parameters"]):
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if "requestBody" in operation:
        lines += ['-H "Content-Type: application/json"', "-d @body.json"]
    return f"<pre><code>{escape((' ' + chr(92) + chr(10) + '     ').join(lines))}</code></pre>"


def _schemas(document: Json) -> str:
    parts = [
        f'<details class="schema" id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"{_properties(schema)}</details>"
        for name, schema in document["components"]["schemas"].items()
    ]
    return f'<section class="tag schemas"><h2>schemas</h2>{"".join(parts)}</section>'


def _properties(schema: Json) -> str:
    about = f"<p>{_inline(schema['description'])}</p>" if schema.get("description") else ""
    if "properties" not in schema:
        return about + _code(schema)
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'<i>*</i>' if name in required else ''}</td>"
        f"<td>{_type(entry, link=True)}</td><td>{_inline(entry.get('description', ''))}</td></tr>"
        for name, entry in schema["properties"].items()
    )
    head = "<tr><th>Field</th><th>Type</th><th>Meaning</th></tr>"
    table = f'<div class="scroll" tabindex="0"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
    return about + table


def _type(schema: Json, link: bool = False) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[1])
        return f'<a href="#schema-{name}"><code>{name}</code></a>' if link else name
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(_type(entry, link) for entry in schema[key])
    if "enum" in schema:
        return " | ".join(escape(json.dumps(value, ensure_ascii=False)) for value in schema["enum"])
    if "const" in schema:
        return escape(json.dumps(schema["const"], ensure_ascii=False))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), link)}"
    limits = [
        f"{sign} {schema[key]}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", "&gt;"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "&lt;"),
        )
        if key in schema
    ]
    return escape(str(schema.get("format", kind))) + (f" {', '.join(limits)}" if limits else "")


def _code(value: Any) -> str:
    return f"<pre><code>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</code></pre>"


def _inline(text: str) -> str:
    """Plain text with `code`."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _path(path: str) -> str:
    return escape(path).replace("{", "<em>{").replace("}", "}</em>")


def _find(method: str, path: str, operation: Json) -> str:
    words = [method, path, operation["summary"], *operation["tags"], *operation.get("x-roles", [])]
    return escape(" ".join(words).lower(), quote=True)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
