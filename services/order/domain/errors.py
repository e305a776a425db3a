"""Every way in which an order says no, with the code that callers may rely on.

DomainError
├── PaymentPending            the payment is not authorised yet
├── OrderNotDueYet            scheduled for later: the merchant has not been asked
├── OrderNotAccepted          the merchant has not accepted
├── OrderAlreadyAccepted      too late to reject
├── OrderIsCancelling         a cancellation is being decided
├── OrderEnded                cancelled, rejected or archived
├── OrderAlreadyPickedUp      the rider has the goods
├── OrderAlreadyDelivered     the customer has the goods
├── OrderWithSupport          a failed delivery is being solved
├── FoodAlreadyReady          nothing left to extend
├── NotAnExtension            the new time is not later
├── ReadyTimeOutOfRange       before the order was placed, or too far away
├── PriceChanged              the change costs something that was not agreed to
├── NoReview                  nothing to moderate
├── NothingToCorrect          no delivery or failure was recorded that could be wrong
├── OrderNotDelivered         nothing to confirm or review yet
├── AlreadyReviewed           with other scores
├── ReviewIsClosed            too late to review
├── PaymentNotCaptured        no money has been taken that could go back
├── RefundExceedsCaptured     more than is left of what was taken
├── TipOutOfRange             nothing, or too much
├── NothingDue                nothing is owed for the order
└── NoTipPossible             nobody delivered yet, or the order is not paid for
"""

from shared.kernel.errors import DomainError


class PaymentPending(DomainError):
    code = "order.payment_pending"


class OrderNotDueYet(DomainError):
    code = "order.not_due_yet"


class OrderNotAccepted(DomainError):
    code = "order.not_accepted"


class OrderAlreadyAccepted(DomainError):
    code = "order.already_accepted"


class OrderIsCancelling(DomainError):
    code = "order.cancelling"


class OrderEnded(DomainError):
    code = "order.ended"


class OrderAlreadyPickedUp(DomainError):
    code = "order.already_picked_up"


class OrderAlreadyDelivered(DomainError):
    code = "order.already_delivered"


class OrderWithSupport(DomainError):
    code = "order.with_support"


class FoodAlreadyReady(DomainError):
    code = "order.already_ready"


class NotAnExtension(DomainError):
    code = "order.not_an_extension"


class ReadyTimeOutOfRange(DomainError):
    code = "order.ready_time_out_of_range"


class PriceChanged(DomainError):
    code = "order.price_changed"


class NoReview(DomainError):
    code = "order.not_reviewed"


class NothingToCorrect(DomainError):
    code = "order.nothing_to_correct"


class OrderNotDelivered(DomainError):
    code = "order.not_delivered"


class AlreadyReviewed(DomainError):
    code = "order.already_reviewed"


class ReviewIsClosed(DomainError):
    code = "order.review_closed"


class PaymentNotCaptured(DomainError):
    code = "payment.not_captured"


class RefundExceedsCaptured(DomainError):
    code = "payment.refund_exceeds_captured"


class TipOutOfRange(DomainError):
    code = "payment.tip_out_of_range"


class NothingDue(DomainError):
    code = "payment.nothing_due"


class NoTipPossible(DomainError):
    code = "payment.no_tip_possible"
