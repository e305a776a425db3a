"""What dispatch refuses, each with the code that clients may rely on."""

from shared.kernel.errors import DomainError, NotAllowed, NotFound


class DeliveryNotFound(NotFound):
    code = "delivery.not_found"


class RiderNotFound(NotFound):
    code = "rider.not_found"


class NotYourDelivery(NotAllowed):
    code = "delivery.not_yours"


class DeliveryAlreadyTaken(DomainError):
    code = "delivery.already_taken"


class DeliveryNotWaiting(DomainError):
    code = "delivery.not_waiting"


class DeliveryHasOffer(DomainError):
    code = "delivery.has_offer"


class PinnedToAnother(DomainError):
    code = "delivery.pinned_to_another"


class AlreadyOfferedToRider(DomainError):
    code = "delivery.already_offered_to_rider"


class NotInGrabPool(DomainError):
    code = "delivery.not_in_grab_pool"


class OfferNotOpen(DomainError):
    code = "offer.not_open"


class DeliveryNotAssigned(DomainError):
    code = "delivery.not_assigned"


class DeliveryNotPickedUp(DomainError):
    code = "delivery.not_picked_up"


class DeliveryAlreadyPickedUp(DomainError):
    code = "delivery.already_picked_up"


class NoSuchStop(DomainError):
    code = "delivery.no_such_stop"


class StopsNotCollected(DomainError):
    code = "delivery.stops_not_collected"


class ReceiptMissing(DomainError):
    code = "delivery.receipt_missing"


class DeliveryEnded(DomainError):
    code = "delivery.ended"


class GoodsContradiction(DomainError):
    code = "delivery.goods_contradiction"


class NothingToReturn(DomainError):
    code = "delivery.nothing_to_return"


class RiderAlreadyRegistered(DomainError):
    code = "rider.already_registered"


class RiderOffShift(DomainError):
    code = "rider.off_shift"


class RiderBusy(DomainError):
    code = "rider.busy"


class RiderHasOffer(DomainError):
    code = "rider.has_offer"


class RiderOnBreak(DomainError):
    code = "rider.on_break"


class RiderMustRest(DomainError):
    code = "rider.must_rest"


class RiderOutsideZones(DomainError):
    code = "rider.outside_zones"


class BreakEndsTooSoon(DomainError):
    code = "break.ends_too_soon"


class RiderSilent(DomainError):
    code = "rider.silent"


class RiderLacksSkills(DomainError):
    code = "rider.lacks_skills"


class RiderLacksCapacity(DomainError):
    code = "rider.lacks_capacity"


class ShiftEndsTooSoon(DomainError):
    code = "shift.ends_too_soon"


class TooFarToGrab(DomainError):
    code = "delivery.too_far_to_grab"


class PolicyScopeNotFound(NotFound):
    code = "policy.scope_not_found"


class PolicyVersionNotFound(NotFound):
    code = "policy.version_not_found"


class NothingToRollBack(DomainError):
    code = "policy.nothing_to_roll_back"


class PolicyNeverActive(DomainError):
    code = "policy.never_active"


class NothingToPreview(DomainError):
    code = "policy.nothing_to_preview"


class TooManyPreviews(DomainError):
    code = "policy.too_many_previews"


class DisruptionNotFound(NotFound):
    code = "disruption.not_found"


class DisruptionAlreadyReported(DomainError):
    code = "disruption.already_reported"


class DisruptionOver(DomainError):
    code = "disruption.over"
