"""Where the archive's decisions meet its store."""

from services.analytics.codec import CODEC
from services.analytics.domain.commands import RecordFact
from services.analytics.domain.decisions import record
from services.analytics.domain.events import FactRecorded
from services.analytics.domain.state import Heard, evolve
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import Context, Decided
from shared.eventstore.ports import Transaction

FACTS: Aggregate[Heard, FactRecorded] = Aggregate("fact", Heard(), evolve, CODEC)


def perform(tx: Transaction, command: RecordFact, context: Context) -> Decided[Heard, FactRecorded]:
    """Keeps a fact in the stream of its subject, once."""
    fact = command.fact
    return tx.execute(FACTS, fact.subject, lambda heard: record(command, heard), context)
