"""Remembers folded streams in a process, so that a command reads and folds only what is new since the last one.

What is remembered is never an answer by itself: every load asks the database for what came after it, and appends
compare versions as ever. It is put here after the commit of the transaction that read or wrote it, and counts only
for the number of forgettings that it was opened under: states hold personal data in plain.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.transaction import Folded

MOST_REMEMBERED = 2_000
"""Streams: more than are on their way at once in a city; some 10 KB each."""


@dataclass(frozen=True, slots=True)
class Remembered:
    folded: Folded[Any]
    forgettings: int


class FoldCache:
    """The streams that were used last, by id."""

    def __init__(self, size: int = MOST_REMEMBERED) -> None:
        self._size = size
        self._lock = Lock()
        self._entries: OrderedDict[str, Remembered] = OrderedDict()

    def get(self, aggregate: Aggregate[Any, Any], stream_id: str) -> Remembered | None:
        with self._lock:
            entry = self._entries.get(stream_id)
            if entry is None or entry.folded.aggregate is not aggregate:
                return None
            self._entries.move_to_end(stream_id)
            return entry

    def drop(self, stream_id: str) -> None:
        with self._lock:
            self._entries.pop(stream_id, None)

    def put(self, folded: Mapping[str, Folded[Any]], forgettings: Mapping[str, int]) -> None:
        """Takes what a committed transaction has folded, unless something newer is known."""
        with self._lock:
            for stream_id, each in folded.items():
                entry = self._entries.get(stream_id)
                if not each.loaded.version or stream_id not in forgettings:
                    continue
                if entry is None or entry.folded.loaded.version <= each.loaded.version:
                    self._entries[stream_id] = Remembered(each, forgettings[stream_id])
                    self._entries.move_to_end(stream_id)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
