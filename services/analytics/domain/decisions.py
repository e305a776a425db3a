"""Decisions of the archive: a fact is kept the first time it is heard, and never refused."""

from services.analytics.domain.commands import RecordFact
from services.analytics.domain.events import FactRecorded
from services.analytics.domain.state import Heard


def record(command: RecordFact, heard: Heard) -> list[FactRecorded]:
    """Keep a fact; hearing it again changes nothing."""
    if command.fact.sequence in heard.sequences:
        return []
    return [command.fact]
