"""What re-planning does to the streams, cause by cause, and exactly who is told of it, and how often."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.dispatch.application import Command, fire_deadlines, perform
from services.dispatch.codec import CODECS, DELIVERY
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery import taking
from services.dispatch.domain.delivery.state import BEFORE_PICKUP, Delivery
from services.dispatch.domain.disruptions.events import RoadDisrupted
from services.dispatch.domain.disruptions.hindrances import Hindrances, Plane, hindrances
from services.dispatch.domain.disruptions.values import Circle, Ground, Kind
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import AssignmentMode, FailureReason, Proof, Stage
from services.dispatch.engine.replanning import TakeOff
from services.dispatch.engine.world import Bar, Order, Rider, Spot, World
from services.dispatch.outbound import messages_for
from services.dispatch.replan_turn import Seen, doing, replan_turn
from services.notify.inbound import tellings_for
from shared.contracts.cells import outline_of
from shared.contracts.envelope import Envelope
from shared.eventstore.memory import MemoryStore
from shared.eventstore.vault import KeyVault, MemoryKeys
from shared.kernel.ids import prefix_of
from shared.kernel.place import Place, distance_m
from tests.unit.dispatch import disruptions as d
from tests.unit.dispatch import scenes as s

POLICY = DispatchPolicy(offers_before_grab=9)
PLANE = Plane(s.SHOP)
METRES_PER_SECOND = 4.0
NORTH_M = 1 / 111_195.0
"""Degrees of latitude of one metre."""


def north(metres: float) -> Place:
    return Place(s.SHOP.lat + metres * NORTH_M, s.SHOP.lon)


@dataclass
class Street:
    """A store, and where its riders stand."""

    places: dict[str, Place]
    store: MemoryStore = field(default_factory=MemoryStore)
    deliveries: list[str] = field(default_factory=list)
    told_before: int = 0

    def __post_init__(self) -> None:
        for rider_id, place in self.places.items():
            self.do(s.register_command(rider_id))
            self.do(s.start_command(rider_id, place))

    def do(self, command: Command, minutes: float = 0) -> None:
        self.store.run(lambda tx: perform(tx, command, s.context(minutes), POLICY))

    def order(self, number: int, rider_id: str | None, **changes: Any) -> str:
        """A delivery that a rider has accepted (None: that waits)."""
        delivery_id = f"dlv_{number}"
        self.deliveries.append(delivery_id)
        self.do(s.announce_command(delivery_id, f"ord_{number}", **changes))
        self.do(c.RequestDelivery(delivery_id=delivery_id, ready_at=s.at(2), now=s.NOW))
        if rider_id is not None:
            self.do(s.offer_command(rider_id, delivery_id))
            self.do(c.AcceptOffer(delivery_id=delivery_id, rider_id=rider_id, now=s.NOW))
        return delivery_id

    def delivery(self, delivery_id: str) -> Delivery:
        return self.store.load(DELIVERY, delivery_id).state

    def versions(self) -> dict[str, int]:
        return {delivery_id: len(self.store.stream(delivery_id)) for delivery_id in self.deliveries}

    def replan(self, minutes: float, hinders: Hindrances | None = None, silent: str = "") -> list[TakeOff]:
        now = s.at(minutes)
        seen = Seen(
            world=self.world(minutes, silent),
            deliveries={delivery_id: self.delivery(delivery_id) for delivery_id in self.deliveries},
            usually_takes=takes,
            hindrances=hinders or Hindrances(PLANE),
        )
        return replan_turn(seen, now, POLICY, doing(self.store, now, POLICY))

    def world(self, minutes: float, silent: str) -> World:
        now = s.at(minutes).timestamp()
        riders = [
            Rider(
                rider_id=rider_id,
                spot=PLANE.spot(place),
                free_at=now,
                here_at=now,
                off_at=now + 9_000,
                unavailable=Bar.SILENT if rider_id == silent else None,
            )
            for rider_id, place in self.places.items()
        ]
        orders = [
            order(delivery_id, each)
            for delivery_id in self.deliveries
            if (each := self.delivery(delivery_id)).stage in BEFORE_PICKUP | {Stage.WAITING}
        ]
        return World(now=now, riders=tuple(riders), orders=tuple(orders))

    def mark(self) -> None:
        """What was told until now is not looked at."""
        self.told_before = len(self.store.records.log)

    def told(self) -> Counter[tuple[str, str, str]]:
        """Who (role, and of riders who) was told what since then, by notify's own table."""
        vault = KeyVault(MemoryKeys({}))
        heard: Counter[tuple[str, str, str]] = Counter()
        for stored in self.store.records.log[self.told_before :]:
            codec = next(each for each in CODECS if each.knows(stored.type))
            event = codec.decode(stored.type, stored.schema_version, stored.data, vault)
            for outgoing in messages_for(stored, event):
                for telling in tellings_for(outgoing.message, envelope(stored, outgoing.message)):
                    who = str(getattr(outgoing.message, "rider_id", "")) if telling.role.value == "rider" else ""
                    heard[(telling.role.value, telling.template, who)] += 1
        return heard


