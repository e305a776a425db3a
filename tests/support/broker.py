"""A fresh virtual host for a test module, with the same users and permissions as the platform's."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.broker_users import ADMIN
from deploy.local.brokers import Broker, with_virtual_host


@dataclass(frozen=True)
class VirtualHost:
    """One virtual host at the session's broker."""

    broker: Broker
    name: str

    @property
    def url(self) -> str:
        """The administrator's AMQP address."""
        return with_virtual_host(self.broker.url_for(ADMIN), self.name)

    def url_for(self, service: str) -> str:
        """The AMQP address of the service's own user (or `audit`)."""
        return self.broker.url_for(service, self.name)


@contextmanager
def fresh_virtual_host(broker: Broker) -> Iterator[VirtualHost]:
    name = f"test-{secrets.token_hex(4)}"
    broker.add_virtual_host(name)
    try:
        yield VirtualHost(broker, name)
    finally:
        broker.remove_virtual_host(name)
