"""An order's life as one table: state by state, who may ask what, where it leads, or with which code it is refused.

Decisions read their refusals here, tests hold every cell against the decisions, and `docs/order-lifecycle.md` is
printed from it: so the three cannot tell different stories.
"""

from collections.abc import Mapping
from types import MappingProxyType

from services.order.domain import commands as c
from services.order.domain import errors as no
from services.order.domain.lifecycle import SAME, Refused, Row, Who, row, stays, to
from services.order.domain.timeouts import TIME_ROWS
from services.order.domain.values import OrderState
from shared.kernel.errors import InvalidInput

_S = OrderState

_PENDING, _ACCEPTED, _PREPARING, _READY = _S.PENDING_ACCEPTANCE, _S.ACCEPTED, _S.PREPARING, _S.READY
_KITCHEN = (_ACCEPTED, _PREPARING, _READY)
_TROUBLE = (_S.DELIVERY_EXCEPTION, _S.RETURNING)
_HANDED_OVER = (_S.DELIVERED, _S.COMPLETED)
_OVER = (_S.CANCELLED, _S.REJECTED, _S.ARCHIVED)
_ENDED = Refused(no.OrderEnded)
_TIMES = (no.ReadyTimeOutOfRange,)

_MERCHANT = frozenset({Who.MERCHANT})
_CUSTOMER = frozenset({Who.CUSTOMER})
_STAFF = frozenset({Who.SUPPORT, Who.OPERATIONS})
_DISPATCH, _PAYMENT, _TIME = frozenset({Who.DISPATCH}), frozenset({Who.PAYMENT}), frozenset({Who.TIME})

ACCEPT = row(
    "accept",
    _MERCHANT,
    "the merchant takes the order on, and says when the food is ready",
    ((_PENDING,), to(_ACCEPTED, unless=(no.OrderNotDueYet, no.PaymentPending, *_TIMES))),
    (_OVER, _ENDED),
    rest=SAME,
)
REJECT = row(
    "reject",
    _MERCHANT,
    "the merchant declines, before accepting only",
    ((_PENDING,), to(_S.REJECTED)),
    ((_S.REJECTED,), SAME),
    ((_S.CANCELLED, _S.ARCHIVED), _ENDED),
    rest=Refused(no.OrderAlreadyAccepted),
)
EXTEND = row(
    "extend-preparation",
    _MERCHANT,
    "the merchant needs more time; customer and rider are told",
    ((_PENDING,), Refused(no.OrderNotAccepted)),
    *stays(_ACCEPTED, _PREPARING, unless=(no.NotAnExtension, *_TIMES)),
    ((_S.CANCELLING,), Refused(no.OrderIsCancelling)),
    (_TROUBLE, Refused(no.OrderWithSupport)),
    (_OVER, _ENDED),
    rest=Refused(no.FoodAlreadyReady),
)
START = row(
    "start-preparation",
    _MERCHANT,
    "the kitchen begins",
    ((_PENDING,), Refused(no.OrderNotAccepted)),
    ((_ACCEPTED,), to(_PREPARING)),
    *stays(_S.CANCELLING, _S.DELIVERY_EXCEPTION),
    (_OVER, _ENDED),
    rest=SAME,
)
MARK_READY = row(
    "ready",
    _MERCHANT,
    "the food stands on the counter: a fact of the kitchen, kept even while a cancellation is decided",
    ((_PENDING,), Refused(no.OrderNotAccepted)),
    ((_ACCEPTED, _PREPARING), to(_READY)),
    *stays(_S.CANCELLING, _S.DELIVERY_EXCEPTION),
    (_OVER, _ENDED),
    rest=SAME,
)
CANCEL = row(
    "cancel",
    _CUSTOMER | _MERCHANT | _STAFF,
    "over at once until a rider is assigned; then dispatch is asked, since it knows who has the goods",
    ((_PENDING,), to(_S.CANCELLED)),
    (_KITCHEN, to(_S.CANCELLED, _S.CANCELLING)),
    ((_S.DELIVERY_EXCEPTION,), to(_S.CANCELLED, unless=(no.OrderWithSupport,))),
    ((_S.RETURNING,), Refused(no.OrderWithSupport)),
    ((_S.CANCELLING, _S.CANCELLED), SAME),
    ((_S.DELIVERING,), Refused(no.OrderAlreadyPickedUp)),
    (_HANDED_OVER, Refused(no.OrderAlreadyDelivered)),
    ((_S.REJECTED, _S.ARCHIVED), _ENDED),
)
CONFIRM = row(
    "confirm",
    _CUSTOMER,
    "the customer has it; customer or time, the first completes the order",
    ((_S.DELIVERED,), to(_S.COMPLETED)),
    ((_S.COMPLETED, _S.ARCHIVED), SAME),
    ((_S.CANCELLED, _S.REJECTED), _ENDED),
    rest=Refused(no.OrderNotDelivered),
)
REVIEW = row(
    "review",
    _CUSTOMER,
    "scores, tags, words and pictures, once, while reviews are open",
    ((_S.COMPLETED,), to(_S.COMPLETED, unless=(no.AlreadyReviewed, no.ReviewIsClosed))),
    ((_S.ARCHIVED, _S.CANCELLED, _S.REJECTED), _ENDED),
    rest=Refused(no.OrderNotDelivered),
)

