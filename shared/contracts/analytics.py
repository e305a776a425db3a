"""What the analytics service tells the world: what it meant."""

from datetime import datetime
from typing import ClassVar

from shared.contracts.message import Message


class ReportPublished(Message):
    """A period's KPIs were closed. Subject: the report's stream."""

    service: ClassVar[str] = "analytics"
    report_id: str
    period_start: datetime
    period_end: datetime
