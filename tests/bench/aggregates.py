"""What it costs to load an aggregate, by the length of its stream, with snapshots and without."""

import time
from contextlib import closing
from dataclasses import replace
from functools import partial

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.snapshot import Snapshots
from tests.bench import workload
from tests.bench.figures import Report, in_turn
from tests.support.database import fresh_database

LENGTHS = (10, 100, 1_000)
SECONDS = 0.5
EVERY = 100
MORE = 9
Steps = Aggregate[workload.Tally, workload.Noted]
KEPT: Steps = replace(workload.STEPS, snapshots=Snapshots(workload.Tally, 1, every=EVERY))


def run(report: Report, postgres_url: str, rounds: int) -> None:
    """Streams that grew by one event a command, and a few more, since a stream mostly ends between two snapshots."""
    with (
        fresh_database(postgres_url, ("order",)) as database,
        closing(workload.open_store(database.url("order"))) as store,
    ):

        def milliseconds(steps: Steps, stream_id: str, length: int) -> float:
            started, loads = time.perf_counter(), 0
            while (spent := time.perf_counter() - started) < SECONDS:
                assert store.load(steps, stream_id).state.steps == length
                loads += 1
            return spent / loads * 1000

        for length in LENGTHS:
            stream_id = f"ord_{length}"
            event = workload.noted(stream_id)
            for _ in range(length + MORE):
                store.execute(KEPT, stream_id, lambda _, event=event: [event], workload.context())  # type: ignore[misc]
            kept, whole = in_turn(
                rounds,
                partial(milliseconds, KEPT, stream_id, length + MORE),
                partial(milliseconds, workload.STEPS, stream_id, length + MORE),
            )
            report.add("aggregate", f"load of {length} events", "ms", whole)
            report.add("aggregate", f"load of {length} events, snapshots", "ms", kept, "without", whole)
