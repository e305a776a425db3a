"""One order's facts as tests like to have them: plain, complete, at fixed times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.order.domain import events as e
from services.order.domain.merchant import MerchantRegistered, opened
from services.order.domain.values import (
    NO_MERCHANT,
    By,
    Contact,
    Errand,
    ErrandTerms,
    Goods,
    Line,
    MenuItem,
    OrderKind,
    OrderState,
    Pickup,
    Priority,
    Recipient,
    Stop,
    Totals,
)
from shared.kernel.place import Place

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ORDER_ID = "ord_0190e0f2-0000-7000-8000-000000000001"
PAYMENT_ID = "pay_0190e0f2-0000-7000-8000-000000000001"
CUSTOMER, MERCHANT_ID, RIDER, OTHER_RIDER = "cus_1", "mer_1", "rid_1", "rid_2"
DOOR, HOME = Place(30.2741, 120.1551), Place(30.2790, 120.1600)


def after(**span: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(**span)


def whose(at: datetime = NOON) -> dict[str, Any]:
    return {"customer_id": CUSTOMER, "merchant_id": MERCHANT_ID, "at": at}


PICKUP = Pickup(name="Lakeside Noodles", phone="+8657187654321", place=DOOR, address="1 Lotus Road")
RECIPIENT = Recipient(
    contact=Contact(name="Chen Yu", phone="+8613812345678", email="chen@example.com", language="zh"),
    address="18 Willow Lane",
    place=HOME,
    note="ring twice",
)
ERRAND = Errand(
    stop=Stop(
        place=Place(30.2712, 120.1498),
        address="7 Pagoda Alley",
        contact=Contact(name="Lin Tao", phone="+8613912345678"),
    ),
    task="Fetch the blue folder from the porter",
)
FURTHER_STOPS = (
    Stop(place=Place(30.2735, 120.1522), address="3 Heron Street", task="White lilies, if there are any"),
    Stop(
        place=Place(30.2762, 120.1561),
        address="21 Bamboo Court",
        contact=Contact(name="Zhao Min", phone="+8613712345678"),
    ),
)
LINES = (Line(sku="noodles", name="Beef noodles", quantity=2, unit_cents=2800),)
TOTALS = Totals(goods_cents=5600, delivery_fee_cents=300, currency="CNY")

placed = e.OrderPlaced(
    **whose(),
    order_id=ORDER_ID,
    kind=OrderKind.FOOD,
    lines=LINES,
    totals=TOTALS,
    payment_method="sandbox_ok",
    pickup=PICKUP,
    recipient=RECIPIENT,
    dropoff_cell="8930a1d1a2bffff",
    required_skills=("cold_chain",),
    priority=Priority.NORMAL,
    weight_g=800,
    volume_ml=1500,
    promised_at=after(minutes=40),
    scheduled_for=None,
    pay_by=after(minutes=15),
)
scheduled = e.OrderScheduled(**whose(), ask_at=after(hours=2))
awaiting = e.OrderAwaitingMerchant(**whose(), answer_by=after(minutes=5), remind_at=after(minutes=2))
reminded = e.MerchantReminded(**whose(after(minutes=2)), answer_by=after(minutes=5))
accepted = e.OrderAccepted(**whose(after(minutes=1)), ready_at=after(minutes=15), late_at=after(minutes=25))
shared = e.DeliveryContactShared(**whose(after(minutes=1)), recipient=RECIPIENT, pickup=PICKUP)
moved = e.OrderAddressChanged(
    **whose(after(minutes=5)),
    recipient=replace(RECIPIENT, address="7 Heron Street", place=Place(30.29, 120.17)),
    dropoff_cell="8930a1d1a2fffff",
    totals=replace(TOTALS, delivery_fee_cents=500),
    difference_cents=200,
    promised_at=after(minutes=44),
    rider_id=None,
    change=1,
)
reordered = e.OrderItemsChanged(
    **whose(after(seconds=30)),
    lines=(Line(sku="tea", name="Tea", quantity=1, unit_cents=500),),
    totals=replace(TOTALS, goods_cents=500),
    difference_cents=-5100,
    required_skills=(),
    weight_g=0,
    volume_ml=0,
    promised_at=after(minutes=40),
    change=1,
)
rejected = e.OrderRejected(**whose(after(minutes=1)), reason="sold_out")
cooking = e.PreparationStarted(**whose(after(minutes=3)))
extended = e.PreparationExtended(
    **whose(after(minutes=4)), ready_at=after(minutes=20), late_at=after(minutes=30), reason="busy"
)
late = e.PreparationLate(**whose(after(minutes=25)), ready_at=after(minutes=15))
ready = e.OrderReady(**whose(after(minutes=14)))
assigned = e.OrderRiderAssigned(**whose(after(minutes=6)), rider_id=RIDER)
unassigned = e.OrderRiderUnassigned(**whose(after(minutes=7)), rider_id=RIDER, reason="silent")
at_pickup = e.OrderRiderAtPickup(**whose(after(minutes=12)), rider_id=RIDER)
stop_collected = e.OrderStopCollected(**whose(after(minutes=13)), rider_id=RIDER, stop=1, empty_handed=False)
settled = e.ErrandSettled(**whose(after(minutes=16)), receipt_cents=4200, waited_minutes=0, totals=TOTALS)
picked_up = e.OrderOutForDelivery(**whose(after(minutes=16)), rider_id=RIDER)
delivered = e.OrderDelivered(
    **whose(after(minutes=30)), rider_id=RIDER, promised_at=after(minutes=40), confirm_by=after(minutes=150)
)
failed = e.OrderDeliveryFailed(
    **whose(after(minutes=30)), rider_id=RIDER, reason="customer_unreachable", goods=Goods.WITH_RIDER
)
failed_at_counter = e.OrderDeliveryFailed(
    **whose(after(minutes=10)), rider_id=RIDER, reason="merchant_closed", goods=Goods.NOT_COLLECTED
)
undeliverable = e.OrderUndeliverable(**whose(after(minutes=21)))
redispatched = e.OrderRedispatched(**whose(after(minutes=31)), back_to=OrderState.READY, reason="again", by="agt_1")
undelivered = e.OrderReinstated(
    **whose(after(minutes=50)),
    by=By.SUPPORT,
    reason="customer_did_not_receive",
    was=OrderState.DELIVERED,
    back_to=OrderState.DELIVERY_EXCEPTION,
    rider_id=RIDER,
    goods=Goods.LEFT,
)
returning = e.ReturnStarted(**whose(after(minutes=31)), rider_id=RIDER)
brought_back = e.GoodsBroughtBack(**whose(after(minutes=40)), rider_id=RIDER)
stalled = e.OrderStalled(
    **whose(after(minutes=90)),
    state=OrderState.DELIVERING,
    owner="dispatch",
    rider_id=RIDER,
    times=1,
    again_at=after(minutes=270),
)
returned = e.OrderReturned(**whose(after(minutes=40)))
taken = e.GoodsTakenAfterCancellation(**whose(after(minutes=16)), rider_id=RIDER)
delivered_anyway = e.DeliveredAfterCancellation(**whose(after(minutes=30)), rider_id=RIDER)
withdrawing = e.WithdrawalRequested(
    **whose(after(minutes=8)), by=By.CUSTOMER, reason="changed_mind", answer_by=after(minutes=10), asks=1
)
withdrawing_for_the_last_time = replace(withdrawing, asks=30)
withdrawal_refused = e.CancellationRefused(**whose(after(minutes=9)), back_to=OrderState.ACCEPTED, reason="picked_up")
unanswered = e.WithdrawalUnanswered(**whose(after(minutes=70)), back_to=OrderState.ACCEPTED)
cancelled = e.OrderCancelled(**whose(after(minutes=9)), by=By.CUSTOMER, reason="changed_mind", fee_cents=0)
contact_withdrawn = e.DeliveryContactWithdrawn(**whose(after(minutes=9)))
confirmation_reminded = e.ConfirmationReminded(**whose(after(minutes=120)), confirm_by=after(minutes=150))
confirmed = e.OrderConfirmed(**whose(after(minutes=32)), by=By.CUSTOMER)
completed = e.OrderCompleted(
    **whose(after(minutes=32)), review_by=after(minutes=32, days=7), archive_at=after(minutes=32, days=30)
)
reviewed = e.OrderReviewed(
    **whose(after(minutes=33)), merchant_score=5, rider_score=4, platform_score=5, comment="hot!"
)
review_published = e.ReviewPublished(**whose(after(hours=2)), by=By.SUPPORT, reason="fits")
review_hidden = e.ReviewHidden(**whose(after(hours=2)), by=By.OPERATIONS, reason="insult")
review_closed = e.ReviewClosed(**whose(after(days=8)))
refund_granted = e.RefundGranted(**whose(after(days=1)), reason="wrong_item")
archived = e.OrderArchived(**whose(after(days=31)))

errand_placed = replace(
    placed,
    merchant_id=NO_MERCHANT,
    kind=OrderKind.BUY,
    lines=(),
    pickup=Pickup(name="", phone="", place=Place(30.2707, 120.1502), address=""),
    errand=ERRAND,
    terms=ErrandTerms(budget_cents=5600, base_cents=500),
)

PAID = (placed, awaiting)
QUEUEING = (
    replace(
        errand_placed,
        kind=OrderKind.QUEUE,
        terms=ErrandTerms(wait_minutes_max=60, per_minute_cents=60, base_cents=500),
        totals=Totals(goods_cents=0, service_cents=4100, delivery_fee_cents=300, currency="CNY"),
    ),
    *(replace(fact, merchant_id=NO_MERCHANT) for fact in (accepted, replace(shared, errand=ERRAND), ready)),
)
GATHERING = (
    replace(
        errand_placed,
        errand=replace(ERRAND, further_stops=FURTHER_STOPS),
        further_pickups=(Place(30.2741, 120.1519), Place(30.2758, 120.1566)),
        terms=ErrandTerms(budget_cents=5600, base_cents=500, further_stops_cents=600),
        totals=Totals(goods_cents=5600, service_cents=1100, delivery_fee_cents=400, currency="CNY"),
    ),
    *(
        replace(fact, merchant_id=NO_MERCHANT)
        for fact in (accepted, replace(shared, errand=replace(ERRAND, further_stops=FURTHER_STOPS)), ready)
    ),
)
"""An errand to three places, paid for and ready for its rider."""
SCHEDULED = (replace(placed, ask_at=after(hours=2), scheduled_for=after(hours=3)), scheduled)
ERRAND_SCHEDULED = (errand_placed, replace(scheduled, merchant_id=NO_MERCHANT))
ACCEPTED = (*PAID, accepted, shared)
COOKING = (*ACCEPTED, cooking)
READY = (*COOKING, ready)
ASSIGNED = (*ACCEPTED, assigned)
CANCELLING = (*ASSIGNED, withdrawing)
ON_THE_WAY = (*READY, assigned, picked_up)
DELIVERED = (*ON_THE_WAY, delivered)
FAILED = (*ON_THE_WAY, failed)
UNDELIVERABLE = (*READY, undeliverable)
COMPLETED = (*DELIVERED, confirmed, completed, contact_withdrawn)
CANCELLED = (*CANCELLING, cancelled, contact_withdrawn)
REJECTED = (*PAID, rejected)
ARCHIVED = (*COMPLETED, archived)

STORIES: dict[str, tuple[e.OrderEvent, ...]] = {
    "placed": (placed,),
    "paid": PAID,
    "accepted": ACCEPTED,
    "cooking": COOKING,
    "ready": READY,
    "assigned": ASSIGNED,
    "cancelling": CANCELLING,
    "on_the_way": ON_THE_WAY,
    "delivered": DELIVERED,
    "failed": FAILED,
    "returning": (*FAILED, returning),
    "undeliverable": UNDELIVERABLE,
    "completed": COMPLETED,
    "cancelled": CANCELLED,
    "rejected": REJECTED,
    "archived": ARCHIVED,
}
"""One story for every state that an order can be in, and for the two ways into an exception."""

EVERY_EVENT: tuple[e.OrderEvent, ...] = (
    placed,
    scheduled,
    awaiting,
    reminded,
    accepted,
    shared,
    moved,
    reordered,
    rejected,
    cooking,
    extended,
    late,
    ready,
    assigned,
    unassigned,
    at_pickup,
    stop_collected,
    picked_up,
    settled,
    delivered,
    failed,
    undeliverable,
    redispatched,
    undelivered,
    returning,
    brought_back,
    returned,
    taken,
    delivered_anyway,
    stalled,
    withdrawing,
    withdrawal_refused,
    unanswered,
    cancelled,
    contact_withdrawn,
    confirmation_reminded,
    confirmed,
    completed,
    reviewed,
    review_published,
    review_hidden,
    review_closed,
    refund_granted,
    archived,
)

registered = MerchantRegistered(
    merchant_id=MERCHANT_ID,
    name="Lakeside Noodles",
    phone="+8657187654321",
    place=DOOR,
    address="1 Lotus Road",
    service_radius_m=5_000,
    menu=(
        MenuItem(
            sku="noodles",
            name="Beef noodles",
            unit_cents=2800,
            skills=("cold_chain",),
            weight_g=400,
            volume_ml=750,
        ),
        MenuItem(sku="tea", name="Tea", unit_cents=500),
    ),
    preparation_minutes=15,
    open_hours=None,
    at=NOON,
)
MERCHANT = opened(registered)
