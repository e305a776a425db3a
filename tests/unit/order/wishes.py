"""Commands as tests like to have them; times are minutes after noon."""

from dataclasses import replace
from typing import Any

from services.order.domain import commands as c
from services.order.domain.values import By, Goods, Line, OrderState, Recipient, Wait
from shared.kernel.place import Place
from tests.unit.order.facts import ORDER_ID, RECIPIENT, RIDER, TOTALS, after

DAY = 24 * 60


def _when(at: float) -> dict[str, Any]:
    """The server hears of everything a second after it happens; `at` is in minutes after noon."""
    return {"order_id": ORDER_ID, "at": after(minutes=at), "now": after(minutes=at, seconds=1)}


def accept(ready: float = 15, at: float = 1) -> c.AcceptOrder:
    return c.AcceptOrder(**_when(at), ready_at=after(minutes=ready))


def reject(at: float = 1) -> c.RejectOrder:
    return c.RejectOrder(**_when(at), reason="sold_out")


def extend(ready: float = 20, at: float = 4) -> c.ExtendPreparation:
    return c.ExtendPreparation(**_when(at), ready_at=after(minutes=ready), reason="busy")


def start(at: float = 3) -> c.StartPreparation:
    return c.StartPreparation(**_when(at))


def mark_ready(at: float = 14) -> c.MarkReady:
    return c.MarkReady(**_when(at))


def cancel(by: By = By.CUSTOMER, at: float = 8) -> c.CancelOrder:
    return c.CancelOrder(**_when(at), by=by, reason="changed_mind")


def confirm(at: float = 32) -> c.ConfirmOrder:
    return c.ConfirmOrder(**_when(at))


def review(merchant: int = 5, at: float = 33) -> c.ReviewOrder:
    return c.ReviewOrder(**_when(at), merchant_score=merchant, rider_score=4, platform_score=5, comment="hot!")


def correct(to: OrderState = OrderState.DELIVERY_EXCEPTION, at: float = 50) -> c.CorrectOrder:
    return c.CorrectOrder(**_when(at), by=By.SUPPORT, to=to, reason="rider_mistake", goods=Goods.WITH_RIDER)


def correct_undelivered(at: float = 50) -> c.CorrectOrder:
    return correct(OrderState.DELIVERY_EXCEPTION, at)


def correct_delivered(at: float = 50) -> c.CorrectOrder:
    return correct(OrderState.DELIVERED, at)


NEARBY = replace(RECIPIENT, address="7 Heron Street")
FAR = replace(RECIPIENT, place=Place(30.31, 120.19))


def move(recipient: Recipient = NEARBY, total_cents: int | None = None, at: float = 5) -> c.ChangeAddress:
    return c.ChangeAddress(
        **_when(at), recipient=recipient, dropoff_cell="8930a1d1a2fffff", expected_total_cents=total_cents
    )


def move_out_of_reach(at: float = 5) -> c.ChangeAddress:
    return replace(move(at=at), served=False)


def reorder(total_cents: int | None = None, at: float = 0.5) -> c.ChangeItems:
    return c.ChangeItems(
        **_when(at),
        lines=(Line(sku="tea", name="Tea", quantity=1, unit_cents=500),),
        totals=replace(TOTALS, goods_cents=500),
        skills=(),
        weight_g=0,
        volume_ml=0,
        promised_at=after(minutes=40),
        expected_total_cents=total_cents,
    )


def moderate(publish: bool = False, at: float = 60) -> c.ModerateReview:
    return c.ModerateReview(**_when(at), by=By.SUPPORT, publish=publish, reason="insult")


def paid(at: float = 0) -> c.NotePaymentAuthorized:
    return c.NotePaymentAuthorized(**_when(at))


def unpaid(at: float = 0) -> c.NotePaymentFailed:
    return c.NotePaymentFailed(**_when(at))


def rider_assigned(rider_id: str = RIDER, at: float = 6) -> c.NoteRiderAssigned:
    return c.NoteRiderAssigned(**_when(at), rider_id=rider_id)


def rider_unassigned(rider_id: str = RIDER, at: float = 7) -> c.NoteRiderUnassigned:
    return c.NoteRiderUnassigned(**_when(at), rider_id=rider_id, reason="silent")


def at_pickup(at: float = 12) -> c.NoteAtPickup:
    return c.NoteAtPickup(**_when(at), rider_id=RIDER)


def stop_collected(stop: int = 1, empty_handed: bool = False, at: float = 13) -> c.NoteStopCollected:
    return c.NoteStopCollected(**_when(at), rider_id=RIDER, stop=stop, empty_handed=empty_handed)


def picked_up(*, late: bool = False, at: float = 16) -> c.NotePickedUp:
    return c.NotePickedUp(**_when(at), rider_id=RIDER, after_withdrawal=late)


def delivered(at: float = 30) -> c.NoteDelivered:
    return c.NoteDelivered(**_when(at), rider_id=RIDER)


def failed(goods: Goods = Goods.WITH_RIDER, at: float = 30) -> c.NoteDeliveryFailed:
    return c.NoteDeliveryFailed(**_when(at), rider_id=RIDER, reason="customer_unreachable", goods=goods)


def undeliverable(at: float = 21) -> c.NoteUndeliverable:
    return c.NoteUndeliverable(**_when(at))


def withdrawn(at: float = 9) -> c.NoteWithdrawn:
    return c.NoteWithdrawn(**_when(at))


def withdrawal_refused(at: float = 9) -> c.NoteWithdrawalRefused:
    return c.NoteWithdrawalRefused(**_when(at), reason="picked_up")


def return_opened(at: float = 31) -> c.NoteReturnOpened:
    return c.NoteReturnOpened(**_when(at), rider_id=RIDER)


def goods_returned(at: float = 40) -> c.NoteGoodsReturned:
    return c.NoteGoodsReturned(**_when(at), rider_id=RIDER)


def redispatch(at: float = 31) -> c.NoteRedispatch:
    return c.NoteRedispatch(**_when(at), reason="again", by="agt_1")


def support_cancels(at: float = 33) -> c.NoteCancellationWish:
    return c.NoteCancellationWish(**_when(at), reason="cannot_be_delivered")


def time_is_up(wait: Wait, at: float = 31 * DAY) -> c.EndWait:
    return c.EndWait(**_when(at), wait=wait)
