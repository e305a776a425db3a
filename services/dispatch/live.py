"""What riders' devices and dispatchers' screens are told as it happens."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Literal

from services.dispatch import replanning_views, views
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain.contacts import Contact
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.errors import RiderNotFound
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.values import Stage
from services.dispatch.inputs import Point
from services.dispatch.rider_schemas import (
    RiderView,
    Work,
    WorkDelivery,
    WorkOffer,
    WorkReturn,
    WorkStop,
)
from services.dispatch.schemas import DeliveryView, DispatchBoard, SurgeView, WaitingView
from services.dispatch.stop_schemas import FurtherDoorView, FurtherPickupView
from services.dispatch.wiring import DispatchParts
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.gateway.sse import Event

BOARD_POLL_SECONDS = 0.3
BOARD_ROWS = 500


def read_work(parts: DispatchParts, rider_id: str) -> Work:
    """A rider's open offers, what he carries and what he has to bring back, by the streams."""
    with parts.store.reading() as reading:
        wait_at = views.suggested_wait(reading.connection, rider_id)
        rider = reading.load(RIDER, rider_id).state
        if not rider.rider_id:
            raise RiderNotFound("there is no such rider")
        read = {each: _read(reading, each) for each in (*rider.offers, *rider.carrying, *rider.returns)}
    offers = [offer for each in rider.offers for offer in _offers(each, *read[each], rider_id)]
    carried = {each: read[each] for each in rider.carrying if read[each][0].carried_by(rider_id)}
    stops = stops_of(rider, {each: delivery for each, (delivery, _) in carried.items()})
    now = parts.clock.now()
    spell = timedelta(seconds=parts.policy.at(None, now).longest_spell_seconds)
    return Work(
        rider_id=rider_id,
        on_shift=rider.on_shift,
        silent=rider.silent,
        break_until=rider.break_until,
        rest_by=None if rider.working_since is None else rider.working_since + spell,
        earned_cents=rider.earned_cents,
        offers=offers,
        deliveries=[_carried(each, *known) for each, known in carried.items()],
        stops=[WorkStop(delivery_id=stop.delivery_id, kind=stop.kind) for stop in stops],
        returns=[_return(each, *read[each]) for each in rider.returns],
        wait_at=Point.of(wait_at) if wait_at is not None and rider.free else None,
        server_time=now,
    )


def work_events(parts: DispatchParts, rider_id: str) -> Iterator[Event | None]:
    """A rider's work now, and again whenever it changes. Each event is the whole, so that one who comes back after a
    lost connection has missed nothing."""
    watched: set[str] = set()

    def concerns(stored: StoredEvent) -> bool:
        return rider_id in (stored.stream_id, stored.data.get("rider_id")) or stored.stream_id in watched

    with parts.broadcast.subscribe(concerns) as events:
        last = read_work(parts, rider_id)
        watched.update(_watched(last))
        yield Event(events.position, "work", last)
        for _ in events:
            work = read_work(parts, rider_id)
            changed = work != last.model_copy(update={"server_time": work.server_time})
            last = work
            watched.clear()
            watched.update(_watched(work))
            yield Event(events.position, "work", work) if changed else None


def read_board(parts: DispatchParts) -> DispatchBoard:
    """What a dispatcher must see, from the read models at one moment."""
    with parts.store.transaction() as reading:
        reading.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        position = views.position_read(reading.connection)
        waiting = views.wanting_riders(reading.connection, BOARD_ROWS)
        riders = views.riders_on_shift(reading.connection)
        urgent = views.urgent(reading.connection, BOARD_ROWS)
        hindered_by = replanning_views.in_force(reading.connection, parts.clock.now())
        surges = replanning_views.surges(reading.connection)
    return DispatchBoard(
        position=position,
        server_time=parts.clock.now(),
        waiting=[WaitingView.of(row) for row in waiting],
        riders=[RiderView.of_row(row) for row in riders],
        urgent=[DeliveryView.of(row.delivery_id, row.version, row.delivery) for row in urgent],
        disruptions=[row.disruption_id for row in hindered_by],
        surges=[SurgeView.model_validate(asdict(row)) for row in surges],
    )


