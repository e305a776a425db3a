"""Lets every message say which ones its stream told before, so that whoever hears it notices when one is missing."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from shared.eventstore.model import StoredEvent
from shared.messaging.outgoing import Outgoing

LOOKED_BACK = 300
"""Versions. What a stream told longer ago is not named, so that what a message says never depends on how much of a
long stream was looked at, and looking is bounded."""
STREAMS_KEPT = 4096

History = Callable[[str, int, int], Iterable[tuple[int, Sequence[Outgoing]]]]
"""What the versions of a stream led to: those after the first number, up to the second."""


class Told:
    """What one stream has told up to a version: of each type the last sequence, apart for each exchange and partition
    key, since the broker keeps no order between those."""

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self._last: dict[tuple[str, str], dict[str, int]] = {}

    def take(self, version: int, outgoing: Sequence[Outgoing]) -> list[str | None]:
        """The messages of a version; answers what each says in `previous`."""
        self.version = version
        said = [self._said(version, each) for each in outgoing]
        for each in outgoing:
            types = self._last.setdefault(_key(each), {})
            types.pop(each.message.type_name(), None)
            types[each.message.type_name()] = version
        if len(self._last) > 2 * LOOKED_BACK:
            self._forget(version)
        return said

    def _said(self, version: int, outgoing: Outgoing) -> str | None:
        types = self._last.get(_key(outgoing), {})
        told = (f"{name}={last}" for name, last in types.items() if last >= version - LOOKED_BACK)
        return ",".join(told) or None

    def _forget(self, version: int) -> None:
        recent = version - LOOKED_BACK
        self._last = {key: types for key, types in self._last.items() if max(types.values()) >= recent}


class Earlier:
    """What the streams of one log have told, as far as it was read.

    Of a stream that is not remembered (after a restart, or because many others were busier) the history says it.
    """

    def __init__(self, keep: int = STREAMS_KEPT) -> None:
        self._keep = keep
        self._streams: OrderedDict[str, Told] = OrderedDict()

    def before(self, stored: StoredEvent, history: History) -> Told:
        """What the stream of an event told before it."""
        told = self._streams.get(stored.stream_id)
        if told is None or told.version != stored.version - 1:
            last = stored.version - 1
            told = Told(last)
            for version, outgoing in history(stored.stream_id, max(0, last - LOOKED_BACK), last) if last else ():
                told.take(version, outgoing)
            self._streams[stored.stream_id] = told
            if len(self._streams) > self._keep:
                self._streams.popitem(last=False)
        self._streams.move_to_end(stored.stream_id)
        return told


def _key(outgoing: Outgoing) -> tuple[str, str]:
    return outgoing.message.exchange(), outgoing.partition_key
