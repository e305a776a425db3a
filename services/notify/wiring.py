"""The composition root: builds notify's parts from its settings."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.notify import codec, views
from services.notify.application import on_deadline, perform, plan_mail, project
from services.notify.domain.policy import NotifyPolicy
from services.notify.domain.templates import Catalogue, Catalogues, Text
from services.notify.domain.vocabulary import Language
from services.notify.inbound import SERVICE, SUBSCRIBED, commands_for, context_of
from services.notify.mail import Mailer
from services.notify.mailing import Mailing
from services.notify.outbound import messages_for
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.batched import one_at_a_time
from shared.eventstore.follower import Follower
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.projection import Projection
from shared.gateway.live import LogBroadcast
from shared.kernel.clock import VirtualClock
from shared.messaging.forgetting import forget_if_told
from shared.messaging.inbox import Inbox
from shared.messaging.tail import TailSpec
from shared.runtime.settings import Settings, SettingsError
from shared.web import words

TEMPLATES = Path(__file__).parent / "templates"


LISTS = Projection(
    views.LISTS,
    views.LISTS_VERSION,
    one_at_a_time(project),
    tables=("notifications", "alerts", "preferences"),
    apply_many=project,
)
PROJECTIONS: tuple[Projection, ...] = (LISTS,)


@dataclass(frozen=True, slots=True)
class NotifyParts:
    """What the service and its gateway are made of."""

    settings: Settings
    clock: VirtualClock
    policy: NotifyPolicy
    store: PostgresStore
    inbox: Inbox
    lists: Projection
    mail_planner: Follower
    mailing: Mailing
    catalogues: Catalogues
    live: LogBroadcast

    def fire_deadlines(self) -> int:
        now = self.clock.now()
        return self.store.take_due(now, lambda tx, due: on_deadline(tx, due, now, self.policy))

    def close(self) -> None:
        self.live.close()
        self.store.close()


def build(settings: Settings) -> NotifyParts:
    """Connects the parts; called once per process. Raises SettingsError when there is no mail server to use."""
    if settings.smtp is None:
        raise SettingsError("DOORSTEP_SMTP is not set")
    clock = settings.clock
    policy = settings.policy(NotifyPolicy)
    store = PostgresStore(settings.postgres_url, settings.master_key, clock)
    catalogues = load_catalogues(policy.default_language)
    mailer = Mailer(settings.smtp.host, settings.smtp.port)
    return NotifyParts(
        settings=settings,
        clock=clock,
        policy=policy,
        store=store,
        inbox=Inbox(store, SERVICE, partial(hear, clock, policy), heard=SUBSCRIBED),
        lists=LISTS,
        mail_planner=Follower(views.MAILING, plan_mail),
        mailing=Mailing(store=store, mailer=mailer, catalogues=catalogues, policy=policy, clock=clock),
        catalogues=catalogues,
        live=LogBroadcast(store),
    )


def hear(clock: VirtualClock, policy: NotifyPolicy, tx: Transaction, envelope: Envelope, message: Message) -> None:
    """Does all that a message asks of notify, in the transaction given."""
    now = clock.now()
    context = context_of(envelope, now)
    forget_if_told(tx, message)
    for command in commands_for(message, envelope, now):
        perform(tx, command, context, policy)


def load_catalogues(default: Language) -> Catalogues:
    """The texts of every language, from their JSON files."""
    return Catalogues({language: load_catalogue(language) for language in Language}, default)


def load_catalogue(language: Language) -> Catalogue:
    content = json.loads((TEMPLATES / f"{language.value}.json").read_text(encoding="utf-8"))
    texts = {key: Text(entry["title"], entry["text"]) for key, entry in content["texts"].items()}
    return Catalogue(
        language, texts, content["reasons"], content["words"], words.family("review.tag", language.value)
    )


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
