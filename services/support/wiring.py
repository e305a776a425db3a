"""The composition root: builds support's parts from its settings."""

from dataclasses import dataclass
from functools import partial

from services.support import codec, views
from services.support.application import on_deadline, perform, project
from services.support.domain.policy import SupportPolicy
from services.support.inbound import SERVICE, SUBSCRIBED, commands_for, context_of
from services.support.outbound import messages_for
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.batched import one_at_a_time
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.projection import Projection
from shared.gateway.live import LogBroadcast
from shared.kernel.clock import VirtualClock
from shared.messaging.forgetting import forget_if_told
from shared.messaging.inbox import Inbox
from shared.messaging.tail import TailSpec
from shared.runtime.settings import Settings

LISTS = Projection(
    views.LISTS,
    views.LISTS_VERSION,
    one_at_a_time(project),
    tables=("cases",),
    apply_many=project,
)
PROJECTIONS: tuple[Projection, ...] = (LISTS,)


@dataclass(frozen=True, slots=True)
class SupportParts:
    """What the service and its gateway are made of."""

    settings: Settings
    clock: VirtualClock
    policy: SupportPolicy
    store: PostgresStore
    inbox: Inbox
    lists: Projection
    live: LogBroadcast

    def fire_deadlines(self) -> int:
        now = self.clock.now()
        return self.store.take_due(now, lambda tx, due: on_deadline(tx, due, now, self.policy))

    def close(self) -> None:
        self.live.close()
        self.store.close()


def build(settings: Settings) -> SupportParts:
    """Connects the parts; called once per process."""
    clock = settings.clock
    policy = settings.policy(SupportPolicy)
    store = PostgresStore(settings.postgres_url, settings.master_key, clock)
    return SupportParts(
        settings=settings,
        clock=clock,
        policy=policy,
        store=store,
        inbox=Inbox(store, SERVICE, partial(hear, clock, policy), heard=SUBSCRIBED),
        lists=LISTS,
        live=LogBroadcast(store),
    )


def hear(clock: VirtualClock, policy: SupportPolicy, tx: Transaction, envelope: Envelope, message: Message) -> None:
    """Does all that a message asks of support, in the transaction given."""
    now = clock.now()
    context = context_of(envelope, now)
    forget_if_told(tx, message)
    for command in commands_for(message, envelope, now):
        perform(tx, command, context, policy)


def tail_spec(settings: Settings) -> TailSpec:
    """What sequencing and publishing this service takes."""
    return TailSpec(
        service=SERVICE,
        postgres_url=settings.postgres_url,
        amqp_url=settings.amqp_url,
        codecs=(codec.EVERYTHING,),
        outbound=messages_for,
        master_key=settings.master_key,
    )
