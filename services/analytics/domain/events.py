"""The one event of this service's own store: a fact that another service told, kept as it was told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRecorded:
    """A public message of `service`, whole.

    `sequence` is the version of the stream `subject` in the telling service; `time` is when it happened there, which
    is the only time that a KPI may use; `recorded_at` is when that service's server wrote it down.
    """

    message_id: str
    service: str
    type: str
    dataschema: str
    subject: str
    sequence: int
    partition_key: str
    actor: str
    time: datetime
    recorded_at: datetime
    correlation_id: str
    causation_id: str | None = None
    data: dict[str, Any]

    @property
    def order_id(self) -> str | None:
        """The order that the fact concerns, if any."""
        return self.text("order_id")

    @property
    def rider_id(self) -> str | None:
        """The rider whom the fact names, if any."""
        return self.text("rider_id")

    def text(self, field: str) -> str | None:
        value = self.data.get(field)
        return value if isinstance(value, str) else None

    def moment(self, field: str) -> datetime | None:
        """A field of the message that holds an RFC 3339 time."""
        value = self.text(field)
        return None if value is None else datetime.fromisoformat(value)

    def number(self, field: str) -> int | None:
        value = self.data.get(field)
        return value if isinstance(value, int) else None
