"""Forgets a customer from the command line, with the same steps as the operator's route."""

from importlib import import_module
from typing import Annotated

import typer

from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, guarded, operator, settings_of

EvenWithOpenOrders = Annotated[bool, typer.Option(help="Forget now, though a rider may not find the door.")]


def forget(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    even_with_open_orders: EvenWithOpenOrders = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Deletes the key of a customer's personal data and tells every service. There is no way back."""
    from shared.eventstore.model import Context
    from shared.kernel.ids import new_id

    parts = import_module("services.order.wiring").build(settings_of("order", run_dir))
    now = parts.clock.now()
    context = Context(actor=operator(), now=now, occurred_at=now, correlation_id=new_id("cor"))
    forget_customer = import_module("services.order.forgetting").forget_customer
    done = guarded(
        lambda: parts.store.run(
            lambda tx: forget_customer(tx, customer, context, even_with_open_orders=even_with_open_orders)
        )
    )
    parts.close()
    typer.echo(f"{customer} is forgotten: {done.answers} recorded answers stripped")
    for order_id in done.orders:
        typer.echo(f"contact taken back: {order_id}")
