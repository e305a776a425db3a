"""What an operator does about payments from the command line: hold the provider's books against ours."""

from datetime import date, datetime
from importlib import import_module
from typing import Annotated, Any

import typer

from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, fail, settings_of

payments_app = typer.Typer(no_args_is_help=True, help="The money of orders, and the provider that moves it.")
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day of UTC.")]


@payments_app.callback()
def payments() -> None:
    """The money of orders, and the provider that moves it."""


@payments_app.command()
def reconcile(day: Day, run_dir: RunDir = DEFAULT_RUN_DIR) -> None:
    """Compares a day's charges and refunds with each provider's list; ends with 1 when they differ."""
    unavailable = import_module("services.order.payments").ProviderUnavailable
    parts = import_module("services.order.wiring").build(settings_of("order", run_dir))
    try:
        reports = parts.reconciler.reconcile(day.date())
    except unavailable as error:
        fail(f"the provider does not answer: {error}")
    finally:
        parts.close()
    for report in reports:
        told(report, day.date())
    if any(report.differences for report in reports):
        raise typer.Exit(1)


def told(report: Any, day: date) -> None:
    """The report in plain lines, one a difference."""
    typer.echo(
        f"{day} {report.provider}: {report.movements} movements,"
        f" {report.charged_cents} cents charged, {report.refunded_cents} refunded"
    )
    for each in report.differences:
        typer.echo(
            f"{each.fault.value}: {each.kind.value} {each.movement or each.reference}"
            f" ledger {_money(each.ledger_cents, each.ledger_currency)}"
            f" provider {_money(each.provider_cents, each.provider_currency)}"
        )
    typer.echo(f"{len(report.differences)} differences" if report.differences else "the books agree")


def _money(cents: int | None, currency: str | None) -> str:
    return "nothing" if cents is None else f"{cents} {currency}"
