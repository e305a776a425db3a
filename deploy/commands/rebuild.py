"""Builds a read model again from the log while the platform runs."""

from importlib import import_module
from typing import Annotated, Any

import typer

from deploy.commands.progress import Progress
from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, Service, fail, known, settings_of, variable


def rebuild(
    service: Service,
    projection: Annotated[str, typer.Argument(help="Its name; a wrong one lists those there are.")],
    abandon: Annotated[bool, typer.Option("--abandon", help="Forgets a rebuild that was killed.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on the way.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Rebuilds a projection beside the live one, then puts it in its place at once; goes on after a kill."""
    from shared.eventstore import rebuild as rebuilding
    from shared.eventstore.shadow import NotRebuildable

    found = projection_of(known(service), projection)
    admin_url = variable(run_dir, "DOORSTEP_POSTGRES_URL")
    try:
        if abandon:
            rebuilding.abandon(admin_url, service, found)
            typer.echo(f"the next rebuild of {projection} starts at the beginning")
            return
        key = settings_of(service, run_dir).master_key
        with Progress(quiet) as progress:
            done = rebuilding.rebuild(
                admin_url, service, found, key, lambda told: progress.tell(told.position, told.end)
            )
    except (NotRebuildable, rebuilding.RebuildRunning, rebuilding.RebuildFailed) as error:
        fail(str(error))
    differed = ", ".join(f"{table} {rows}" for table, rows in done.differed.items())
    resumed = f" (resumed after position {done.resumed_from})" if done.resumed_from else ""
    typer.echo(
        f"{found.follower.name}: {done.events:,} events in {done.seconds:.1f} s, {done.rate:,.0f}/s{resumed};"
        f" switched in {done.switch_seconds:.2f} s; rows that differed: {differed}"
    )


def projection_of(service: str, name: str) -> Any:
    """A projection that the service declares; ends the command naming them all when there is none of this name."""
    declared = import_module(f"services.{service}.wiring").PROJECTIONS
    for found in declared:
        if found.name == name:
            return found
    return fail(f"{service} has no projection {name}; it has {', '.join(found.name for found in declared)}")
