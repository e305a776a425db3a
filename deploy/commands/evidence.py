"""Shows that the logs are what they were: proves them whole, signs where they stand, and checks that elsewhere."""

from typing import Annotated

import typer

from deploy.commands.progress import Progress
from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, Service, known, variable


def verify(
    service: Service,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on the way.")] = False,
) -> None:
    """Proves that a service's event log is whole, or says where it is not."""
    from shared.eventstore.verify import verify_log

    url = variable(run_dir, f"DOORSTEP_{known(service).upper()}_POSTGRES_URL")
    with Progress(quiet) as progress:
        verdict = verify_log(url, tell=progress.tell)
    typer.echo(f"{verdict.events} events, {verdict.pending} wait for their position, head {verdict.head}")
    for problem in verdict.problems:
        typer.echo(f"{problem.where}: {problem.reason}")
    raise typer.Exit(0 if verdict.is_whole else 1)
