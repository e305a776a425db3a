"""Keeps one board per process up to date for all the pages that watch it, however many they are."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from itertools import dropwhile
from types import TracebackType
from typing import Self

from services.analytics import views
from services.analytics.domain.board import FEED_LENGTH, Board, Change, FeedItem, board, difference, within_window
from services.analytics.domain.riders import Rider
from services.analytics.domain.summary import OrderSummary
from shared.eventstore.ports import Store
from shared.kernel.clock import Clock
from shared.runtime.logging import get_logger

REFRESH_SECONDS = 0.2
REST_PER_WORK = 4
"""A refresh that takes long is followed by a rest this many times as long, so that pages never starve commands."""
CHANGES_KEPT = 256
IDLE_SECONDS = 2.0
LINGER_SECONDS = 30.0
"""How long the feed goes on without a page, for those that only lost their connection."""

_log = get_logger(__name__)


class BoardReader:
    """The rows of the read models in memory, brought up to date by what changed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._orders: dict[str, OrderSummary] = {}
        self._riders: dict[str, Rider] = {}
        self._feed: list[FeedItem] = []
        self.merchants: dict[str, str] = {}
        self.position = 0

    def refresh(self) -> Board | None:
        """The board after the newest facts; None when there are none since the last time."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            changes = views.changes_after(tx.connection, self.position, now)
        if changes.position == self.position and self.position > 0:
            return None
        self.position = changes.position
        self.merchants = changes.merchants
        self._orders |= {order.order_id: order for order in changes.orders}
        self._orders = {key: order for key, order in self._orders.items() if within_window(order, now)}
        self._riders |= {rider.rider_id: rider for rider in changes.riders}
        self._feed = [*changes.feed, *self._feed][:FEED_LENGTH]
        return board(self.position, self._orders.values(), self._riders.values(), self._feed, now)


class Watcher:
    """One page's place in the stream: a whole board first, or what changed since the one that it has."""

    def __init__(self, feed: "BoardFeed", after: int | None) -> None:
        self._feed = feed
        self._after = after

    def __enter__(self) -> Self:
        self._feed.join()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._feed.leave()

    def __iter__(self) -> Iterator[Board | Change | None]:
        """Boards and changes; None after some seconds without any. Ends when this page is too slow or the database is
        away: it then comes back with its position."""
        while True:
            found = self._feed.after(self._after)
            if found is None:
                return
            for one in found:
                self._after = one.position
                yield one
            if not found and not self._feed.wait(self._after):
                yield None


class BoardFeed:
    """Reads the board while anybody watches, and remembers the latest changes for those who come back."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._news = threading.Condition()
        self._watchers = 0
        self._watched_at = 0.0
        self._reader: BoardReader | None = None
        self._board: Board | None = None
        self._changes: deque[Change] = deque(maxlen=CHANGES_KEPT)

    @property
    def merchants(self) -> dict[str, str]:
        """Names of merchants by id."""
        return self._reader.merchants if self._reader else {}

    def watch(self, after: int | None) -> Watcher:
        """A place for one page; raises what the database raises when there is no board yet and it cannot be read."""
        with self._news:
            if self._reader is None:
                reader = BoardReader(self._store, self._clock)
                self._board, self._reader = reader.refresh(), reader
                self._changes.clear()
                threading.Thread(target=self._run, args=(reader,), name="board feed", daemon=True).start()
            self._watched_at = time.monotonic()
        return Watcher(self, after)

    def join(self) -> None:
        with self._news:
            self._watchers += 1

    def leave(self) -> None:
        with self._news:
            self._watchers -= 1
            self._watched_at = time.monotonic()

    def after(self, position: int | None) -> list[Board | Change] | None:
        """What turns the board at `position` into the newest: nothing, changes, or a whole board when the changes
        since then are not known. None when there is no feed any more."""
        with self._news:
            if self._board is None:
                return None
            if position == self._board.position:
                return []
            changes = list(dropwhile(lambda change: change.after != position, self._changes))
            return [*changes] if changes else [self._board]

    def wait(self, position: int | None) -> bool:
        """Waits for something newer; False when nothing came within some seconds."""

        def moved() -> bool:
            return self._board is None or self._board.position != position

        with self._news:
            return self._news.wait_for(moved, IDLE_SECONDS)

    def close(self) -> None:
        """Ends every stream; the pages come back to the next process."""
        with self._news:
            self._board = self._reader = None
            self._news.notify_all()

    def _run(self, reader: BoardReader) -> None:
        """Refreshes until nobody watches or the database is away; a later watcher starts anew."""
        rest = REFRESH_SECONDS
        while True:
            time.sleep(rest)
            with self._news:
                if self._reader is not reader or self._deserted():
                    break
            started = time.monotonic()
            try:
                newer = reader.refresh()
            except Exception:  # noqa: BLE001 - logged; the pages learn it by the end of their streams
                _log.warning("board_unreadable", exc_info=True)
                break
            if newer is not None:
                self._publish(newer)
            rest = max(REFRESH_SECONDS, REST_PER_WORK * (time.monotonic() - started))
        with self._news:
            if self._reader is reader:
                self._board = self._reader = None
            self._news.notify_all()

    def _deserted(self) -> bool:
        return self._watchers == 0 and time.monotonic() - self._watched_at > LINGER_SECONDS

    def _publish(self, newer: Board) -> None:
        with self._news:
            if self._board is not None and newer.position > self._board.position:
                self._changes.append(difference(self._board, newer))
                self._board = newer
                self._news.notify_all()
