"""Plays days under policies and says how they differ."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from deploy.commands.progress import Progress
from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, fail, settings_of, variables

if TYPE_CHECKING:
    from services.dispatch.domain.policy import DispatchPolicy
    from services.dispatch.lab.comparing import Policy
    from services.dispatch.lab.day import Day

lab_app = typer.Typer(no_args_is_help=True, help="The policy lab: days played off-line through the dispatch engine.")
DEFAULT_SEEDS = "1-5"
DATE = "%Y-%m-%d"
T = TypeVar("T")


@lab_app.callback()
def lab() -> None:
    """The policy lab: days played off-line through the dispatch engine."""


@lab_app.command()
def compare(
    policy: Annotated[
        list[Path] | None, typer.Option(help="A policy document; the first is what the others are held against.")
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First recorded day.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last recorded day.")] = None,
    log: Annotated[Path | None, typer.Option(help="Takes recorded days from this export (JSON lines).")] = None,
    mdrp: Annotated[list[Path] | None, typer.Option(help="A folder of Meal Delivery Routing instances.")] = None,
    seeds: Annotated[str, typer.Option(help="Made-up days: 3, or 1-10, or 1,4,7-9.")] = "",
    orders: Annotated[int, typer.Option(min=1, max=20_000, help="Orders on a made-up day.")] = 400,
    riders: Annotated[int, typer.Option(min=1, max=5_000, help="Riders on a made-up day.")] = 40,
    html: Annotated[Path | None, typer.Option(help="Writes the report with charts here.")] = None,
    figures: Annotated[Path | None, typer.Option("--json", help="Writes the figures for programs here.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; as many as there are cores.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on the way.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Plays recorded, public or made-up days under each policy, and says how the policies differ."""
    from services.dispatch.lab.comparing import as_figures
    from services.dispatch.lab.comparing import compare as play_all
    from services.dispatch.lab.telling import table

    base = _base(run_dir)
    policies = _policies(policy or [], base)
    days = _days(first, last, log, mdrp or [], seeds, (orders, riders), base, run_dir)
    typer.echo(f"{len(days)} {'day' if len(days) == 1 else 'days'}, {len(policies)} policies")
    with Progress(quiet, "parts") as progress:
        comparison = play_all(days, policies, workers=workers, tell=progress.tell)
    for line in table(comparison):
        typer.echo(line)
    if figures is not None:
        figures.write_text(json.dumps(as_figures(comparison), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        typer.echo(f"figures in {figures}")
    if html is not None:
        from services.dispatch.lab.report import page

        html.write_text(page(comparison), encoding="utf-8")
        typer.echo(f"report in {html}")


@lab_app.command()
def previews(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Plays the previews that operators ask for on the policies page, until it is asked to stop."""
    import signal
    import threading

    from services.dispatch.lab.waiting import wait_for_previews
    from shared.runtime.logging import configure_logging

    settings = settings_of("dispatch", run_dir)
    configure_logging("lab", settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    wait_for_previews(settings, {**os.environ, **variables(run_dir)}, stop)


def _base(run_dir: Path) -> "DispatchPolicy":
    """The settings of the platform in this folder; the defaults where there is none."""
    from services.dispatch.domain.policy import DispatchPolicy

    if not (run_dir / "env.json").exists():
        return DispatchPolicy()
    base: DispatchPolicy = settings_of("dispatch", run_dir).policy(DispatchPolicy)
    return base


def _policies(paths: list[Path], base: "DispatchPolicy") -> "list[Policy]":
    """Each document; one alone is held against the settings."""
    from services.dispatch.lab.sources import read_policy, unchanged

    policies = [_told(partial(read_policy, path, base)) for path in paths]
    if len({policy.label for policy in policies}) < len(policies):
        policies = [replace(policy, label=str(path)) for policy, path in zip(policies, paths, strict=True)]
    if len({policy.label for policy in policies}) < len(policies):
        fail("--policy: the same document is given twice")
    return [unchanged(), *policies] if len(policies) < 2 else policies


def _days(
    first: datetime | None,
    last: datetime | None,
    log: Path | None,
    mdrp: list[Path],
    seeds: str,
    size: tuple[int, int],
    base: "DispatchPolicy",
    run_dir: Path,
) -> "list[Day]":
    """Days of one kind: two kinds in one comparison would be a mean over nothing in particular."""
    from services.dispatch.lab.sources import from_mdrp, from_seeds, read_seeds
    from services.dispatch.lab.synthetic import TownSize

    kinds = [
        name for name, given in (("--from", first or last or log), ("--mdrp", mdrp), ("--seeds", seeds)) if given
    ]
    if len(kinds) > 1:
        fail(f"{' and '.join(kinds)}: days of one kind only")
    if mdrp:
        return _told(lambda: from_mdrp(mdrp))
    if first or last or log:
        if first is None or last is None:
            fail("--from and --to: both days are needed")
        return _recorded(first.date(), last.date(), log, base, run_dir)
    chosen = _told(lambda: read_seeds(seeds or DEFAULT_SEEDS))
    return from_seeds(chosen, TownSize(orders=size[0], riders=size[1], base=base))


def _recorded(first: date, last: date, log: Path | None, base: "DispatchPolicy", run_dir: Path) -> "list[Day]":
    import psycopg

    from services.dispatch.lab.sources import from_export, from_store
    from shared.eventstore.postgres import PostgresStore

    if first > last:
        fail("--from is after --to")
    if log is not None:
        found = _told(lambda: from_export(log, first, last, base))
    else:
        settings = settings_of("dispatch", run_dir)
        try:
            with closing(PostgresStore(settings.postgres_url, settings.master_key, pool_size=2)) as store:
                found = from_store(store, first, last, base)
        except psycopg.OperationalError as error:
            fail(f"dispatch's event store does not answer: {str(error).splitlines()[0]}")
    for remark in found.remarks:
        typer.echo(f"  {remark}")
    if not found.days:
        held = f"; the log holds {found.held[0]} to {found.held[1]}" if found.held else ""
        fail(f"from {first} to {last} no orders were placed while riders were on shift{held}")
    return list(found.days)


def _told(work: Callable[[], T]) -> T:
    """What cannot be read is a sentence, not a trace."""
    try:
        return work()
    except ValueError as error:
        fail(str(error))
