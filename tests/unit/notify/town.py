"""A town for tests: one of our services as a process, a voice for all the others, and eyes on lists and streams."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pika
import psycopg

from shared.contracts.envelope import Envelope
from shared.contracts.message import SERVICES, Message
from shared.messaging.topology import declare_platform
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until
from tests.unit.notify.running import Running, running, sequence
from tests.unit.notify.wire import envelope


class Town:
    """The service, a voice for the others, and a hand that turns its sequencer."""

    def __init__(self, service: Running, broker: VirtualHost, postgres_url: str) -> None:
        self.service = service
        self.postgres_url = postgres_url
        self._broker_url = broker.url
        self._numbers = itertools.count(1)

    def client(self, role: str, *ids: str) -> httpx.Client:
        return self.service.client(role, *ids)

    def say(self, known: Message, order_id: str) -> Envelope:
        """Publishes a message as another service would."""
        number = next(self._numbers)
        update = {"id": f"evt_{number}", "subject": f"{known.service}_{order_id}", "partitionkey": order_id}
        wrapped = envelope(known, number).model_copy(update=update)
        properties = pika.BasicProperties(content_type="application/json", headers={"partitionkey": order_id})
        with pika.BlockingConnection(pika.URLParameters(self._broker_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(known.exchange(), known.type_name(), wrapped.to_bytes(), properties)
        return wrapped

    def sequence(self) -> None:
        sequence(self.postgres_url)

    def heard(self, wrapped: Envelope) -> bool:
        """Whether the service has taken a message in."""
        with psycopg.connect(self.postgres_url) as connection:
            row = connection.execute(
                "SELECT 1 FROM inbox_position WHERE stream_id = %s AND version >= %s",
                (wrapped.subject, wrapped.sequence),
            ).fetchone()
        return row is not None

    def listed(self, client: httpx.Client, path: str, count: int, **query: Any) -> list[dict[str, Any]]:
        """The items of a list once it has as many."""

        def enough() -> list[dict[str, Any]]:
            self.sequence()
            answer = client.get(path, params=query)
            assert answer.status_code == 200, answer.text
            items: list[dict[str, Any]] = answer.json()["items"]
            return items if len(items) >= count else []

        return wait_until(enough, 20, f"{path} has {count}")


@contextmanager
def open_town(
    service: str, first_words: Callable[[], Message], database: Database, broker: VirtualHost, folder: Path
) -> Iterator[Town]:
    """A town whose service listens: it has heard the first words, however often they had to be said."""
    declare_platform(broker.url, dict.fromkeys(SERVICES, ()))
    url = database.url(service)
    with running(service, folder, url, broker.url_for(service)) as found:
        town = Town(found, broker, url)

        def listens() -> bool:
            said = town.say(first_words(), "ord_first")
            try:
                return wait_until(lambda: town.heard(said), 1)
            except AssertionError:
                return False

        wait_until(listens, 20, f"{service} listens")
        yield town


def news(response: httpx.Response) -> Iterator[Mapping[str, Any]]:
    """The events of a stream as they come."""
    event: dict[str, Any] = {}
    for line in response.iter_lines():
        if not line and "event" in event:
            yield event
            event = {}
        elif line.startswith(("id:", "event:", "data:")):
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value