def order(delivery_id: str, delivery: Delivery) -> Order:
    assert delivery.ready_at is not None
    assert delivery.promised_at is not None
    return Order(
        order_id=delivery_id,
        shop_id=delivery.merchant_id,
        pickup=PLANE.spot(delivery.pickup),
        dropoff=PLANE.spot(delivery.dropoff_area),
        placed_at=s.NOW.timestamp(),
        ready_at=delivery.ready_at.timestamp(),
        promised_at=delivery.promised_at.timestamp(),
        bound_to=delivery.rider_id,
        barred=delivery.barred,
    )


def envelope(stored: Any, message: Any) -> Envelope:
    return Envelope(
        id=stored.event_id,
        source=message.source(),
        type=message.type_name(),
        subject=stored.stream_id,
        time=stored.occurred_at,
        dataschema=message.schema_urn(),
        sequence=stored.version,
        partitionkey=stored.stream_id,
        correlationid=stored.correlation_id,
        actor=stored.actor,
        recordedat=stored.recorded_at,
        data=message.model_dump(mode="json"),
    )


def takes(a: Spot, b: Spot) -> float:
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 / METRES_PER_SECOND


def jammed(kind: Kind, place: Place, radius_m: float, factor: float = 1.0) -> Hindrances:
    told = RoadDisrupted(
        kind=kind, ground=Ground(circle=Circle(place, radius_m)), factor=factor, starts_at=s.NOW, until=s.at(90)
    )
    return hindrances({"dis_1": d.after(told)}, s.at(1), PLANE, outline_of)


OFF = ("rider", "rider_unassigned", "rid_1")


def street(**more: Any) -> Street:
    """His rider 3 km from the shop, a free one behind the shop, and a pair that nothing concerns."""
    made = Street({"rid_1": north(3_000), "rid_2": north(-400), "rid_3": north(-600)})
    made.order(1, "rid_1", promised_at=s.at(30), **more)
    made.order(2, "rid_3", promised_at=s.at(30))
    made.mark()
    return made


@pytest.mark.parametrize(
    "hinders",
    [jammed(Kind.JAM, north(1_500), 1_000, 4.0), jammed(Kind.CLOSED, north(1_500), 1_450)],
    ids=["a traffic jam", "a closed road"],
)
def test_a_jam_and_a_closed_road_take_only_what_they_make_late_and_tell_its_rider_once(hinders: Hindrances) -> None:
    town = street()
    before = town.versions()
    assert town.replan(1) == []
    [taken] = town.replan(1, hinders)
    assert (taken.order_id, taken.rider_id, taken.cause.value, taken.better) == (
        "dlv_1",
        "rid_1",
        "disruption",
        "rid_2",
    )
    assert town.told() == {OFF: 1}
    assert town.versions() == {"dlv_1": before["dlv_1"] + 2, "dlv_2": before["dlv_2"]}
    delivery = town.delivery("dlv_1")
    assert (delivery.stage, delivery.replanned_for, delivery.replanned_at) == (Stage.WAITING, "disruption", s.at(1))
    assert town.replan(1, hinders) == []
    town.do(s.offer_command("rid_2", "dlv_1"), 1)
    town.do(c.AcceptOffer(delivery_id="dlv_1", rider_id="rid_2", now=s.at(1)), 1)
    assert town.told() == {
        OFF: 1,
        ("rider", "delivery_offered", "rid_2"): 1,
        ("rider", "rider_assigned", "rid_2"): 1,
        ("customer", "rider_assigned", ""): 1,
        ("merchant", "rider_assigned", ""): 1,
    }


def test_a_rider_who_went_silent_loses_what_he_has_not_fetched_and_the_customer_hears_once_who_comes() -> None:
    town = street()
    before = town.versions()
    assert [(each.order_id, each.cause.value) for each in town.replan(1, silent="rid_1")] == [
        ("dlv_1", "rider_silent")
    ]
    assert town.told() == {OFF: 1}
    assert town.versions()["dlv_2"] == before["dlv_2"]
    assert town.replan(2, silent="rid_1") == []


def test_an_overdue_report_takes_over_and_the_customer_hears_once_who_comes() -> None:
    town = street()
    report_by = town.delivery("dlv_1").report_by
    assert report_by is not None
    fire_deadlines(town.store, "system:deadline", report_by, POLICY)
    assert town.delivery("dlv_1").stage is Stage.WAITING
    told = {key: count for key, count in town.told().items() if key[2] in ("", "rid_1")}
    assert told == {OFF: 1, ("rider", "report_missing", "rid_1"): 1}


def test_a_rider_who_cannot_go_on_loses_it_at_once_and_each_hears_once() -> None:
    town = street()
    before = town.versions()
    town.do(
        c.ReportFailure(
            delivery_id="dlv_1",
            rider_id="rid_1",
            reason=FailureReason.RIDER_VEHICLE,
            goods=None,
            evidence=(),
            occurred_at=s.at(1),
            now=s.at(1),
        ),
        1,
    )
    assert town.told() == {OFF: 1}
    assert town.delivery("dlv_1").stage is Stage.WAITING
    assert town.versions()["dlv_2"] == before["dlv_2"]


