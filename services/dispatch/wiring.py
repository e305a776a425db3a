"""The composition root: builds this service's parts from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.dispatch import silence_turn, time_views, track_closing, views
from services.dispatch.application import fire_deadlines, perform
from services.dispatch.codec import CODECS, DELIVERY_CODEC, RIDER_CODEC
from services.dispatch.domain.contacts import ForgetContact, RememberContact
from services.dispatch.domain.policies.resolving import PolicyInForce
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.eta_turn import Times
from services.dispatch.inbound import SUBSCRIBED, commands_for
from services.dispatch.outbound import messages_for
from services.dispatch.policy_desk import PolicyDesk
from services.dispatch.position_batches import PositionBatches
from services.dispatch.replanning_views import REPLANNING
from services.dispatch.telling import Telling
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.batched import one_at_a_time
from shared.eventstore.model import Context, StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.projection import Projection
from shared.eventstore.together import Together
from shared.kernel.clock import Clock
from shared.kernel.ids import IdSource, new_id
from shared.messaging.forgetting import forget_if_told
from shared.messaging.inbox import Handle, Inbox
from shared.messaging.publisher import TelemetryPublisher
from shared.messaging.tail import TailSpec
from shared.runtime.settings import Settings

if TYPE_CHECKING:
    from shared.gateway.live import LogBroadcast

SERVICE = "dispatch"
DEADLINE_ACTOR = "system:deadline"
ETA_ACTOR = "system:eta"
TRACK_ACTOR = "system:tracks"


@dataclass(frozen=True, slots=True)
class DispatchParts:
    """What the service and its gateway are made of."""

    settings: Settings
    clock: Clock
    store: PostgresStore
    policies: PolicyDesk
    inbox: Inbox
    projections: Together
    publisher: TelemetryPublisher
    telling: Telling
    positions: PositionBatches
    times: Times
    broadcast: LogBroadcast
    ids: IdSource

    @property
    def policy(self) -> PolicyInForce:
        """The figures that hold now, wherever they are asked for."""
        return self.policies.current()

    def look_at_policies(self) -> None:
        """Takes the version that is in force by now."""
        self.policies.look()

    def fire_deadlines(self) -> int:
        """Acts on the waits that have run out; returns how many."""
        return fire_deadlines(self.store, DEADLINE_ACTOR, self.clock.now(), self.policy)

    def run_projection(self) -> int:
        """Brings the read models up to date; 1 when there may be more to read, else 0."""
        return self.projections.run(self.store)

    def tell_times(self) -> int:
        """Tells when deliveries will be there, where that has moved; returns how many were told."""
        return self.times.tell(self.clock.now(), self.policy)

    def learn_times(self) -> None:
        """Learns travel times and their calibration anew from the latest journeys."""
        self.times.learn()

    def watch_riders(self) -> int:
        """Asks riders whose devices have fallen silent, and takes over from those who do not answer."""
        return silence_turn.watch_riders(self.store, self.clock.now(), self.policy)

    def close_tracks(self) -> int:
        """Closes the tracks of deliveries that are over, and drops old ones; returns how many were closed."""
        now = self.clock.now()
        policy = self.policies.current()
        track_closing.drop_old_tracks(self.store, now, policy)
        return track_closing.close_tracks(self.store, TRACK_ACTOR, now, policy)

    def close(self) -> None:
        self.broadcast.close()
        self.telling.close()
        self.times.close()
        self.publisher.close()
        self.store.close()


def build(settings: Settings) -> DispatchParts:
    """Connects the parts; called once per process."""
    # The tail imports this module too, and must stay without eventlet.
    from shared.gateway.live import LogBroadcast

    store = PostgresStore(settings.postgres_url, settings.master_key, settings.clock)
    policies = PolicyDesk(store, settings.policy(DispatchPolicy))
    publisher = TelemetryPublisher(SERVICE, settings.amqp_url)
    telling = Telling(publisher)
    return DispatchParts(
        settings=settings,
        clock=settings.clock,
        store=store,
        policies=policies,
        inbox=Inbox(store, SERVICE, hearing(settings.clock, policies), heard=SUBSCRIBED),
        projections=Together(PROJECTIONS),
        publisher=publisher,
        telling=telling,
        positions=PositionBatches(store, policies.current, telling),
        times=Times(store, ETA_ACTOR, settings.osrm_url),
        broadcast=LogBroadcast(store),
        ids=new_id,
    )


def hearing(clock: Clock, policies: PolicyDesk) -> Handle:
    """What is done on each message, in the inbox's transaction."""

    def hear(transaction: Transaction, envelope: Envelope, message: Message) -> None:
        now = clock.now()
        context = Context(
            actor=f"service:{envelope.service}",
            now=now,
            occurred_at=now,
            correlation_id=envelope.correlationid,
            causation_id=envelope.id,
            traceparent=envelope.traceparent,
        )
        forget_if_told(transaction, message)
        for command in commands_for(message, envelope, now):
            if isinstance(command, RememberContact | ForgetContact):
                views.apply_contact(transaction, command)
            else:
                perform(transaction, command, context, policies.current())

    return hear


def project(transaction: Transaction, events: Sequence[StoredEvent]) -> None:
    """Folds events of the log into the read models."""
    deliveries = {stored.stream_id for stored in events if DELIVERY_CODEC.knows(stored.type)}
    riders = {stored.stream_id for stored in events if RIDER_CODEC.knows(stored.type)}
    lists, vault = views.Lists(transaction.connection, deliveries, riders), transaction.vault
    for stored in events:
        version, data = stored.schema_version, stored.data
        if DELIVERY_CODEC.knows(stored.type):
            lists.fold_delivery(stored, DELIVERY_CODEC.decode(stored.type, version, data, vault))
        elif RIDER_CODEC.knows(stored.type):
            lists.fold_rider(stored, RIDER_CODEC.decode(stored.type, version, data, vault))
    lists.write()


VIEWS = Projection(
    views.PROJECTION,
    views.VERSION,
    one_at_a_time(project),
    tables=("deliveries", "riders", "waiting"),
    also_writes=("rider_positions",),
    apply_many=project,
)
TIMES = Projection(
    time_views.PROJECTION,
    time_views.VERSION,
    one_at_a_time(time_views.project),
    tables=("journeys", "vehicles", "etas"),
    apply_many=time_views.project,
)
PROJECTIONS: tuple[Projection, ...] = (VIEWS, REPLANNING, TIMES)


def tail_spec(settings: Settings) -> TailSpec:
    """What sequencing and publishing this service takes."""
    return TailSpec(
        service=SERVICE,
        postgres_url=settings.postgres_url,
        amqp_url=settings.amqp_url,
        codecs=CODECS,
        outbound=messages_for,
        master_key=settings.master_key,
    )
