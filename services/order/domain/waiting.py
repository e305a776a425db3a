"""What happens when nobody answered in time: one function per wait. A wait that is over by now changes nothing."""

from services.order.domain.asking import ask
from services.order.domain.carrying import kitchen_state
from services.order.domain.commands import EndWait
from services.order.domain.ending import ask_to_withdraw, cancelled, completed
from services.order.domain.events import (
    ConfirmationReminded,
    MerchantReminded,
    OrderArchived,
    OrderEvent,
    OrderStalled,
    PreparationLate,
    ReviewClosed,
    WithdrawalUnanswered,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.reviewing import hide_undecided
from services.order.domain.state import Order
from services.order.domain.values import By, OrderState, Wait
from services.order.domain.watching import next_step_at, owner_of

_S = OrderState
PAYMENT_TIMEOUT = "payment_timeout"
MERCHANT_NO_ANSWER = "merchant_no_answer"


def decide(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """What follows from a wait that ran out."""
    match command.wait:
        case Wait.PAYMENT:
            return give_up_payment(command, order, policy)
        case Wait.ASKING:
            return ask_scheduled(command, order, policy)
        case Wait.MERCHANT_REMINDER:
            return remind_merchant(command, order)
        case Wait.MERCHANT_ANSWER:
            return give_up_merchant(command, order, policy)
        case Wait.PREPARATION:
            return tell_late(command, order, policy)
        case Wait.WITHDRAWAL_ANSWER:
            return ask_again(command, order, policy)
        case Wait.NEXT_STEP:
            return call_owner(command, order, policy)
        case _:
            return _after_the_door(command, order, policy)


def _after_the_door(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    match command.wait:
        case Wait.CONFIRMATION_REMINDER:
            return remind_customer(command, order)
        case Wait.CONFIRMATION:
            return confirm_by_time(command, order, policy)
        case Wait.REVIEW:
            return close_review(command, order)
        case Wait.MODERATION:
            return hide_undecided(order, command.at)
        case Wait.ARCHIVE:
            return archive(command, order)
        case _:
            raise ValueError(f"nobody waits for {command.wait}")


def give_up_payment(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    if order.state is not _S.PENDING_ACCEPTANCE or order.answer_by is not None or order.scheduled:
        return []
    return cancelled(order, command, By.SYSTEM, PAYMENT_TIMEOUT, policy)


def ask_scheduled(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The time of a scheduled order has come."""
    if order.state is not _S.PENDING_ACCEPTANCE or order.answer_by is not None or not order.scheduled:
        return []
    return ask(order, command, policy)


def remind_merchant(command: EndWait, order: Order) -> list[OrderEvent]:
    if order.state is not _S.PENDING_ACCEPTANCE or order.answer_by is None or order.reminded:
        return []
    return [MerchantReminded(**order.whose(command.at), answer_by=order.answer_by)]


def give_up_merchant(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    if order.state is not _S.PENDING_ACCEPTANCE or order.answer_by is None:
        return []
    return cancelled(order, command, By.SYSTEM, MERCHANT_NO_ANSWER, policy)


def tell_late(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Said once for each promised time."""
    if order.food_ready or order.picked_up or order.told_late or order.ready_at is None:
        return []
    if order.state not in (_S.ACCEPTED, _S.PREPARING, _S.CANCELLING, _S.DELIVERY_EXCEPTION):
        return []
    stalled_at = next_step_at(_S.PREPARING, command.now, policy)
    return [PreparationLate(**order.whose(command.at), ready_at=order.ready_at, stalled_at=stalled_at)]


def ask_again(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Asks the delivery again, as often as policy allows; then the order goes on, and support can act on it."""
    wish = order.withdrawal
    if order.state is not _S.CANCELLING or wish is None:
        return []
    if wish.asks < policy.withdrawal_asks:
        return [ask_to_withdraw(order, command, wish.by, wish.reason, wish.asks + 1, policy)]
    back_to = order.resumes or kitchen_state(order)
    return [WithdrawalUnanswered(**order.whose(command.at), back_to=back_to)]


def call_owner(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Nothing has moved: whoever owns the next step is called, and called again until it does."""
    owner = owner_of(order.state)
    if owner is None or order.stalled_at is None or command.now < order.stalled_at:
        return []
    state = order.resumes if order.state is _S.CANCELLING and order.resumes else order.state
    again_at = next_step_at(state, command.now, policy, order.stalled + 1)
    if again_at is None:
        return []
    return [
        OrderStalled(
            **order.whose(command.at),
            state=order.state,
            owner=owner.value,
            rider_id=order.rider_id,
            times=order.stalled + 1,
            again_at=again_at,
        )
    ]


def remind_customer(command: EndWait, order: Order) -> list[OrderEvent]:
    if order.state is not _S.DELIVERED or order.confirm_by is None or order.asked_to_confirm:
        return []
    return [ConfirmationReminded(**order.whose(command.at), confirm_by=order.confirm_by)]


def confirm_by_time(command: EndWait, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    if order.state is not _S.DELIVERED:
        return []
    return completed(order, command, By.TIME, policy)


def close_review(command: EndWait, order: Order) -> list[OrderEvent]:
    if order.state is not _S.COMPLETED or order.review_by is None:
        return []
    return [ReviewClosed(**order.whose(command.at))]


def archive(command: EndWait, order: Order) -> list[OrderEvent]:
    over = order.state in (_S.COMPLETED, _S.CANCELLED, _S.REJECTED)
    return [OrderArchived(**order.whose(command.at))] if over else []
