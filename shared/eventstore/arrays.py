"""Arrays of text and numbers as PostgreSQL writes them, because psycopg's way costs 18 µs a row of five."""

from collections.abc import Iterable


def text_array(values: Iterable[str]) -> str:
    """An array literal, to be cast where it is used (`%s::text[]`); any text without NUL comes back as it was."""
    return "{" + ",".join(['"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in values]) + "}"


def number_array(values: Iterable[int]) -> str:
    """An array literal of whole numbers, to be cast where it is used (`%s::bigint[]`)."""
    return "{" + ",".join(map(str, values)) + "}"
