"""Writes a service's log to a file for those who analyse, archive or check it elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.commands.progress import Progress
from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, Service, fail, known, variable


def export(
    service: Service,
    file: Annotated[Path, typer.Option(help="The file; .parquet or .jsonl says the format.")],
    first: Annotated[int, typer.Option("--from", min=1, help="The first position.")] = 1,
    last: Annotated[int | None, typer.Option("--to", min=1, help="The last position; else the end.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on the way.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Exports a service's event log to Parquet or JSON lines; personal data stays sealed."""
    from shared.eventstore.export import Format, export_log

    try:
        form = Format(file.suffix.removeprefix("."))
    except ValueError:
        fail(f"{file.name} ends in none of {', '.join(f'.{each}' for each in Format)}")
    url = variable(run_dir, f"DOORSTEP_{known(service).upper()}_POSTGRES_URL")
    with Progress(quiet) as progress:
        written = export_log(url, file, form, after=first - 1, until=last, tell=progress.tell)
    typer.echo(f"{written:,} events of {service} in {file}")