CORRECT = row(
    "correct",
    _STAFF,
    "a mistaken `delivered` or failure is put right, with a reason; the delivery, the case and the figures follow",
    ((_S.DELIVERED,), to(_S.DELIVERY_EXCEPTION)),
    (_TROUBLE, to(_S.DELIVERED, unless=(no.NothingToCorrect,))),
    ((_S.COMPLETED, *_OVER), _ENDED),
    rest=Refused(no.NothingToCorrect),
)

CHANGE_ADDRESS = row(
    "change-address",
    _CUSTOMER,
    "another door or another person, before the pick-up (after it where policy allows), at the price that it costs",
    *stays(_PENDING, *_KITCHEN, _S.DELIVERY_EXCEPTION, unless=(no.PriceChanged, InvalidInput)),
    *stays(_S.DELIVERING, unless=(no.OrderAlreadyPickedUp, no.PriceChanged, InvalidInput)),
    ((_S.CANCELLING,), Refused(no.OrderIsCancelling)),
    ((_S.RETURNING,), Refused(no.OrderWithSupport)),
    (_HANDED_OVER, Refused(no.OrderAlreadyDelivered)),
    (_OVER, _ENDED),
)
CHANGE_ITEMS = row(
    "change-items",
    _CUSTOMER,
    "another basket, before the merchant has accepted, at the price that it costs",
    *stays(_PENDING, unless=(no.PriceChanged,)),
    (_OVER, _ENDED),
    rest=Refused(no.OrderAlreadyAccepted),
)

MODERATE = row(
    "moderate-review",
    _STAFF,
    "words and pictures of a review are published or hidden, with a reason; the scores count all the same",
    *stays(_S.COMPLETED, unless=(no.NoReview,)),
    *stays(_S.ARCHIVED, unless=(no.NoReview,)),
    ((_S.CANCELLED, _S.REJECTED), _ENDED),
    rest=Refused(no.OrderNotDelivered),
)

PAYMENT_AUTHORIZED = row(
    "payment authorised",
    _PAYMENT,
    "the money is safe: the merchant is asked, now or when it is time; an errand is ready for its rider",
    ((_PENDING,), to(_PENDING, _READY)),
    rest=SAME,
)
PAYMENT_FAILED = row(
    "payment failed",
    _PAYMENT,
    "no money, no order, unless a rider already has the goods",
    ((_PENDING,), to(_S.CANCELLED)),
    (_KITCHEN, to(_S.CANCELLED, _S.CANCELLING)),
    rest=SAME,
)
RIDER_ASSIGNED = row(
    "rider assigned",
    _DISPATCH,
    "from now on the delivery, not the order, decides about cancelling; after a failure it is a new attempt",
    *stays(*_KITCHEN, _S.DELIVERING, _S.CANCELLING),
    (_TROUBLE, to(*_KITCHEN)),
    rest=SAME,
)
RIDER_UNASSIGNED = row(
    "rider unassigned",
    _DISPATCH,
    "another rider is looked for",
    *stays(*_KITCHEN, _S.CANCELLING),
    rest=SAME,
)
AT_PICKUP = row(
    "rider at the pick-up",
    _DISPATCH,
    "a queue that somebody is sent to is paid for from now on",
    *stays(_READY, _S.CANCELLING),
    rest=SAME,
)
STOP_COLLECTED = row(
    "collected at a stop",
    _DISPATCH,
    "one of the places of an errand that has several is done; the customer sees which",
    *stays(_READY, _S.CANCELLING),
    rest=SAME,
)
PICKED_UP = row(
    "picked up",
    _DISPATCH,
    "the rider has the goods; after a withdrawal that is kept too, and opens a return",
    ((*_KITCHEN, _S.CANCELLING, *_TROUBLE), to(_S.DELIVERING, _S.CANCELLED)),
    ((_S.CANCELLED,), to(_S.CANCELLED)),
    rest=SAME,
)
DELIVERED = row(
    "delivered",
    _DISPATCH,
    "the customer has the goods, even when the pick-up was never heard of",
    ((*_KITCHEN, _S.CANCELLING, _S.DELIVERING, *_TROUBLE), to(_S.DELIVERED)),
    ((_S.CANCELLED,), to(_S.CANCELLED)),
    rest=SAME,
)
FAILED = row(
    "delivery failed",
    _DISPATCH,
    "it stops: support solves it",
    ((*_KITCHEN, _S.CANCELLING, _S.DELIVERING), to(_S.DELIVERY_EXCEPTION)),
    rest=SAME,
)
UNDELIVERABLE = row(
    "no rider found",
    _DISPATCH,
    "customer and support choose; who wanted to cancel anyway gets that",
    (_KITCHEN, to(_S.DELIVERY_EXCEPTION)),
    ((_S.CANCELLING,), to(_S.CANCELLED)),
    rest=SAME,
)
WITHDRAWN = row(
    "withdrawal granted",
    _DISPATCH,
    "the delivery will not happen, so the order is over",
    ((*_KITCHEN, _S.CANCELLING, *_TROUBLE), to(_S.CANCELLED)),
    rest=SAME,
)
WITHDRAWAL_REFUSED = row(
    "withdrawal refused",
    _DISPATCH,
    "too late to cancel: the order goes on from where it was",
    ((_S.CANCELLING,), to(*_KITCHEN, _S.DELIVERING)),
    rest=SAME,
)
RETURN_OPENED = row(
    "return opened",
    _DISPATCH,
    "the goods are on their way back",
    ((_S.DELIVERY_EXCEPTION,), to(_S.RETURNING)),
    rest=SAME,
)
GOODS_RETURNED = row(
    "goods returned",
    _DISPATCH,
    "the goods are home: the end of a cancelled order's, a new start for one that may still be delivered",
    (_TROUBLE, to(_S.DELIVERY_EXCEPTION)),
    ((_S.CANCELLED,), to(_S.CANCELLED)),
    rest=SAME,
)
REDISPATCH = row(
    "redispatch asked",
    frozenset({Who.SUPPORT}),
    "support has the same delivery tried again",
    (_TROUBLE, to(*_KITCHEN)),
    rest=SAME,
)
SUPPORT_CANCELS = row(
    "cancellation asked",
    frozenset({Who.SUPPORT}),
    "support ends the order and gives the money back; of a delivered one only the money moves",
    ((_PENDING,), to(_S.CANCELLED)),
    (_KITCHEN, to(_S.CANCELLED, _S.CANCELLING)),
    ((_S.DELIVERING,), to(_S.CANCELLING)),
    (_TROUBLE, to(_S.CANCELLED)),
    *stays(*_HANDED_OVER, _S.ARCHIVED),
    rest=SAME,
)

