"""The composition root: builds this service's parts from its settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.analytics import views
from services.analytics.application import perform
from services.analytics.codec import CODEC
from services.analytics.inbound import SERVICE, SUBSCRIBED, commands_for
from services.analytics.live import BoardFeed
from services.analytics.outbound import messages_for
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.model import Context, StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.projection import Projection
from shared.kernel.clock import VirtualClock
from shared.messaging.forgetting import forget_if_told
from shared.messaging.inbox import Inbox
from shared.messaging.tail import TailSpec
from shared.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class AnalyticsParts:
    """What the service and its gateway are made of."""

    settings: Settings
    clock: VirtualClock
    store: PostgresStore
    inbox: Inbox
    board: Projection
    feed: BoardFeed

    def close(self) -> None:
        self.feed.close()
        self.store.close()


def build(settings: Settings) -> AnalyticsParts:
    """Connects the parts; called once per process."""
    clock = settings.clock
    store = PostgresStore(settings.postgres_url, settings.master_key, clock)

    def hear(tx: Transaction, envelope: Envelope, message: Message) -> None:
        context = Context(
            actor=envelope.actor,
            now=clock.now(),
            occurred_at=envelope.time,
            correlation_id=envelope.correlationid,
            causation_id=envelope.id,
            traceparent=envelope.traceparent,
        )
        forget_if_told(tx, message)
        for command in commands_for(message, envelope):
            perform(tx, command, context)

    return AnalyticsParts(
        settings=settings,
        clock=clock,
        store=store,
        inbox=Inbox(store, SERVICE, hear, heard=SUBSCRIBED),
        board=BOARD,
        feed=BoardFeed(store, clock),
    )


def apply_all_to_board(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    """Folds events of the log into the read models."""
    vault = tx.vault
    views.project(
        tx.connection,
        [
            (each.position, CODEC.decode(each.type, each.schema_version, each.data, vault))
            for each in events
            if CODEC.knows(each.type)
        ],
    )


def apply_to_board(tx: Transaction, stored: StoredEvent) -> None:
    """Folds one event of the log into the read models."""
    apply_all_to_board(tx, [stored])


BOARD = Projection(
    views.PROJECTION,
    views.VERSION,
    apply_to_board,
    tables=("order_board", "rider_board", "merchant_names", "feed"),
    apply_many=apply_all_to_board,
)
PROJECTIONS: tuple[Projection, ...] = (BOARD,)


def tail_spec(settings: Settings) -> TailSpec:
    """What sequencing this service's log takes."""
    return TailSpec(
        service=SERVICE,
        postgres_url=settings.postgres_url,
        amqp_url=settings.amqp_url,
        codecs=(CODEC,),
        outbound=messages_for,
        master_key=settings.master_key,
    )
