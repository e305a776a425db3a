"""The rows of the table of an order's life that time writes: what happens in each state when a wait runs out."""

from collections.abc import Mapping
from types import MappingProxyType

from services.order.domain.lifecycle import SAME, Row, Who, row, stays, to
from services.order.domain.values import OrderState, Wait

_S = OrderState
_PENDING, _ACCEPTED, _PREPARING, _READY = _S.PENDING_ACCEPTANCE, _S.ACCEPTED, _S.PREPARING, _S.READY
_KITCHEN = (_ACCEPTED, _PREPARING, _READY)
_TROUBLE = (_S.DELIVERY_EXCEPTION, _S.RETURNING)
_TIME = frozenset({Who.TIME})

TIME_ROWS: Mapping[Wait, Row] = MappingProxyType(
    {
        Wait.PAYMENT: row(
            "payment not authorised in time",
            _TIME,
            "the order is over",
            ((_PENDING,), to(_S.CANCELLED)),
            rest=SAME,
        ),
        Wait.ASKING: row(
            "scheduled order due",
            _TIME,
            "the merchant is asked; an errand is ready for its rider",
            ((_PENDING,), to(_PENDING, _READY)),
            rest=SAME,
        ),
        Wait.MERCHANT_REMINDER: row(
            "merchant silent", _TIME, "the merchant is reminded", *stays(_PENDING), rest=SAME
        ),
        Wait.MERCHANT_ANSWER: row(
            "merchant unanswered",
            _TIME,
            "the order is over, the money goes back, the merchant is flagged",
            ((_PENDING,), to(_S.CANCELLED)),
            rest=SAME,
        ),
        Wait.PREPARATION: row(
            "not ready in time",
            _TIME,
            "customer, merchant and rider are told, once for each promise",
            *stays(_ACCEPTED, _PREPARING, _S.CANCELLING, _S.DELIVERY_EXCEPTION),
            rest=SAME,
        ),
        Wait.WITHDRAWAL_ANSWER: row(
            "withdrawal unanswered",
            _TIME,
            "dispatch is asked again, as often as policy allows; then the order goes on",
            ((_S.CANCELLING,), to(_S.CANCELLING, *_KITCHEN, _S.DELIVERING)),
            rest=SAME,
        ),
        Wait.CONFIRMATION: row(
            "not confirmed in time",
            _TIME,
            "confirmed by time: the order is complete",
            ((_S.DELIVERED,), to(_S.COMPLETED)),
            rest=SAME,
        ),
        Wait.NEXT_STEP: row(
            "stalled",
            _TIME,
            "whoever owns the next step is called, support has a case, and again after twice as long",
            *stays(*_KITCHEN, _S.DELIVERING, *_TROUBLE, _S.CANCELLING),
            rest=SAME,
        ),
        Wait.CONFIRMATION_REMINDER: row(
            "not confirmed yet", _TIME, "the customer is reminded, once", *stays(_S.DELIVERED), rest=SAME
        ),
        Wait.REVIEW: row("not reviewed in time", _TIME, "reviews are closed", *stays(_S.COMPLETED), rest=SAME),
        Wait.MODERATION: row(
            "review not looked at", _TIME, "its words and pictures stay hidden", *stays(_S.COMPLETED), rest=SAME
        ),
        Wait.ARCHIVE: row(
            "over long ago",
            _TIME,
            "the order is archived",
            ((_S.COMPLETED, _S.CANCELLED, _S.REJECTED), to(_S.ARCHIVED)),
            rest=SAME,
        ),
    }
)
