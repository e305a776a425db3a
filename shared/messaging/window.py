"""Which messages may be sent now and how far all is confirmed: the relay's bookkeeping, without any broker."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.messaging.outgoing import Wire


@dataclass(slots=True)
class _Entry:
    """A log position and how many of its messages are not confirmed yet."""

    position: int
    left: int


@dataclass(slots=True)
class Item:
    """A message on its way."""

    wire: Wire
    entry: _Entry
    sent_at: float = 0.0


class Window:
    """Unconfirmed messages, at most `size` with the broker and at most one of each stream.

    One of each stream, because a message that must be sent again would otherwise arrive behind its successor. The
    position moves over a contiguous prefix of the log only: what lies behind it is never sent again.
    """

    def __init__(self, position: int, size: int = 128, backlog: int = 2000) -> None:
        self._position = position
        self._last_added = position
        self._size = size
        self._backlog = backlog
        self._pending = 0
        self._entries: deque[_Entry] = deque()
        self._streams: dict[str, deque[Item]] = {}
        self._ready: deque[str] = deque()
        self._held: list[str] = []
        self._sent: dict[int, Item] = {}

    @property
    def position(self) -> int:
        """Everything up to here is confirmed, or led to no message."""
        return self._position

    @property
    def last_added(self) -> int:
        """Up to here the log has been read."""
        return self._last_added

    @property
    def in_flight(self) -> int:
        """Messages with the broker."""
        return len(self._sent)

    @property
    def pending(self) -> int:
        """Messages not confirmed, sent or not."""
        return self._pending

    @property
    def room(self) -> bool:
        """Whether more of the log should be read."""
        return len(self._entries) < self._backlog

    def add(self, position: int, wires: Sequence[Wire]) -> None:
        """The next log position and its messages, in order."""
        if position <= self._last_added:
            raise ValueError(f"position {position} was already added")
        self._last_added = position
        entry = _Entry(position, len(wires))
        self._entries.append(entry)
        for wire in wires:
            self._pending += 1
            stream = self._streams.get(wire.stream_id)
            if stream is None:
                stream = self._streams[wire.stream_id] = deque()
                self._ready.append(wire.stream_id)
            stream.append(Item(wire, entry))
        self._advance()

    def next(self) -> Item | None:
        """The next message that may be sent, or None; the caller tells its delivery tag with `sent`."""
        if not self._ready or len(self._sent) >= self._size:
            return None
        return self._streams[self._ready.popleft()][0]

    def sent(self, tag: int, item: Item, now: float) -> None:
        """A message went to the broker. Tags rise."""
        item.sent_at = now
        self._sent[tag] = item

    def confirmed(self, tag: int, multiple: bool) -> list[Item]:
        """The broker took responsibility for one message, or for all up to it."""
        done = [self._sent.pop(each) for each in self._tags(tag, multiple)]
        for item in done:
            stream_id = item.wire.stream_id
            stream = self._streams[stream_id]
            stream.popleft()
            item.entry.left -= 1
            if item.wire.span is not None:
                item.wire.span.end()
            if stream:
                self._ready.append(stream_id)
            else:
                del self._streams[stream_id]
        self._pending -= len(done)
        self._advance()
        return done

    def rejected(self, tag: int, multiple: bool) -> int:
        """The broker could not take them; they are held until `release`. Returns how many."""
        back = [self._sent.pop(each) for each in self._tags(tag, multiple)]
        self._held.extend(item.wire.stream_id for item in back)
        return len(back)

    def release(self) -> None:
        """What was rejected may be sent again."""
        self._ready.extendleft(reversed(self._held))
        self._held.clear()

    def restart(self) -> int:
        """The connection is gone: whatever was not confirmed will be sent again, first. Returns how many."""
        again = [item.wire.stream_id for item in self._sent.values()]
        self._sent.clear()
        self._ready.extendleft(reversed(again))
        self.release()
        return len(again)

    def oldest_sent_at(self) -> float | None:
        """When the message was sent that has waited longest for its confirm."""
        for item in self._sent.values():
            return item.sent_at
        return None

    def _tags(self, tag: int, multiple: bool) -> list[int]:
        if multiple:
            return list(self._up_to(tag))
        return [tag] if tag in self._sent else []

    def _up_to(self, tag: int) -> Iterator[int]:
        for each in self._sent:
            if each > tag:
                return
            yield each

    def _advance(self) -> None:
        while self._entries and self._entries[0].left == 0:
            self._position = self._entries.popleft().position
