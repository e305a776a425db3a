"""Sends a range of a service's log again to one queue of the caller's, marked so that nobody takes it for news.

The messages are those that the relay sent, with the same ids, and say `replayid` in their envelope and in a header.
They go straight to the queue by name: no exchange is involved, so no other subscriber hears them. Only public
messages are sent; names and doors are told once, to those who may know them.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import amqp
from amqp.exceptions import NotFound
from kombu import Connection

from shared.contracts.message import SERVICES, Channel, exchange_name
from shared.eventstore.postgres import PostgresStore
from shared.messaging.outbox import Outbox
from shared.messaging.outgoing import Wire
from shared.messaging.tail import TailSpec
from shared.messaging.topology import LOG_STREAM, PARTITION_HEADER

REPLAY_HEADER = "replayid"
PAGE = 500
UNCONFIRMED_LIMIT = 200
CONFIRM_SECONDS = 30
_OURS = re.compile(rf"({'|'.join(SERVICES)})\.(inbox|dead)(\..*)?")


class NotReplayable(Exception):
    """The queue is not one to replay to, or the range is not one."""


class ReplayInterrupted(Exception):
    """The broker went away or refused; everything up to `position` is confirmed."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"{reason}; confirmed up to position {position}, go on with --from {position + 1}")
        self.position = position


class _Refused(Exception):
    """The broker did not take a message."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was sent again: the last position that was read, and how many messages there were."""

    position: int
    messages: int


Tell = Callable[[int, int], None]


def replay(
    store: PostgresStore,
    spec: TailSpec,
    amqp_url: str,
    queue: str,
    replay_id: str,
    first: int = 1,
    last: int | None = None,
    tell: Tell = lambda _done, _total: None,
) -> Replayed:
    """Sends the public messages of the positions `first` to `last` (None: the end of the log) to an existing queue.

    `amqp_url` logs in as somebody who may publish to any queue; each message is confirmed by the broker. Raises
    NotReplayable before anything is sent, ReplayInterrupted after.
    """
    if _OURS.fullmatch(queue) or queue == LOG_STREAM:
        raise NotReplayable(f"{queue} is a queue of the platform; declare one of your own")
    end = store.log_position()
    until = end if last is None else min(last, end)
    if not 1 <= first <= until + 1:
        raise NotReplayable(f"there is no range from {first} to {until}")
    public = exchange_name(spec.service, Channel.PUBLIC)
    position, sent = first - 1, 0
    with Connection(amqp_url, connect_timeout=5) as connection:
        sender = _Sender(connection, queue)
        for page_end, wires in _pages(Outbox(store, spec.codecs, spec.outbound), position, until):
            mine = [wire for wire in wires if wire.exchange == public]
            try:
                sender.send(marked(wire, replay_id) for wire in mine)
            except (amqp.AMQPError, OSError, _Refused) as error:
                raise ReplayInterrupted(position, str(error) or type(error).__name__) from error
            position, sent = page_end, sent + len(mine)
            tell(position - first + 1, until - first + 1)
    return Replayed(position, sent)


def marked(wire: Wire, replay_id: str) -> tuple[bytes, dict[str, Any]]:
    """The envelope with the CloudEvents extension `replayid`, and the message's properties."""
    body = json.dumps({**json.loads(wire.body), REPLAY_HEADER: replay_id}, ensure_ascii=False, separators=(",", ":"))
    return body.encode(), {
        "content_type": "application/json",
        "delivery_mode": 2,
        "message_id": wire.message_id,
        "type": wire.routing_key,
        "application_headers": {PARTITION_HEADER: wire.partition_key, REPLAY_HEADER: replay_id},
    }


def _pages(outbox: Outbox, after: int, until: int) -> Iterator[tuple[int, Sequence[Wire]]]:
    """Page by page: the last position of it, and its messages."""
    while after < until:
        publications = outbox.read(after, min(PAGE, until - after))
        if not publications:
            return
        after = publications[-1].position
        yield after, [wire for publication in publications for wire in publication.wires]


class _Sender:
    """Publishes to one queue with a bounded number of messages that the broker has not confirmed."""

    def __init__(self, connection: Connection, queue: str) -> None:
        self._connection = connection.connect()
        self._queue = queue
        channel = self._connection.channel()
        try:
            channel.queue_declare(queue, passive=True)
        except NotFound:
            raise NotReplayable(f"there is no queue {queue}; declare it first") from None
        self._channel = channel
        self._last_tag = 0
        self._refusal = ""
        self._unconfirmed: set[int] = set()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)

    def send(self, messages: Iterable[tuple[bytes, dict[str, Any]]]) -> None:
        """Publishes all of them and waits until each is confirmed."""
        for body, properties in messages:
            self._wait(UNCONFIRMED_LIMIT - 1)
            message = amqp.Message(body, **properties)
            self._channel.basic_publish(message, exchange="", routing_key=self._queue, mandatory=True)
            self._last_tag += 1
            self._unconfirmed.add(self._last_tag)
        self._wait(0)

    def _wait(self, limit: int) -> None:
        while len(self._unconfirmed) > limit:
            self._connection.drain_events(timeout=CONFIRM_SECONDS)
            if self._refusal:
                raise _Refused(self._refusal)

    def _on_ack(self, tag: int, multiple: bool) -> None:
        if multiple:
            self._unconfirmed = {each for each in self._unconfirmed if each > tag}
        else:
            self._unconfirmed.discard(tag)

    def _on_nack(self, _tag: int, _multiple: bool) -> None:
        self._refusal = f"the broker refused a message for {self._queue}"

    def _on_return(self, *_details: object) -> None:
        self._refusal = f"the queue {self._queue} is gone"
