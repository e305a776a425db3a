"""An independent ear on the wire: it binds its own queue to every public exchange and writes down what it hears."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field

import pika
import pika.exceptions

from shared.contracts.message import SERVICES, Channel, exchange_name

_QUEUE = "audit.history"
_RETRY_S = 0.5


@dataclass
class Heard:
    """What was heard so far: how often each message id came, and the highest sequence of each (source, subject)."""

    times: Counter[str] = field(default_factory=Counter)
    last: dict[tuple[str, str], int] = field(default_factory=dict)
    out_of_order: list[str] = field(default_factory=list)

    def note(self, envelope: dict[str, str | int]) -> None:
        identity = str(envelope["id"])
        self.times[identity] += 1
        if self.times[identity] > 1:
            return  # sent again after an unconfirmed publish: receivers drop it, and so do we
        stream = (str(envelope["source"]), str(envelope["subject"]))
        sequence = int(envelope["sequence"])
        if sequence <= self.last.get(stream, 0):
            self.out_of_order.append(f"{stream[1]}: {sequence} came after {self.last[stream]}")
        self.last[stream] = max(sequence, self.last.get(stream, 0))


class Audit:
    """Listens in a thread of its own from `start` to `stop`; its queue survives restarts of the broker."""

    def __init__(self, amqp_url: str) -> None:
        self._parameters = pika.URLParameters(amqp_url)
        self._stopping = threading.Event()
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="audit", daemon=True)
        self.heard = Heard()

    def start(self, timeout_s: float = 20) -> None:
        """Returns once the queue is bound; raises TimeoutError when the broker does not let it."""
        self._thread.start()
        if not self._bound.wait(timeout_s):
            raise TimeoutError("the audit queue could not be bound")

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self._consume()
            except (pika.exceptions.AMQPError, OSError):
                self._stopping.wait(_RETRY_S)

    def _consume(self) -> None:
        connection = pika.BlockingConnection(self._parameters)
        try:
            channel = connection.channel()
            channel.queue_declare(_QUEUE, durable=True)
            for service in SERVICES:
                exchange = exchange_name(service, Channel.PUBLIC)
                channel.exchange_declare(exchange, "topic", durable=True, passive=True)
                channel.queue_bind(_QUEUE, exchange, "#")
            self._bound.set()
            channel.basic_qos(prefetch_count=500)
            for method, _, body in channel.consume(_QUEUE, inactivity_timeout=0.2):
                if self._stopping.is_set():
                    return
                if method is not None:
                    self.heard.note(json.loads(body))
                    channel.basic_ack(method.delivery_tag)
        finally:
            if connection.is_open:
                connection.close()
