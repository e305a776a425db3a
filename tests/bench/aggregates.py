"""What it costs to load an aggregate, by the length of its stream."""

import time
from contextlib import closing
from functools import partial

from tests.bench import workload
from tests.bench.figures import Report, in_turn
from tests.support.database import fresh_database

LENGTHS = (10, 100, 1_000)
SECONDS = 0.5


def run(report: Report, postgres_url: str, rounds: int) -> None:
    with (
        fresh_database(postgres_url, ("order",)) as database,
        closing(workload.open_store(database.url("order"))) as store,
    ):

        def milliseconds(stream_id: str, length: int) -> float:
            started, loads = time.perf_counter(), 0
            while (spent := time.perf_counter() - started) < SECONDS:
                assert store.load(workload.STEPS, stream_id).state.steps == length
                loads += 1
            return spent / loads * 1000

        for length in LENGTHS:
            stream_id = f"ord_{length}"
            store.append(workload.STEPS, stream_id, 0, [workload.noted(stream_id)] * length, workload.context())
            (taken,) = in_turn(rounds, partial(milliseconds, stream_id, length))
            report.add("aggregate", f"load of {length} events", "ms", taken)
