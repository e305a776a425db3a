"""Says how well the expected times of the latest deliveries held, from what was told and what came."""

import json
from dataclasses import asdict
from importlib import import_module
from typing import Annotated

import typer

from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, settings_of

times_app = typer.Typer(no_args_is_help=True, help="The expected times of deliveries.")


@times_app.command("report")
def report(
    last: Annotated[int, typer.Option(min=1, max=100_000, help="So many of the latest deliveries.")] = 1_000,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """How many ranges held (P90: nine of ten should), and how many foreseen delays were delays; one line of JSON."""
    settings = settings_of("dispatch", run_dir)
    store_module = import_module("shared.eventstore.postgres")
    store = store_module.PostgresStore(settings.postgres_url, settings.master_key, settings.clock)
    try:
        with store.reading() as reading:
            came = import_module("services.dispatch.time_views").came_lately(reading, last)
        judged = import_module("services.dispatch.domain.eta.judging").judge(came)
    finally:
        store.close()
    shares = {
        "p50_percent": _percent(judged.within_p50, judged.told),
        "p90_percent": _percent(judged.within_p90, judged.told),
        "pickup_p90_percent": _percent(judged.pickups_within_p90, judged.pickups_told),
        "precision_percent": _percent(judged.foreseen_rightly, judged.foreseen),
        "recall_percent": _percent(judged.late_and_foreseen, judged.late),
    }
    typer.echo(json.dumps({**shares, **asdict(judged)}))


def _percent(hits: int, of: int) -> float | None:
    """None of nothing."""
    return round(100 * hits / of, 1) if of else None
