"""The envelope of every message (CloudEvents 1.0, structured JSON), so that any subscriber can read any event.

The CloudEvents AMQP binding is written for AMQP 1.0; RabbitMQ speaks 0.9.1 here, so the whole event is the body
(`content_type: application/json`) and nothing is mapped to AMQP properties but the routing key, the message id and
the `partitionkey` header that the consistent-hash exchange reads.
"""

from collections.abc import Container
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

SPEC_VERSION = "1.0"


class Envelope(BaseModel):
    """One message on the wire. `sequence` is the version of the stream `subject` in the service `source`."""

    model_config = ConfigDict(frozen=True)

    specversion: str = SPEC_VERSION
    id: str = Field(description="unique for this event; the same when it is sent again")
    source: str = Field(description="`/doorstep/<service>`, or `/doorstep/<service>/private`")
    type: str = Field(description="the event's name, also the routing key")
    subject: str = Field(description="the stream that the event belongs to")
    time: datetime = Field(description="when it happened (device or actor)")
    datacontenttype: str = "application/json"
    dataschema: str = Field(description="`urn:doorstep:<service>:<type>:<version>`")
    sequence: int = Field(ge=1, description="version of the stream; drop what is not above the last one seen")
    partitionkey: str = Field(description="the order's id for whatever concerns an order")
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    actor: str = Field(description="`<role>:<id>` of who did it")
    recordedat: datetime = Field(description="when the server recorded it")
    previous: str | None = Field(
        default=None,
        description="what this source told before of the stream under this partition key: of each type the last"
        " `sequence`, oldest first, as in `OrderPlaced=1,OrderAccepted=4`; what it told more than 300 versions ago is"
        " left out; absent when there is none, or when the publisher does not say",
    )
    data: dict[str, Any]

    @property
    def service(self) -> str:
        """The publishing service: `order` of `/doorstep/order` and of `/doorstep/order/private`."""
        return self.source.split("/")[2]

    def newest_before(self, types: Container[str]) -> int:
        """The sequence of the message of one of these types that came last before this one; 0 when `previous` names
        none."""
        for entry in reversed((self.previous or "").split(",")):
            type_name, _, sequence = entry.partition("=")
            if type_name in types and sequence.isdecimal():
                return int(sequence)
        return 0

    def to_bytes(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> "Envelope":
        """Reads a message; raises `pydantic.ValidationError` (a `ValueError`) on bytes that are not one."""
        return cls.model_validate_json(body)
