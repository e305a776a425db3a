"""What this service can be asked to do: keep a fact."""

from dataclasses import dataclass

from services.analytics.domain.events import FactRecorded


@dataclass(frozen=True, slots=True)
class RecordFact:
    """Keep `fact` in the archive, once."""

    fact: FactRecorded
