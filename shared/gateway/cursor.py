"""Cursor pagination: pages that neither skip nor repeat a row while others are written."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.kernel.errors import Fault, InvalidInput

T = TypeVar("T")
MAX_LIMIT = 200
MAX_CURSOR_CHARACTERS = 1_000


class PageQuery(BaseModel):
    """The query of every list: `?limit=&cursor=`; inherit it to add filters."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="how many at most")] = 50
    cursor: Annotated[
        str | None,
        Field(max_length=MAX_CURSOR_CHARACTERS, description="`next` of the page before; opaque, do not build one"),
    ] = None

    def after(self, *names: str) -> dict[str, Any] | None:
        """What the cursor holds, with exactly these names; None on the first page. Raises InvalidInput."""
        return None if self.cursor is None else decode_cursor(self.cursor, *names)


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: Annotated[str | None, Field(description="cursor of the next page; null on the last one")] = None
    position: Annotated[
        int | None, Field(description="the list is true up to this position of the service's log")
    ] = None


def encode_cursor(values: Mapping[str, Any]) -> str:
    """An opaque cursor from the sort key of a page's last row (JSON values)."""
    text = json.dumps(dict(values), separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *names: str) -> dict[str, Any]:
    """The values of a cursor; raises InvalidInput on one that we did not make. They are still input: bind them as
    parameters, and expect any JSON scalar."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if (
        not isinstance(values, dict)
        or set(values) != set(names)
        or any(isinstance(value, dict | list) or "\0" in str(value) for value in values.values())
    ):
        raise InvalidInput([Fault("cursor", "invalid_cursor", "the cursor is not one that this list gave")])
    return values
