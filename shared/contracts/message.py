"""What every public message has in common."""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

SERVICES = ("order", "dispatch", "notify", "support", "analytics")


class Channel(StrEnum):
    """Who may hear a message: everybody, or only the services whose broker users may bind."""

    PUBLIC = "events"
    PRIVATE = "private"
    TELEMETRY = "telemetry"


class Message(BaseModel):
    """A fact that one service tells the others. Subclasses are the public contract: extend, never rename."""

    # Unknown fields are ignored on purpose: a newer publisher must not break an older subscriber.
    model_config = ConfigDict(frozen=True, extra="ignore")

    service: ClassVar[str]
    version: ClassVar[int] = 1
    channel: ClassVar[Channel] = Channel.PUBLIC

    @classmethod
    def type_name(cls) -> str:
        return cls.__name__

    @classmethod
    def exchange(cls) -> str:
        return exchange_name(cls.service, cls.channel)

    @classmethod
    def source(cls) -> str:
        return source_name(cls.service, cls.channel)

    @classmethod
    def schema_urn(cls) -> str:
        return f"urn:doorstep:{cls.service}:{cls.__name__}:{cls.version}"


def exchange_name(service: str, channel: Channel) -> str:
    """The durable topic exchange of a channel: `order.events`, `order.private`, `dispatch.telemetry`."""
    return f"{service}.{channel.value}"


def source_name(service: str, channel: Channel) -> str:
    """The CloudEvents source of a channel."""
    return f"/doorstep/{service}" if channel is Channel.PUBLIC else f"/doorstep/{service}/{channel.value}"
