"""The dispatch engine: runs it beside the services, keeps what it sees in a file, and lets it decide that again."""

import json
import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, fail, settings_of, variables

engine_app = typer.Typer(no_args_is_help=True, help="The engine that decides which rider is asked.")


@engine_app.command("run")
def run(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Decides until it is asked to stop; others may stand by."""
    from services.dispatch.engine_process import run_engine
    from shared.runtime.logging import configure_logging
    from shared.runtime.settings import address
    from shared.runtime.tracing import configure_tracing

    settings = settings_of("dispatch", run_dir)
    configure_logging("engine", settings.log_level)
    stop_tracing = configure_tracing("engine", settings.traces)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    metrics = variables(run_dir).get("DOORSTEP_ENGINE_METRICS")
    run_engine(settings, stop, metrics=address(metrics) if metrics else None)
    stop_tracing()


@engine_app.command("picture")
def picture(run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Prints what the engine would see now, with the figures in force, as JSON: ids and cells, no names, no doors."""
    from services.dispatch.domain.policy import DispatchPolicy
    from services.dispatch.engine.recording import Recorded, written
    from services.dispatch.engine_picture import PictureReader
    from services.dispatch.policy_desk import PolicyDesk
    from shared.eventstore.postgres import PostgresStore

    settings = settings_of("dispatch", run_dir)
    store = PostgresStore(settings.postgres_url, settings.master_key, settings.clock, pool_size=1)
    try:
        now = settings.clock.now()
        policy = PolicyDesk(store, settings.policy(DispatchPolicy)).current().at(None, now)
        with store.reading() as reading:
            seen = PictureReader().read(reading.connection, now, policy.deliveries_per_tick)
        typer.echo(written(Recorded(picture=seen, policy=policy)))
    finally:
        store.close()


@engine_app.command("decide")
def decide(
    path: Annotated[Path, typer.Argument(help="A file that `doorstep engine picture` wrote.")],
    figure: Annotated[
        list[str] | None, typer.Option("--set", help="Another figure of the policy, as name=value; several may be.")
    ] = None,
) -> None:
    """Decides a recorded picture again and prints who is asked about what, why, and who else could have had it."""
    from pydantic import TypeAdapter, ValidationError

    from services.dispatch.domain.delivery.explanation import Explanation
    from services.dispatch.engine.dispatching import OfferTo
    from services.dispatch.engine.recording import decided, read

    try:
        recorded = read(path.read_text(encoding="utf-8"))
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"{path} is no picture: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    result = decided(recorded.under(_figures(figure or [])))
    told: dict[str, Any] = {
        "now": recorded.picture.now.isoformat(),
        "policy_version": recorded.policy.version,
        "offers": TypeAdapter(tuple[OfferTo, ...]).dump_python(result.offers, mode="json"),
        "nobody": TypeAdapter(dict[str, Explanation]).dump_python(dict(result.nobody), mode="json"),
        "planned": dict(result.planned),
    }
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _figures(given: list[str]) -> dict[str, float]:
    """Reads `name=value`; ends the command naming every one that no policy could hold."""
    from services.dispatch.domain.policies.figures import Faults, Within, read_values

    raw: dict[str, Any] = {}
    for each in given:
        name, _, value = each.partition("=")
        try:
            raw[name] = float(value)
        except ValueError:
            raw[name] = value
    faults = Faults()
    values = read_values("--set", raw, faults, Within.DEFAULTS)
    if faults.found:
        fail("; ".join(f"{fault.field}: {fault.sentence}" for fault in faults.found))
    return values