def board_events(parts: DispatchParts) -> Iterator[Event | None]:
    """The board now, and again when it changed, at most a few times a second."""
    last: DispatchBoard | None = None
    while True:
        board = read_board(parts)
        same = last is not None and _unmoved(board) == _unmoved(last)
        yield None if same else Event(board.position, "board", board)
        last = board if not same else last
        time.sleep(BOARD_POLL_SECONDS)


def _unmoved(board: DispatchBoard) -> DispatchBoard:
    return board.model_copy(update={"position": 0, "server_time": None})


def _read(reading: Transaction, delivery_id: str) -> tuple[Delivery, Contact | None]:
    delivery = reading.load(DELIVERY, delivery_id).state
    return delivery, views.contact_of(reading, delivery.order_id)


def _watched(work: Work) -> set[str]:
    parts: tuple[list[WorkOffer] | list[WorkDelivery] | list[WorkReturn], ...]
    parts = (work.offers, work.deliveries, work.returns)
    return {each.delivery_id for part in parts for each in part}


def _offers(delivery_id: str, delivery: Delivery, contact: Contact | None, rider_id: str) -> list[WorkOffer]:
    if delivery.offer is None or delivery.offer.rider_id != rider_id:
        return []
    return [
        WorkOffer(
            delivery_id=delivery_id,
            order_id=delivery.order_id,
            kind=delivery.kind,
            pickup=Point.of(delivery.pickup),
            # Where an errand begins may be somebody's home: told to whoever takes it, not to all who are asked.
            pickup_address=contact.pickup_address if contact and contact.pickup is None else "",
            further_pickups=FurtherPickupView.all_of(delivery),
            dropoff_cell=delivery.dropoff_cell,
            ready_at=delivery.ready_at,
            scheduled_for=delivery.scheduled_for,
            answer_by=delivery.offer.answer_by,
        )
    ]


def _carried(delivery_id: str, delivery: Delivery, contact: Contact | None) -> WorkDelivery:
    at_shop = delivery.goods_with is None
    return WorkDelivery(
        delivery_id=delivery_id,
        order_id=delivery.order_id,
        stage=delivery.stage,
        kind=delivery.kind,
        pickup=_pickup(delivery, contact),
        pickup_address=contact.pickup_address if contact and at_shop else "",
        pickup_contact_name=contact.merchant_name if contact and at_shop else "",
        pickup_contact_phone=contact.merchant_phone if contact and at_shop else "",
        goods_with=delivery.goods_with,
        task=contact.task if contact else "",
        further_pickups=FurtherDoorView.all_of(delivery, contact),
        dropoff=Point.of(contact.dropoff if contact else delivery.dropoff_area),
        address=contact.address if contact else "",
        contact_name=contact.customer_name if contact else "",
        contact_phone=contact.customer_phone if contact else "",
        ready_at=delivery.ready_at,
        goods_ready=delivery.goods_ready,
        report_by=delivery.report_by,
        via=[Point.of(place) for place in delivery.via],
        suggested_report=_suggested(delivery),
    )


def _suggested(delivery: Delivery) -> Literal["arrived_at_pickup", "arrived_at_dropoff"] | None:
    """An arrival that his positions show and he has not reported."""
    if delivery.stage is Stage.ASSIGNED and delivery.seen_at_pickup is not None:
        return "arrived_at_pickup"
    if delivery.stage is Stage.PICKED_UP and delivery.seen_at_dropoff is not None:
        return "arrived_at_dropoff"
    return None


def _pickup(delivery: Delivery, contact: Contact | None) -> Point:
    """The door itself where it is told, as a merchant's is to everybody; else the middle of its cell."""
    if contact is None or contact.pickup is None or delivery.goods_with is not None:
        return Point.of(delivery.pickup)
    return Point.of(contact.pickup)


def _return(delivery_id: str, delivery: Delivery, contact: Contact | None) -> WorkReturn:
    return WorkReturn(
        delivery_id=delivery_id,
        order_id=delivery.order_id,
        pickup=_pickup(delivery, contact) if delivery.shop is None else Point.of(delivery.shop[0]),
        pickup_address=contact.pickup_address if contact else "",
        return_by=delivery.return_by,
    )
