"""The `doorstep` command: finds each service's own commands and runs them; it has no logic of its own.

What opens sockets or threads is imported where it is used: a service must patch the standard library first.
"""

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from deploy.commands import evidence
from deploy.commands.engine import engine_app
from deploy.commands.forget import forget
from deploy.commands.keys import keys_app
from deploy.commands.lab import lab_app
from deploy.commands.log_export import export
from deploy.commands.log_replay import replay
from deploy.commands.parked import parked_app
from deploy.commands.partitions import partitions_app
from deploy.commands.payments import payments_app
from deploy.commands.rebuild import rebuild
from deploy.commands.stream_show import stream_app
from deploy.commands.times import times_app
from deploy.commands.told import (
    DEFAULT_RUN_DIR,
    RunDir,
    Service,
    fail,
    known,
    settings_of,
    variable,
    variables,
)
from shared.contracts.message import SERVICES

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Runs and looks after a Doorstep platform.")
log_app = typer.Typer(no_args_is_help=True, help="The event logs.")
log_app.command("verify")(evidence.verify)
log_app.command("export")(export)
log_app.command("replay")(replay)
app.add_typer(log_app, name="log")
app.add_typer(stream_app, name="stream")
app.command()(rebuild)
app.command()(forget)
app.add_typer(evidence.evidence_app, name="evidence")
app.add_typer(engine_app, name="engine")
app.add_typer(keys_app, name="keys")
app.add_typer(lab_app, name="lab")
app.add_typer(payments_app, name="payments")
app.add_typer(parked_app, name="parked")
app.add_typer(partitions_app, name="partitions")
app.add_typer(times_app, name="times")

# Known and decided (docs/adr/0004); in every log it would only hide what is new.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")


def main() -> None:
    """The entry point of the installed command."""
    app()


@app.command()
def run(service: Service, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Runs one service until it is asked to stop."""
    told = {**os.environ, **variables(run_dir)}
    os.execve(sys.executable, [sys.executable, "-m", "deploy.serve", known(service)], told)


@app.command()
def tail(services: Annotated[list[str] | None, typer.Argument()] = None, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Sequences and publishes the events of the named services, or of all, until it is asked to stop."""
    from shared.messaging.tail import run_tail
    from shared.runtime.logging import configure_logging
    from shared.runtime.settings import address
    from shared.runtime.tracing import NONE, VARIABLE, configure_tracing

    told = variables(run_dir)
    configure_logging("tail", told.get("DOORSTEP_LOG_LEVEL", "info"))
    specs = []
    for service in services or SERVICES:
        settings = settings_of(service, run_dir)
        spec = import_module(f"services.{service}.wiring").tail_spec(settings)
        specs.append(replace(spec, clock=settings.clock))
    metrics = address(told["DOORSTEP_TAIL_METRICS"]) if told.get("DOORSTEP_TAIL_METRICS") else None
    stop_tracing = configure_tracing("tail", told.get(VARIABLE, NONE))
    run_tail(specs, metrics_address=(metrics.host, metrics.port) if metrics else None)
    stop_tracing()


@app.command()
def migrate(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Brings all schemas up to date, as the owner in DOORSTEP_POSTGRES_URL, with each service's own password."""
    from urllib.parse import unquote, urlsplit

    from shared.eventstore.migrate import migrate as migrate_service

    admin_url = variable(run_dir, "DOORSTEP_POSTGRES_URL")
    for service in SERVICES:
        password = urlsplit(variable(run_dir, f"DOORSTEP_{service.upper()}_POSTGRES_URL")).password
        if not password:
            fail(f"DOORSTEP_{service.upper()}_POSTGRES_URL holds no password")
        done = migrate_service(admin_url, service, unquote(password))
        typer.echo(f"{service}: {', '.join(done) if done else 'up to date'}")


@app.command()
def token(
    role: Annotated[list[str], typer.Option(help="A role; may be given several times.")],
    identifier: Annotated[list[str] | None, typer.Option("--id", help="An id its holder may act for.")] = None,
    hours: Annotated[float, typer.Option(help="How long it is good for.")] = 1,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Prints a development token, signed with the key of the platform in this folder."""
    from shared.gateway.auth import Role
    from shared.gateway.tokens import SigningKey, issue

    unknown = [name for name in role if name not in set(Role)]
    if unknown:
        fail(f"there is no role {', '.join(unknown)}; there are {', '.join(Role)}")
    key = SigningKey.load(Path(variable(run_dir, "DOORSTEP_SIGNING_KEY")))
    ids = identifier or []
    issuer = variables(run_dir).get("DOORSTEP_JWT_ISSUER", "doorstep")
    subject = ids[0] if ids else "-".join(role)
    typer.echo(issue(key, subject=subject, roles=role, ids=ids, issuer=issuer, lifetime_seconds=hours * 3600))


@app.command()
def up(
    speed: Annotated[float, typer.Option(help="How many times as fast as the wall's the clock runs.")] = 1,
    policies: Annotated[Path | None, typer.Option(help="JSON that overrides policies by service and name.")] = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Runs the whole platform, without a city, until Ctrl-C."""
    from deploy.local.platform import Platform

    overrides = json.loads(policies.read_text(encoding="utf-8")) if policies else {}

    def stay() -> int:
        with Platform(run_dir, clock_speed=speed, policies=overrides) as platform:
            for service in SERVICES:
                typer.echo(f"  {service:<10} {platform.url(service)}/docs")
            typer.echo("Ctrl-C, or `make down`, stops it")
            signal.pause()
        return 0

    sys.exit(until_stopped(stay))


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="One bounded city, then the verdict.")] = False,
    orders: Annotated[int, typer.Option(min=1)] = 60,
    scenario: Annotated[str, typer.Option(help="The folder of a Meal Delivery Routing Problem instance.")] = "",
    speed: Annotated[float, typer.Option(help="How fast the clock runs; 0: as the city thinks best.")] = 0,
    seed: Annotated[int, typer.Option()] = 1,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Runs the platform with a city that uses it."""
    from deploy.city.demo import run as run_city

    sys.exit(
        until_stopped(
            lambda: run_city(
                once=once,
                orders=orders,
                scenario=scenario or None,
                speed=speed or None,
                seed=seed,
                run_dir=run_dir,
            )
        )
    )


def until_stopped(work: Callable[[], int]) -> int:
    """Runs `work`; SIGTERM and SIGHUP end it as Ctrl-C does, so that everything it started is stopped."""
    from deploy.local.platform import AlreadyRunning
    from deploy.local.processes import DidNotStart

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    try:
        return work()
    except KeyboardInterrupt:
        typer.echo("stopped")
        return 0
    except (AlreadyRunning, DidNotStart) as error:
        fail(str(error))


@app.command()
def down(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Stops exactly what the platform of this folder started, also after a crash."""
    from deploy.local.down import down as stop_platform

    stopped = stop_platform(run_dir.resolve())
    typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing of ours was running")


if __name__ == "__main__":
    main()
