"""Sends a range of a service's public messages again, to one queue of the caller's."""

from contextlib import closing
from importlib import import_module
from typing import Annotated

import typer

from deploy.commands.progress import Progress
from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, Service, fail, settings_of, variable


def replay(
    service: Service,
    queue: Annotated[str, typer.Option(help="An existing queue of yours.")],
    first: Annotated[int, typer.Option("--from", min=1, help="The first position.")] = 1,
    last: Annotated[int | None, typer.Option("--to", min=1, help="The last position; else the end.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on the way.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Re-publishes a range of a service's log to a queue, each message marked with a `replayid`."""
    from shared.eventstore.postgres import PostgresStore
    from shared.kernel.ids import new_id
    from shared.messaging import replay as replaying

    settings = settings_of(service, run_dir)
    amqp_url = variable(run_dir, "DOORSTEP_AMQP_URL")
    spec = import_module(f"services.{service}.wiring").tail_spec(settings)
    replay_id = new_id("rpl")
    with (
        closing(PostgresStore(settings.postgres_url, settings.master_key, pool_size=2)) as store,
        Progress(quiet) as progress,
    ):
        try:
            done = replaying.replay(store, spec, amqp_url, queue, replay_id, first, last, progress.tell)
        except (replaying.NotReplayable, replaying.ReplayInterrupted) as error:
            fail(str(error))
    typer.echo(f"{done.messages:,} messages up to position {done.position} sent to {queue} as {replay_id}")
