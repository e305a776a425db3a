"""Whether appending and rebuilding cost more as the store grows."""

from contextlib import closing

import psycopg

from tests.bench import workload
from tests.bench.append import ours_steps
from tests.bench.figures import Report, in_turn
from tests.bench.rebuild import add_read_model, by_batch, rebuild, sequence
from tests.bench.writers import rate
from tests.support.database import Database, fresh_database

WRITERS = 8
LONG_ENOUGH = 200_000
"""Events a round of rebuilding reads at least, a small log several times: else the machine's moment is measured."""


def run(report: Report, postgres_url: str, rounds: int, sizes: tuple[int, int], seconds: float) -> None:
    small, large = sizes
    with (
        fresh_database(postgres_url, ("order",)) as little,
        fresh_database(postgres_url, ("order",)) as much,
    ):
        for database, events in ((little, small), (much, large)):
            add_read_model(database)
            workload.fill(database, events)
            sequence(database, events)
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                # Else the server's own cleaning would begin in the middle of a round.
                admin.execute("VACUUM (ANALYZE)")
            _rebuilt(database)
        rebuilt_large, rebuilt_small = in_turn(rounds, lambda: _rebuilt(much), lambda: _rebuilt(little))
        large_append, small_append = in_turn(
            rounds,
            lambda: rate(WRITERS, seconds, ours_steps, much.url("order"), 1),
            lambda: rate(WRITERS, seconds, ours_steps, little.url("order"), 1),
        )
    peer = f"with {small:,} events"
    report.add("growth", f"append with {large:,} events", "events/s", large_append, peer, small_append)
    report.add("growth", f"rebuild of {large:,} events", "events/s", rebuilt_large, peer, rebuilt_small)


def _rebuilt(database: Database) -> float:
    with closing(workload.open_store(database.url("order"))) as store:
        return rebuild(store, database, by_batch, LONG_ENOUGH)
