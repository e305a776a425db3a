"""The faces of a broker, private or not: addresses per user, and fresh virtual hosts where we may make them."""

import secrets
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import httpx

from deploy.local import broker_users


class Broker(Protocol):
    """What the platform and the tests need of a RabbitMQ, whoever runs it."""

    @property
    def url(self) -> str:
        """The administrator's AMQP address in the platform's virtual host."""

    def url_for(self, user: str, virtual_host: str = ...) -> str:
        """The AMQP address of a service's own user."""

    def add_virtual_host(self, name: str) -> None:
        """A fresh virtual host with everybody's permissions."""

    def remove_virtual_host(self, name: str) -> None:
        """Removes it with all its queues."""


def with_virtual_host(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))


def with_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{parts.hostname}:{parts.port or 5672}"))


def virtual_host_of(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/")) or "/"


class ManagedBroker:
    """A RabbitMQ of somebody else (a container, a shared server) with its management API in reach.

    Its users get names of this run, since users are global at a broker that others may use too.
    """

    def __init__(self, url: str, api_url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self._api = httpx.Client(
            base_url=api_url.rstrip("/"),
            auth=(unquote(parts.username or "guest"), unquote(parts.password or "guest")),
            timeout=30,
        )
        run = secrets.token_hex(4)
        self._names = {user: f"doorstep-{run}-{user}" for user in broker_users.USERS if user != broker_users.ADMIN}
        self._passwords = {user: secrets.token_urlsafe(24) for user in self._names}

    @property
    def url(self) -> str:
        return self._url

    def answers(self) -> bool:
        try:
            return self._api.get("/api/whoami").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def prepare(self) -> None:
        """Creates our users, and what the platform needs in the address's own virtual host."""
        self._import(broker_users.definitions(virtual_host_of(self._url), self._passwords, self._names))

    def url_for(self, user: str, virtual_host: str = "") -> str:
        url = with_virtual_host(self._url, virtual_host or virtual_host_of(self._url))
        return url if user == broker_users.ADMIN else with_user(url, self._names[user], self._passwords[user])

    def add_virtual_host(self, name: str) -> None:
        admin = self._api.get("/api/whoami").raise_for_status().json()["name"]
        names = {broker_users.ADMIN: str(admin), **self._names}
        response = self._api.post("/api/definitions", json=broker_users.virtual_host_definitions(name, names))
        response.raise_for_status()

    def remove_virtual_host(self, name: str) -> None:
        self._api.delete(f"/api/vhosts/{quote(name, safe='')}").raise_for_status()

    def close(self) -> None:
        """Takes our users away again."""
        for name in self._names.values():
            self._api.delete(f"/api/users/{quote(name, safe='')}")
        self._api.close()

    def _import(self, definitions: str) -> None:
        headers = {"Content-Type": "application/json"}
        self._api.post("/api/definitions", content=definitions, headers=headers).raise_for_status()


class GivenBroker:
    """A RabbitMQ of which we know one address and nothing more: everybody shares that user."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    def url_for(self, user: str, virtual_host: str = "") -> str:  # noqa: ARG002
        return with_virtual_host(self._url, virtual_host) if virtual_host else self._url

    def add_virtual_host(self, name: str) -> None:
        raise RuntimeError(
            f"cannot make the virtual host {name}: the management API of the broker does not answer"
            " (set DOORSTEP_RABBITMQ_API_URL)"
        )

    def remove_virtual_host(self, name: str) -> None:
        """There is none that we made."""