def test_a_changed_address_moves_only_that_delivery_and_only_if_somebody_is_much_better() -> None:
    town = street()
    before = town.versions()
    command = c.MoveDropoff(
        delivery_id="dlv_1", dropoff_area=north(-4_000), dropoff_cell="c9", promised_at=s.at(31), now=s.at(1)
    )
    town.do(command, 1)
    [taken] = town.replan(1)
    assert (taken.order_id, taken.cause.value) == ("dlv_1", "address_changed")
    assert town.versions() == {"dlv_1": before["dlv_1"] + 3, "dlv_2": before["dlv_2"]}
    assert town.told() == {OFF: 1}


def test_a_late_merchant_frees_a_rider_whom_something_else_needs() -> None:
    town = Street({"rid_1": north(0), "rid_2": north(9_000)})
    town.order(1, "rid_1", promised_at=s.at(90))
    town.do(c.MoveReadyTime(delivery_id="dlv_1", ready_at=s.at(60), now=s.at(1)), 1)
    assert town.replan(1) == []
    town.order(2, None, promised_at=s.at(30))
    before = town.versions()
    town.mark()
    [taken] = town.replan(1)
    assert (taken.order_id, taken.cause.value) == ("dlv_1", "merchant_late")
    assert town.told() == {OFF: 1}
    assert town.versions() == {"dlv_1": before["dlv_1"] + 2, "dlv_2": before["dlv_2"]}


def test_many_more_orders_take_nothing_off_anybody() -> None:
    town = street()
    for number in range(3, 30):
        town.order(number, None, promised_at=s.at(30))
    before = town.versions()
    town.mark()
    assert town.replan(1) == []
    assert (town.versions(), town.told()) == (before, {})


HINDERS = jammed(Kind.JAM, north(1_500), 1_000, 4.0)


def test_what_a_person_decided_stays_with_its_rider() -> None:
    town = Street({"rid_1": north(3_000), "rid_2": north(-400)})
    town.order(1, None, promised_at=s.at(30))
    town.do(c.AssignRider(delivery_id="dlv_1", rider_id="rid_1", distance_m=None, reason="", now=s.NOW))
    assert town.replan(1, HINDERS) == []
    assert town.delivery("dlv_1").mode is AssignmentMode.MANUAL
    asked = taking.TakeOff(delivery_id="dlv_1", rider_id="rid_1", cause="disruption", down=False, now=s.at(1))
    town.do(asked, 1)
    assert town.delivery("dlv_1").stage is Stage.ASSIGNED


def test_what_was_picked_up_while_the_turn_was_thinking_stays_with_its_rider() -> None:
    town = street()
    world, deliveries = town.world(1, ""), {each: town.delivery(each) for each in town.deliveries}
    picked_up = c.ReportPickUp(delivery_id="dlv_1", rider_id="rid_1", proof=Proof(), occurred_at=s.at(1), now=s.at(1))
    town.do(picked_up, 1)
    seen = Seen(world=world, deliveries=deliveries, usually_takes=takes, hindrances=HINDERS)
    assert replan_turn(seen, s.at(1), POLICY, doing(town.store, s.at(1), POLICY)) == []
    assert town.delivery("dlv_1").stage is Stage.PICKED_UP


def take_off(minutes: float, **changes: Any) -> taking.TakeOff:
    fields: dict[str, Any] = {"delivery_id": s.DELIVERY, "rider_id": s.RIDER, "cause": "disruption", "down": False}
    return taking.TakeOff(**(fields | changes), now=s.at(minutes))


def test_taking_off_twice_changes_nothing_and_not_again_within_the_span() -> None:
    off = e.RiderUnassigned(rider_id=s.RIDER, reason="replanned", cause="disruption", at=s.at(1))
    first = s.delivery(*s.ASSIGNED).when(take_off(1))
    assert first.events[0] == off
    s.delivery(*s.ASSIGNED).when_twice(take_off(1)).then_nothing()
    again = (*s.ASSIGNED, *first.events, s.assigned)
    s.delivery(*again).when(take_off(10)).then_nothing()
    s.delivery(*again).when(take_off(10, down=True)).then_types(e.RiderUnassigned, e.DeliveryRequested)
    s.delivery(*again).when(take_off(16)).then_types(e.RiderUnassigned, e.DeliveryRequested)
    s.delivery(*s.PICKED_UP).when(take_off(16, down=True)).then_nothing()
    s.delivery(*s.ASSIGNED).when(take_off(1, rider_id=s.OTHER)).then_nothing()


def test_places_and_their_plane_agree() -> None:
    assert prefix_of(s.DELIVERY) == "dlv"
    x, y = PLANE.spot(s.HOME)
    assert (x * x + y * y) ** 0.5 == pytest.approx(distance_m(s.SHOP, s.HOME), rel=1e-3)
