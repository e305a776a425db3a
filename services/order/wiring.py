"""The composition root: builds the order service's parts and hands them to the service and its gateway."""

from dataclasses import dataclass

from services.order.codec import CODECS
from services.order.domain.policy import OrderPolicy
from services.order.inbound import SUBSCRIBED
from services.order.outbound import messages_for
from services.order.payments import SandboxProvider
from services.order.projecting import MERCHANT_LIST, ORDER_LIST
from services.order.reactors import Reactors
from shared.eventstore.connecting import Pool
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.projection import Projection
from shared.gateway.live import LogBroadcast
from shared.kernel.clock import Clock
from shared.kernel.ids import IdSource, new_id
from shared.messaging.inbox import Inbox
from shared.messaging.tail import TailSpec
from shared.runtime.settings import Settings

SERVICE = "order"
PROVIDER_CONNECTIONS = 4
PROJECTIONS: tuple[Projection, ...] = (ORDER_LIST, MERCHANT_LIST)


@dataclass(frozen=True)
class OrderParts:
    """Everything that the service and its gateway work with."""

    settings: Settings
    clock: Clock
    policy: OrderPolicy
    ids: IdSource
    store: PostgresStore
    provider: SandboxProvider
    reactors: Reactors
    inbox: Inbox
    broadcast: LogBroadcast

    def close(self) -> None:
        self.broadcast.close()
        self.provider.close()
        self.store.close()


def build(settings: Settings) -> OrderParts:
    """The parts of one process, on the settings' database and clock."""
    policy = settings.policy(OrderPolicy)
    store = PostgresStore(settings.postgres_url, settings.master_key, settings.clock)
    provider = SandboxProvider(Pool(settings.postgres_url, size=PROVIDER_CONNECTIONS))
    reactors = Reactors(settings.clock, policy, provider)
    return OrderParts(
        settings=settings,
        clock=settings.clock,
        policy=policy,
        ids=new_id,
        store=store,
        provider=provider,
        reactors=reactors,
        inbox=Inbox(store, SERVICE, reactors.hear, heard=SUBSCRIBED),
        broadcast=LogBroadcast(store),
    )


def tail_spec(settings: Settings) -> TailSpec:
    """What sequencing and publishing this service's events takes."""
    return TailSpec(
        service=SERVICE,
        postgres_url=settings.postgres_url,
        amqp_url=settings.amqp_url,
        codecs=CODECS,
        outbound=messages_for,
        master_key=settings.master_key,
    )
