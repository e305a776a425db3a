"""The engine at work: it looks at the read models, thinks purely, and asks or frees riders through their streams."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from services.dispatch import views
from services.dispatch.application import perform
from services.dispatch.codec import DELIVERY
from services.dispatch.domain.delivery.commands import DeliveryCommand, NoteNobodyFits, OfferDelivery
from services.dispatch.domain.disruptions.hindrances import Hindrances, Plane
from services.dispatch.domain.policy import PolicySource
from services.dispatch.engine import dispatching
from services.dispatch.engine.dispatching import OfferTo, Turn
from services.dispatch.engine.engine import Memory
from services.dispatch.engine.picture import Picture
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.town import Town
from services.dispatch.engine.world import World
from services.dispatch.engine_picture import PictureReader
from services.dispatch.engine_ways import CrowFlies, Ways, WaysSource
from services.dispatch.replan_turn import Seen, replan_turn
from services.dispatch.surging import Surging
from shared.eventstore import because
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.kernel.errors import DomainError, StaleVersion
from shared.runtime.metrics import counter, histogram

ACTOR = "system:engine"
BEHIND_SECONDS = 5.0
"""So long it waits for the read models to show what it did last; the streams judge every offer anyway."""

_thinking = histogram("doorstep_engine_thinking_seconds", "Time the engine thought in one turn")
_turning = histogram("doorstep_engine_turn_seconds", "Time one turn of the engine took, with reading and asking")
_asked = counter("doorstep_engine_offers", "Offers that the engine wanted, by what the streams said", ("outcome",))


class Engine:
    """One engine. It remembers from turn to turn; of several turns at once only one is taken."""

    def __init__(
        self, store: PostgresStore, policies: Callable[[], PolicySource], ways: WaysSource | None = None
    ) -> None:
        self._store = store
        self._policies = policies
        self._ways = ways or CrowFlies()
        self._surging = Surging(store)
        self._reader = PictureReader()
        self._town = Town()
        self._memory: Memory | None = None
        self._written: dict[str, int] = {}
        self._behind_since: float | None = None
        self._busy = Lock()

    def take_turn(self, now: datetime) -> int:
        """Asks whom the plan wants asked now; returns how many riders were asked."""
        if not self._busy.acquire(blocking=False):
            return 0
        try:
            with _turning.time():
                return self._take_turn(now)
        finally:
            self._busy.release()

    def wanted_at_once(self) -> bool:
        """Whether there is a delivery that no turn has looked at yet."""
        with self._store.reading() as reading:
            return views.waits_unseen(reading.connection)

    def _take_turn(self, now: datetime) -> int:
        policies = self._policies()
        policy = policies.at(None, now)
        with self._store.reading() as reading:
            picture = self._reader.read(reading.connection, now, policy.deliveries_per_tick)
            memory = self._memory or self._remembered(reading.connection, now, policies)
        if self._is_behind(picture):
            return 0
        self._surging.look(picture, policies)
        policies = self._surging.minded(policies)
        ways = self._ways.at(picture, self._town, policy)
        world = self._town.world(picture, policies, ways)
        if self._replanned(picture, world, ways, policies):
            # What was taken off somebody is looked at as soon as the read models show it.
            return 0
        with _thinking.time():
            turn = dispatching.decided(world, picture, memory, policies, ways)
        self._memory = turn.memory
        return self._follow(picture, turn, now, policies)

    @property
    def holds(self) -> bool:
        """Whether orders are held until the next turn, since more of them are about to come."""
        return self._surging.lasts

    def turn_seconds(self, now: datetime) -> float:
        """Between two turns; longer in a surge, so that orders find each other."""
        return self._surging.minded(self._policies()).at(None, now).engine_turn_seconds

    def _replanned(self, picture: Picture, world: World, ways: Ways, policies: PolicySource) -> bool:
        """Whether anything accepted had to be taken off its rider."""
        origin = self._town.origin
        if origin is None:
            return False
        seen = Seen(
            world=world,
            deliveries={each.delivery_id: each.delivery for each in picture.deliveries},
            usually_takes=ways.usual.seconds,
            hindrances=ways.hindrances or Hindrances(Plane(origin)),
        )

        def do(command: DeliveryCommand) -> bool:
            return self._do(command, "replan", picture.now, policies)

        return bool(replan_turn(seen, picture.now, policies, do))

    def _remembered(self, connection: Any, now: datetime, policies: PolicySource) -> Memory:
        """A new engine learns from what was asked for lately."""
        since = now - timedelta(seconds=3 * EnginePolicy().half_life)
        lately = self._town.orders(self._reader.recent(connection, since), policies, now)
        shop_rows = {shop.shop_id: row for row, shop in enumerate(self._town.shops)}
        memory = Memory()
        return Memory(memory.routes, memory.seen.with_orders(lately, shop_rows), memory.shifts)

    def _is_behind(self, picture: Picture) -> bool:
        """Whether the read models do not show yet what the engine itself has done: it would plan it again."""
        shown = {each.delivery_id: each.version for each in picture.deliveries}
        self._written = {each: at for each, at in self._written.items() if shown.get(each, at) < at}
        if not self._written:
            self._behind_since = None
            return False
        self._behind_since = self._behind_since or time.monotonic()
        if time.monotonic() - self._behind_since < BEHIND_SECONDS:
            return True
        self._written.clear()
        return False

    def _follow(self, picture: Picture, turn: Turn, now: datetime, policies: PolicySource) -> int:
        asked = 0
        for each in turn.offers:
            happened = self._do(_offer(each, now), "offer", now, policies)
            _asked.labels("made" if happened else "overtaken").inc()
            asked += happened
        told = {each.delivery_id: each.delivery.nobody_because for each in picture.deliveries}
        for delivery_id, why in turn.nobody.items():
            if frozenset(why.barred) != told[delivery_id]:
                self._do(NoteNobodyFits(delivery_id=delivery_id, explanation=why, now=now), "nobody", now, policies)
        self._show(picture, turn, now)
        return asked

    def _show(self, picture: Picture, turn: Turn, now: datetime) -> None:
        """What dispatchers see of deliveries that nobody is asked about, and idle riders of where to wait."""
        nobody = {delivery_id: why.reasons for delivery_id, why in turn.nobody.items()}
        idle = [each.rider_id for each in picture.riders if each.rider.free]
        waits = {rider_id: place for rider_id, spot in turn.moves.items() if (place := self._town.place(spot))}
        with self._store.transaction() as transaction:
            views.note_waits(transaction.connection, waits, idle, now)
            views.note_turn(transaction.connection, nobody, turn.planned, now)

    def _do(self, command: DeliveryCommand, name: str, now: datetime, policies: PolicySource) -> bool:
        """In a transaction of its own, judged by the streams: the picture may be a moment old."""

        def work(transaction: Transaction) -> bool:
            version = transaction.load(DELIVERY, command.delivery_id).version
            with because.of_state(transaction, name, command.delivery_id, version, ACTOR, now) as context:
                draft = perform(transaction, command, context, policies).delivery(command.delivery_id)
            if draft.events:
                self._written[command.delivery_id] = draft.version
            return bool(draft.events)

        try:
            return self._store.run(work)
        except (DomainError, StaleVersion):
            # The world has moved on since the picture was taken; the next turn sees it as it is.
            return False


def _offer(wanted: OfferTo, now: datetime) -> OfferDelivery:
    return OfferDelivery(
        delivery_id=wanted.delivery_id,
        rider_id=wanted.rider_id,
        distance_m=wanted.distance_m,
        reasons=wanted.reasons,
        again=wanted.again,
        bundle=wanted.bundle,
        explanation=wanted.explanation,
        now=now,
    )