PEOPLES_ROWS = (
    ACCEPT,
    REJECT,
    EXTEND,
    START,
    MARK_READY,
    CANCEL,
    CONFIRM,
    REVIEW,
    CORRECT,
    CHANGE_ADDRESS,
    CHANGE_ITEMS,
    MODERATE,
)
FACT_ROWS = (
    PAYMENT_AUTHORIZED,
    PAYMENT_FAILED,
    RIDER_ASSIGNED,
    RIDER_UNASSIGNED,
    AT_PICKUP,
    STOP_COLLECTED,
    PICKED_UP,
    DELIVERED,
    FAILED,
    UNDELIVERABLE,
    WITHDRAWN,
    WITHDRAWAL_REFUSED,
    RETURN_OPENED,
    GOODS_RETURNED,
    REDISPATCH,
    SUPPORT_CANCELS,
)

ROWS = (*PEOPLES_ROWS, *FACT_ROWS, *TIME_ROWS.values())

_BY_COMMAND: Mapping[type[c.OrderCommand], Row] = MappingProxyType(
    {
        c.AcceptOrder: ACCEPT,
        c.RejectOrder: REJECT,
        c.ExtendPreparation: EXTEND,
        c.StartPreparation: START,
        c.MarkReady: MARK_READY,
        c.CancelOrder: CANCEL,
        c.ConfirmOrder: CONFIRM,
        c.ReviewOrder: REVIEW,
        c.CorrectOrder: CORRECT,
        c.ChangeAddress: CHANGE_ADDRESS,
        c.ChangeItems: CHANGE_ITEMS,
        c.ModerateReview: MODERATE,
        c.NotePaymentAuthorized: PAYMENT_AUTHORIZED,
        c.NotePaymentFailed: PAYMENT_FAILED,
        c.NoteRiderAssigned: RIDER_ASSIGNED,
        c.NoteRiderUnassigned: RIDER_UNASSIGNED,
        c.NoteAtPickup: AT_PICKUP,
        c.NoteStopCollected: STOP_COLLECTED,
        c.NotePickedUp: PICKED_UP,
        c.NoteDelivered: DELIVERED,
        c.NoteDeliveryFailed: FAILED,
        c.NoteUndeliverable: UNDELIVERABLE,
        c.NoteWithdrawn: WITHDRAWN,
        c.NoteWithdrawalRefused: WITHDRAWAL_REFUSED,
        c.NoteReturnOpened: RETURN_OPENED,
        c.NoteGoodsReturned: GOODS_RETURNED,
        c.NoteRedispatch: REDISPATCH,
        c.NoteCancellationWish: SUPPORT_CANCELS,
    }
)


def row_of(command: c.OrderCommand) -> Row:
    """The row that a command belongs to; raises KeyError for one that the table forgot."""
    return TIME_ROWS[command.wait] if isinstance(command, c.EndWait) else _BY_COMMAND[type(command)]
