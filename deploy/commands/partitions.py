"""Shows the queues of a service's inbox, and changes their number while everything runs."""

import json
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Annotated

import typer

from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, Service, fail, settings_of

partitions_app = typer.Typer(no_args_is_help=True, help="The queues of a service's inbox.")

Timeout = Annotated[float, typer.Option(help="Seconds to wait for the old queues to be read.", min=1)]
Count = Annotated[int, typer.Argument(help="How many queues the inbox shall have.")]


@partitions_app.command("show")
def show(service: Service, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """The queues of the inbox as JSON lines: what waits in each, and how many processes are there to read it."""
    from shared.messaging.repartition import figures

    settings = settings_of(service, run_dir)
    for each in figures(service, settings.postgres_url, settings.amqp_url, settings.partitions):
        typer.echo(json.dumps(asdict(each)))


@partitions_app.command("set")
def set_(service: Service, count: Count, timeout: Timeout = 600, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Changes the number of queues: the old ones are read to their end first. Run it again if it was interrupted."""
    from shared.messaging.outages import is_outage
    from shared.messaging.repartition import NotRepartitioned, Repartition

    settings = settings_of(service, run_dir)
    heard = import_module(f"services.{service}.inbound").SUBSCRIBED
    try:
        current = Repartition(
            service,
            settings.postgres_url,
            settings.amqp_url,
            heard,
            count,
            timeout_seconds=timeout,
            present=settings.partitions,
            tell=Teller(),
        ).run()
    except NotRepartitioned as error:
        fail(str(error))
    except Exception as error:
        if not is_outage(error):
            raise
        fail(f"{error}; nothing is lost, and the same command goes on from here")
    typer.echo(f"{service} reads {current.partitions} queues (generation {current.number})")


class Teller:
    """Says on the terminal how far it is; elsewhere only when a step begins."""

    def __init__(self) -> None:
        self._step = ""

    def __call__(self, step: str, drained: int, left: int) -> None:
        if step != self._step:
            self._step = step
            typer.echo(step, err=True)
        if sys.stderr.isatty():
            typer.echo(f"\r  {drained} queues read to their end, {left} messages wait   ", nl=False, err=True)
