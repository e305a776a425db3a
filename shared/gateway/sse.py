"""Server-sent events: what a live page reads, resumable by the id of the last event it saw (HTML standard, 9.2)."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

from shared.runtime.logging import get_logger

HEARTBEAT_SECONDS = 4.0
RETRY_MS = 1000
MEDIA_TYPE = "text/event-stream"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream. `id` is what the page sends back as `Last-Event-ID`; `data` is a pydantic model, a
    dataclass or plain JSON. An id of None leaves the page's last id as it is."""

    id: str | int | None
    event: str
    data: Any

    def encode(self) -> bytes:
        lines = [] if self.id is None else [f"id: {_one_line(str(self.id))}"]
        lines.append(f"event: {_one_line(self.event)}")
        # JSON on one line holds no line break, so that one data line is always enough.
        lines.append(f"data: {json.dumps(to_jsonable_python(self.data), ensure_ascii=False)}")
        return ("\n".join(lines) + "\n\n").encode()


@dataclass(frozen=True, slots=True)
class Stream:
    """The answer of a live route: events as they happen.

    `events` yields None at least every few seconds when there is nothing to tell, so that a heartbeat can keep the
    connection open and a reader that has gone is noticed. Its `close()` is called when the reader has gone.
    """

    events: Iterable[Event | None]

    def chunks(self, still_open: Callable[[], bool] = lambda: True) -> Iterator[bytes]:
        """The bytes on the wire, ending when the events end or `still_open` says no."""
        events = iter(self.events)
        try:
            # Something is sent at once, so that the page knows it is connected.
            yield f": connected\nretry: {RETRY_MS}\n\n".encode()
            sent_at = time.monotonic()
            for event in events:
                if not still_open():
                    return
                if event is not None:
                    yield event.encode()
                elif time.monotonic() - sent_at >= HEARTBEAT_SECONDS / 2:
                    yield b": heartbeat\n\n"
                else:
                    continue
                sent_at = time.monotonic()
        except Exception:  # noqa: BLE001 - the headers are gone already: all that is left is to end and to log
            _log.error("stream_failed", exc_info=True)
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ").replace("\0", "")
