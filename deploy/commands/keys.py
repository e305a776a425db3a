"""Changes the master key under which the keys of all customers are wrapped."""

from typing import Annotated

import typer

from deploy.commands.progress import Progress
from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, fail, settings_of, variable
from shared.contracts.message import SERVICES

keys_app = typer.Typer(no_args_is_help=True, help="The keys of personal data.")


@keys_app.command("rotate")
def rotate(
    services: Annotated[list[str] | None, typer.Argument(help="All when none is named.")] = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Wraps every customer's key under DOORSTEP_MASTER_KEY; DOORSTEP_MASTER_KEY_PREVIOUS opens them.

    No event changes. Safe to stop and to run again.
    """
    from shared.eventstore.rotation import rotate as rotate_keys

    variable(run_dir, "DOORSTEP_MASTER_KEY_PREVIOUS")
    lost = 0
    for service in services or SERVICES:
        settings = settings_of(service, run_dir)
        with Progress() as progress:
            done = rotate_keys(settings.postgres_url, settings.master_key, progress.tell)
        typer.echo(f"{service}: {done.rewrapped} keys wrapped anew, {done.current} were already")
        for subject_id in done.lost:
            typer.echo(f"{service}: neither key opens that of {subject_id}", err=True)
        lost += len(done.lost)
    if lost:
        fail(f"{lost} keys fit neither master key: keep the previous one, and find the one before it")
