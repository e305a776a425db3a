"""The HTTP routes of the analytics service: the war room, the KPIs and the archive."""

from collections.abc import Iterator
from pathlib import Path

from services.analytics import answers, views
from services.analytics.answers import BoardView, ChangeView, FactsQuery, FactsView, KpiQuery, KpisView, TickView
from services.analytics.codec import CODEC
from services.analytics.domain.board import Board
from services.analytics.live import BoardReader, Watcher
from services.analytics.wiring import AnalyticsParts
from shared.gateway.call import Call
from shared.gateway.route import assets, page, route
from shared.gateway.sse import Event, Stream
from shared.gateway.standard import StandardRoutes

WEB = Path(__file__).parent / "web"
WATCHERS = frozenset({"operations", "analyst", "dispatcher", "support", "operator"})
ANALYSTS = frozenset({"operations", "analyst"})


class AnalyticsGateway(StandardRoutes):
    """Everything is read only: analytics changes nothing but its own archive."""

    name = "analytics"
    title = "Doorstep analytics"
    parts: AnalyticsParts

    warroom = page("/", WEB / "warroom.html", summary="The war room")
    web = assets("/web/<path:path>", WEB)

    @route("GET", "/v1/kpis", roles=WATCHERS, query=KpiQuery, answer=KpisView, summary="The KPIs of some orders")
    def get_kpis(self, call: Call[None, KpiQuery]) -> KpisView:
        query = call.query
        with self.parts.store.transaction() as tx:
            position, orders = views.summaries(tx.connection, query.placed_from, query.placed_until)
        return answers.kpis_view(query, position, orders)

    @route("GET", "/v1/board", roles=WATCHERS, answer=BoardView, summary="The war room's board as it is now")
    def get_board(self, call: Call) -> BoardView:  # noqa: ARG002
        reader = BoardReader(self.parts.store, self.parts.clock)
        board = reader.refresh()
        assert board is not None, "a fresh reader always reads a board"
        return answers.board_view(board, reader.merchants, self.parts.clock)

    @route(
        "GET",
        "/v1/board/live",
        roles=WATCHERS,
        answer=BoardView | ChangeView,
        summary="The board, then whatever changes it",
        description="`snapshot` replaces all; `change` follows on the position named by `after`; `tick` is a sign of "
        "life. With `Last-Event-ID` the changes since that position are sent when they are still known.",
    )
    def watch_board(self, call: Call) -> Stream:
        return Stream(self._events(self.parts.feed.watch(call.last_position)))

    def _events(self, watcher: Watcher) -> Iterator[Event | None]:
        clock, feed = self.parts.clock, self.parts.feed
        position = 0
        with watcher:
            for found in watcher:
                if found is None:
                    yield Event(
                        None,
                        "tick",
                        TickView(server_time=clock.now(), clock_speed=clock.speed, position=position),
                    )
                    continue
                position = found.position
                if isinstance(found, Board):
                    yield Event(position, "snapshot", answers.board_view(found, feed.merchants, clock))
                else:
                    yield Event(position, "change", answers.change_view(found, feed.merchants, clock))

    @route(
        "GET",
        "/v1/facts",
        roles=ANALYSTS,
        query=FactsQuery,
        answer=FactsView,
        summary="The archive: every public fact, in the order of this service's log",
    )
    def get_facts(self, call: Call[None, FactsQuery]) -> FactsView:
        store = self.parts.store
        stored = store.log_after(call.query.after, call.query.limit)
        more = len(stored) == call.query.limit
        return FactsView(
            items=[answers.fact_view(event, event.data) for event in stored if CODEC.knows(event.type)],
            next=stored[-1].position if more else None,
            log_position=store.log_position(),
        )
