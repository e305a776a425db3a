"""Prints a told story again for another order: other ids, other people, another time, sealed anew; the rest byte by
byte as the codec wrote it."""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from shared.eventstore.chain import LogFields
from shared.eventstore.vault import encrypt
from shared.kernel.ids import uuid7_text
from tests.bench.scale.stories import Told

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|\+00|Z)"
Maker = Callable[["Order"], str]


@dataclass(slots=True)
class Order:
    """For whom a story is printed."""

    uuid: str
    customer_id: str
    merchant_id: str
    later: timedelta
    unix_ms: int
    seal: Callable[[bytes], str]


class Text:
    """A text with places to fill in; `%` does it."""

    def __init__(self, pieces: str, places: Sequence[int]) -> None:
        self._pieces = pieces
        self._places = tuple(places)
        self._pick = itemgetter(*places) if len(places) > 1 else None

    def filled(self, values: Sequence[str]) -> str:
        if self._pick is not None:
            return self._pieces % self._pick(values)
        return self._pieces % tuple(values[place] for place in self._places)


class Press:
    """One story, ready to be printed as often as wanted."""

    def __init__(self, told: Told) -> None:
        self.share = told.share
        self._told = told
        self._makers: list[Maker] = []
        self._known: dict[str, int] = {}
        uuid = told.order_id.removeprefix("ord_")
        fixed = "|".join(map(re.escape, (uuid, told.customer_id, told.merchant_id, *told.open_personal)))
        self._slots = re.compile(rf"{fixed}|(?:evt|cor)_[0-9a-f-]{{36}}|{_TIME}")
        self._events = [self._event(*event) for event in told.events]
        self.streams = [(self._text(last[0]), last[1], last[2]) for last in _last_of_each(told.events)]
        self.rows = {table: [self._text(row) for row in rows] for table, rows in told.rows.items()}

    def values(self, order: Order) -> list[str]:
        """What fills the places, for one order."""
        return [make(order) for make in self._makers]

    def events(self, values: Sequence[str], order: Order) -> list[LogFields]:
        return [
            LogFields(
                stream.filled(values),
                version,
                identity.filled(values),
                type_name,
                schema,
                data.filled(values),
                metadata.filled(values),
                recorded_at + order.later,
            )
            for stream, version, identity, type_name, schema, data, metadata, recorded_at in self._events
        ]

    def _event(
        self,
        stream_id: str,
        _category: str,
        version: int,
        event_id: str,
        type_name: str,
        schema: int,
        data: str,
        metadata: str,
        recorded_at: datetime,
    ) -> tuple[Text, int, Text, str, int, Text, Text, datetime]:
        texts = [self._text(text) for text in (stream_id, event_id, data, metadata)]
        return texts[0], version, texts[1], type_name, schema, texts[2], texts[3], recorded_at

    def _text(self, text: str) -> Text:
        places = [self._place(found[0]) for found in self._slots.finditer(text)]
        pieces = "%s".join(piece.replace("%", "%%") for piece in self._slots.split(text))
        return Text(pieces, places)

    def _place(self, found: str) -> int:
        if found not in self._known:
            self._known[found] = len(self._makers)
            self._makers.append(self._maker(found))
        return self._known[found]

    def _maker(self, found: str) -> Maker:
        told = self._told
        if found == told.order_id.removeprefix("ord_"):
            return lambda order: order.uuid
        if found == told.customer_id:
            return lambda order: order.customer_id
        if found == told.merchant_id:
            return lambda order: order.merchant_id
        if found in told.open_personal:
            plain = json.dumps(told.open_personal[found], ensure_ascii=False, separators=(",", ":")).encode()
            return lambda order: order.seal(plain)
        if found[3] == "_":
            prefix = found[:4]
            return lambda order: prefix + fresh_uuid(order.unix_ms)
        return _time_maker(found)


def _time_maker(found: str) -> Maker:
    at, ending = datetime.fromisoformat(found), "Z" if found.endswith("Z") else "+00:00"
    return lambda order: (at + order.later).isoformat()[:-6] + ending


def fresh_uuid(unix_ms: int) -> str:
    return uuid7_text(unix_ms, random.randbytes(10))


def sealer(key: bytes, customer_id: str) -> Callable[[bytes], str]:
    """Seals as the vault does."""
    from base64 import b64encode

    return lambda plain: b64encode(encrypt(key, plain, customer_id)).decode()


def _last_of_each(events: Sequence[tuple[Any, ...]]) -> list[tuple[str, str, int]]:
    last = {event[0]: (event[0], event[1], event[2]) for event in events}
    return list(last.values())
