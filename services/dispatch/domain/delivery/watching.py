"""How a rider's reports are waited for: when the next is due, and what becomes of a delivery whose rider is lost."""

from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery.by_hand import unpinned
from services.dispatch.domain.delivery.finding import wanted_again
from services.dispatch.domain.delivery.state import BEFORE_PICKUP, Delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import FailureReason, Goods, Stage

Watching = c.NoteSilence | c.LoseCarrier | c.ExpectReport


def note_silence(command: c.NoteSilence, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """A mandatory report did not come: taken over before the pick-up, failed after it. A rider who waits for goods
    that are late, or whose stops elsewhere come first, is not silent."""
    if delivery.report_by is None or command.now < delivery.report_by or delivery.rider_id is None:
        return []
    if delivery.stage is Stage.AT_PICKUP and not delivery.goods_ready:
        return [e.ReportExtended(report_by=policy.report_by(command.now, 0))]
    if command.busy_until is not None and command.busy_until > command.now:
        return [e.ReportExtended(report_by=command.busy_until)]
    lost = c.LoseCarrier(delivery_id=command.delivery_id, rider_id=delivery.rider_id, reason=None, now=command.now)
    return lose_carrier(lost, delivery, policy)


def lose_carrier(command: c.LoseCarrier, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """Another rider is looked for when the goods are still at the merchant's; else they are gone with him."""
    if not delivery.carried_by(command.rider_id):
        return []
    silent = command.reason is None
    if delivery.stage in BEFORE_PICKUP and not delivery.has_goods:
        reason = "silent" if command.reason is None else command.reason.value
        off = e.RiderUnassigned(rider_id=command.rider_id, reason=reason, silent=silent, unfit=not silent)
        return [*unpinned(delivery, reason), off, wanted_again(delivery, command.now, policy)]
    failure = command.reason or FailureReason.RIDER_ACCIDENT
    failed = e.DeliveryFailed(rider_id=command.rider_id, reason=failure, goods=Goods.WITH_RIDER, silent=silent)
    return [*unpinned(delivery, failure.value), failed]


def expect_report(command: c.ExpectReport, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """His way here begins now: the next report is due later than was thought, never earlier."""
    if not delivery.carried_by(command.rider_id):
        return []
    not_before = delivery.ready_at if delivery.stage in BEFORE_PICKUP else None
    report_by = policy.report_by(command.now, command.way_m, not_before)
    if delivery.report_by is not None and report_by <= delivery.report_by:
        return []
    return [e.ReportExtended(report_by=report_by)]
