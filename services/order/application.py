"""Where domain meets store: the one place that knows which command belongs to which stream and decision."""

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from services.order.codec import CITY, COUPON, MERCHANT, ORDER, PAYMENT
from services.order.domain import answers, carrying, city, coupon, decisions, merchant, paying, waiting
from services.order.domain.city import CityCommand
from services.order.domain.commands import (
    AnswerCommand,
    CarryingCommand,
    EndWait,
    PersonalCommand,
    PlaceOrder,
)
from services.order.domain.coupon import CouponCommand, GiveCouponBack, IssueCoupon
from services.order.domain.events import OrderEvent
from services.order.domain.merchant import FlagMerchant, MerchantCommand, RegisterMerchant, ShopCommand
from services.order.domain.paying import PaymentCommand
from services.order.domain.policy import OrderPolicy
from services.order.domain.reactions import Reaction
from services.order.domain.state import Order
from services.order.ordering import coupon_stream, give_coupon_back, place_order
from services.order.outbound import payment_id_of
from shared.eventstore.model import Context, Decided
from shared.eventstore.ports import Transaction
from shared.kernel.errors import Fault, NotFound

Command = Reaction | CityCommand
NO_SUCH_ORDER = "there is no such order, or it is not yours"


def perform(
    tx: Transaction,
    command: Command,
    context: Context,
    policy: OrderPolicy,
    known_faults: Sequence[Fault] = (),
) -> Decided[Any, Any]:
    """Loads the stream that a command is about, decides and appends; a DomainError passes through.

    `known_faults` are those that the edge found in the contact of a PlaceOrder.
    """
    if isinstance(command, PaymentCommand):
        return tx.execute(
            PAYMENT, payment_id_of(command.order_id), lambda p: paying.decide(command, p, policy), context
        )
    if isinstance(command, MerchantCommand):
        return _merchant(tx, command, context)
    if isinstance(command, CouponCommand):
        return _coupon(tx, command, context)
    if isinstance(command, CityCommand):
        return tx.execute(CITY, city.STREAM, lambda c: city.decide(command, c), context)
    if isinstance(command, PlaceOrder):
        return place_order(tx, command, context, policy, known_faults)
    return tx.execute(ORDER, command.order_id, decision(command, policy), context)


def _merchant(tx: Transaction, command: MerchantCommand, context: Context) -> Decided[Any, Any]:
    match command:
        case RegisterMerchant():
            merchant_id = command.registration.merchant_id
            return tx.execute(MERCHANT, merchant_id, lambda m: merchant.register(command, m), context)
        case FlagMerchant():
            return tx.execute(MERCHANT, command.merchant_id, lambda m: merchant.flag(command, m), context)
        case ShopCommand():
            return tx.execute(MERCHANT, command.merchant_id, lambda m: merchant.change(command, m), context)
        case _:
            assert_never(command)


def _coupon(tx: Transaction, command: CouponCommand, context: Context) -> Decided[Any, Any]:
    match command:
        case IssueCoupon():
            return tx.execute(COUPON, coupon_stream(command.terms.code), lambda c: coupon.issue(command, c), context)
        case GiveCouponBack():
            return give_coupon_back(tx, command, context)
        case _:
            assert_never(command)


ExistingOrderCommand = PersonalCommand | CarryingCommand | AnswerCommand | EndWait


def decision(command: ExistingOrderCommand, policy: OrderPolicy) -> Callable[[Order | None], Sequence[OrderEvent]]:
    """The decision for an order that should exist: people are told when it does not, facts are let go."""

    def decide(order: Order | None) -> Sequence[OrderEvent]:
        if isinstance(command, PersonalCommand):
            if order is None:
                raise NotFound(NO_SUCH_ORDER)
            return decisions.decide(command, order, policy)
        if order is None:
            return []
        if isinstance(command, CarryingCommand):
            return carrying.decide(command, order, policy)
        if isinstance(command, AnswerCommand):
            return answers.decide(command, order, policy)
        return waiting.decide(command, order, policy)

    return decide
