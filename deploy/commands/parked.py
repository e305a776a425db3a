"""Messages that a service set aside: an operator lists and shows them, has them tried again, or gives one up."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer

from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, Service, fail, guarded, known, settings_of

if TYPE_CHECKING:
    from shared.eventstore.model import Context
    from shared.messaging.parked import Parked

PAGE = 100
MAX_NAME_LENGTH = 100

parked_app = typer.Typer(no_args_is_help=True, help="Messages that were set aside because handling them failed.")

ParkedId = Annotated[int, typer.Argument(help="As `doorstep parked list` tells it.")]
Operator = Annotated[
    str, typer.Option("--operator", envvar="DOORSTEP_OPERATOR", help="Your name; the event log keeps it for good.")
]
Reason = Annotated[str, typer.Option(help="Why it may be given up; kept for good, so name no customer.")]


@contextmanager
def opened(service: str, run_dir: RunDir) -> Iterator[tuple["Parked", Any]]:
    """The parked messages of a service, with the inboxes that can handle them again, and the service's clock."""
    from shared.messaging.parked import Parked

    # What failed is in the answer; standard output is for answers alone.
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    parts = import_module(f"services.{known(service)}.wiring").build(settings_of(service, run_dir))
    try:
        yield Parked(parts.store, [parts.inbox]), parts.clock
    finally:
        parts.close()


def context_of(operator: str, clock: Any) -> "Context":
    """In whose name it is written down."""
    from shared.eventstore.model import Context
    from shared.kernel.ids import new_id

    name = operator.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        fail("say who you are: --operator or DOORSTEP_OPERATOR, up to 100 printable characters")
    now = clock.now()
    return Context(actor=f"operator:{name}", now=now, occurred_at=now, correlation_id=new_id("cor"))


@parked_app.command("list")
def list_(service: Service, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Sequences that stand still, oldest first, as JSON lines: the first message of each, and how many wait."""
    with opened(service, run_dir) as (parked, _):
        after = 0
        while page := parked.list(PAGE, after):
            for sequence in page:
                typer.echo(json.dumps(asdict(sequence), default=str, ensure_ascii=False))
            after = page[-1].parked_id


@parked_app.command("show")
def show(service: Service, parked_id: ParkedId, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """The whole sequence a parked message belongs to. The bodies may hold personal data."""
    with opened(service, run_dir) as (parked, _):
        for message in guarded(lambda: parked.show(parked_id)):
            typer.echo(json.dumps(asdict(message), default=str, ensure_ascii=False))


@parked_app.command("retry")
def retry(service: Service, parked_id: ParkedId, operator: Operator, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Tries a sequence again, first message first; exits with 1 when one fails again."""
    with opened(service, run_dir) as (parked, clock):
        context = context_of(operator, clock)
        done = guarded(lambda: parked.retry(parked_id, context))
    typer.echo(json.dumps(asdict(done), ensure_ascii=False))
    raise typer.Exit(1 if done.error else 0)


@parked_app.command("skip")
def skip(
    service: Service, parked_id: ParkedId, reason: Reason, operator: Operator, run_dir: RunDir = DEFAULT_RUN_DIR
) -> None:
    """Gives the first message of a sequence up; the next one is then first."""
    with opened(service, run_dir) as (parked, clock):
        context = context_of(operator, clock)
        guarded(lambda: parked.skip(parked_id, context, reason))
