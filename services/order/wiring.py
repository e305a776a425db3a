"""The composition root: builds the order service's parts and hands them to the service and its gateway."""

from dataclasses import dataclass

from services.order.books import LEDGER
from services.order.cashier import Cashier
from services.order.codec import CODECS
from services.order.domain.policy import OrderPolicy
from services.order.dues import DUES
from services.order.inbound import SUBSCRIBED
from services.order.outbound import messages_for
from services.order.payments import Providers
from services.order.payments.configuration import fitted, providers_of
from services.order.payments.desk import SqlDesk
from services.order.projecting import MERCHANT_LIST, ORDER_LIST
from services.order.reactors import Reactors
from services.order.reconciliation import Reconciler
from services.order.review_views import REVIEW_LIST
from shared.eventstore.connecting import Pool
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.projection import Projection
from shared.eventstore.together import Together
from shared.gateway.live import LogBroadcast
from shared.kernel.clock import Clock
from shared.kernel.ids import IdSource, new_id
from shared.messaging.inbox import Inbox
from shared.messaging.tail import TailSpec
from shared.runtime.settings import Settings

SERVICE = "order"
DESK_CONNECTIONS = 2
PROJECTIONS: tuple[Projection, ...] = (ORDER_LIST, MERCHANT_LIST, LEDGER, DUES, REVIEW_LIST)


@dataclass(frozen=True)
class OrderParts:
    """Everything that the service and its gateway work with."""

    settings: Settings
    clock: Clock
    policy: OrderPolicy
    ids: IdSource
    store: PostgresStore
    providers: Providers
    desk: SqlDesk
    cashier: Cashier
    reconciler: Reconciler
    reactors: Reactors
    following: Together
    projections: Together
    inbox: Inbox
    broadcast: LogBroadcast

    def close(self) -> None:
        self.broadcast.close()
        self.providers.close()
        self.desk.close()
        self.store.close()


def build(settings: Settings) -> OrderParts:
    """The parts of one process, on the settings' database and clock."""
    providers = providers_of(settings)
    policy = fitted(settings.policy(OrderPolicy), providers.current)
    store = PostgresStore(settings.postgres_url, settings.master_key, settings.clock)
    desk = SqlDesk(Pool(settings.postgres_url, size=DESK_CONNECTIONS))
    reactors = Reactors(settings.clock, policy, desk)
    return OrderParts(
        settings=settings,
        clock=settings.clock,
        policy=policy,
        ids=new_id,
        store=store,
        providers=providers,
        desk=desk,
        cashier=Cashier(store, settings.clock, policy, providers, desk),
        reconciler=Reconciler(store, providers, settings.clock),
        reactors=reactors,
        following=Together(reactors.followers),
        projections=Together(PROJECTIONS),
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
