"""Who may do what at the broker: the users, their permissions and the definitions RabbitMQ loads."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping

from shared.contracts.message import SERVICES, Channel, exchange_name

ADMIN = "admin"
AUDIT = "audit"
USERS = (ADMIN, *SERVICES, AUDIT)

PRIVATE_READERS = {"order": ("dispatch", "notify")}
"""Whose private exchange who may bind: dispatch must find the door, notify must reach the person."""

TELEMETRY = exchange_name("dispatch", Channel.TELEMETRY)


def permissions_of(user: str) -> dict[str, str]:
    """The configure, write and read patterns of a user (the broker anchors none of them: they are anchored here)."""
    if user == ADMIN:
        return {"configure": ".*", "write": ".*", "read": ".*"}
    if user == AUDIT:
        own = r"audit(\..*)?|amq\.gen-.*"
        return _anchored(configure=own, write=own, read=rf"{own}|[a-z]+\.{Channel.PUBLIC}|doorstep\.log")
    inbox = rf"{user}\.(inbox(\..+)?|dead(\..+)?)"
    # The broker names the exclusive queues in which telemetry is heard.
    transient = r"amq\.gen-.*"
    channels = rf"{user}\.({'|'.join(Channel)})"
    private = [rf"{owner}\.{Channel.PRIVATE}" for owner, readers in PRIVATE_READERS.items() if user in readers]
    own = f"{channels}|{inbox}|{transient}"
    read = [inbox, transient, rf"[a-z]+\.{Channel.PUBLIC}", rf"[a-z]+\.{Channel.TELEMETRY}", *private]
    return _anchored(configure=own, write=own, read="|".join(read))


def _anchored(**patterns: str) -> dict[str, str]:
    return {name: f"^({pattern})$" for name, pattern in patterns.items()}


def password_hash(password: str, salt: bytes) -> str:
    """RabbitMQ's salted SHA-256 (https://www.rabbitmq.com/docs/passwords): 4 bytes of salt before the digest."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def definitions(virtual_host: str, passwords: Mapping[str, str], names: Mapping[str, str] | None = None) -> str:
    """The JSON that creates the virtual host, its users and permissions, and every exchange somebody may bind.

    `names` gives users another name at a broker that is shared with others.
    """
    called = names or {}
    return json.dumps(
        {
            "users": [
                {
                    "name": called.get(user, user),
                    "password_hash": password_hash(password, os.urandom(4)),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": ["administrator"] if user == ADMIN else [],
                }
                for user, password in passwords.items()
            ],
            **virtual_host_definitions(virtual_host, {user: called.get(user, user) for user in passwords}),
        }
    )


def virtual_host_definitions(virtual_host: str, names: Mapping[str, str]) -> dict[str, object]:
    """A virtual host for users that exist already: permissions and exchanges. `names`: role -> broker user."""
    exchanges = [exchange_name(service, Channel.PUBLIC) for service in SERVICES]
    exchanges += [exchange_name(service, Channel.PRIVATE) for service in PRIVATE_READERS]
    return {
        "vhosts": [{"name": virtual_host}],
        "permissions": [
            {"user": name, "vhost": virtual_host, **permissions_of(role)} for role, name in names.items()
        ],
        # Bound from the first moment, whichever service starts first.
        "exchanges": [
            {
                "name": name,
                "vhost": virtual_host,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for name in [*exchanges, TELEMETRY]
        ],
    }
