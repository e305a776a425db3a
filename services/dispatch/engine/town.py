"""Turns what the platform knows into the world that the engine decides on."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.dispatch.domain.delivery.places import left_stops, place_of
from services.dispatch.domain.delivery.state import AFTER_PICKUP, BEFORE_PICKUP, Delivery
from services.dispatch.domain.disruptions.hindrances import Plane
from services.dispatch.domain.policies.cells import CellSet
from services.dispatch.domain.policy import DispatchPolicy, PolicySource, Where
from services.dispatch.domain.rider.state import Rider as RiderState
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.values import Priority, Stage, StopKind
from services.dispatch.engine.burdens import burdens, usual_pay_per_hour
from services.dispatch.engine.picture import DeliveryNow, Picture, RiderNow
from services.dispatch.engine.travel import LiveTravel
from services.dispatch.engine.world import Bar, Order, Rider, Shop, Spot, World
from shared.kernel.place import Place

_LOST_A_RIDER = 1.5
"""Whoever waits for another rider than the one he was told of waits in worse mood."""


class Town:
    """What stays as it is from turn to turn: the plane on which places lie, and the shops in the order in which they
    were first seen (the engine's memory counts on their rows)."""

    def __init__(self) -> None:
        self.plane: Plane | None = None
        self._shops: dict[str, Shop] = {}

    @property
    def origin(self) -> Place | None:
        """The middle of the plane; None before anything was seen."""
        return None if self.plane is None else self.plane.origin

    def spot(self, place: Place) -> Spot:
        """Metres east and north of the first place ever seen; good to a thousandth within a hundred kilometres."""
        self.plane = self.plane or Plane(place)
        return self.plane.spot(place)

    def place(self, spot: Spot) -> Place | None:
        """The way back from the plane; None before anything was seen."""
        return None if self.plane is None else self.plane.place(spot)

    def shop_of(self, delivery: Delivery) -> Shop:
        """Where a delivery begins: one counter of a merchant, the block in which an errand begins, or where a rider
        who cannot go on waits with the goods."""
        begins = delivery.pickup
        meeting = f"{delivery.goods_with}@{begins.lat:.4f},{begins.lon:.4f}"
        counter = f"{delivery.merchant_id}@{delivery.pickup_cell}"
        shop_id = counter if delivery.goods_with is None else meeting
        if shop_id not in self._shops:
            self._shops[shop_id] = Shop(shop_id=shop_id, spot=self.spot(delivery.pickup))
        return self._shops[shop_id]

    def world(self, picture: Picture, policies: PolicySource, travel: LiveTravel) -> World:
        """The engine's world of this moment, its times in seconds of the Unix clock."""
        policy = policies.at(None, picture.now)
        deliveries = {each.delivery_id: each.delivery for each in picture.deliveries}
        usual_pay = usual_pay_per_hour((each.rider for each in picture.riders), picture.now)
        riders = [
            self._rider(each, place, deliveries, picture.now, policy, usual_pay, travel)
            for each in picture.riders
            if (place := each.place or each.rider.shift_place) is not None and each.rider.shift_until is not None
        ]
        to_fetch = [
            each
            for each in picture.deliveries
            if each.delivery.stage is Stage.WAITING or each.delivery.stage in BEFORE_PICKUP
        ]
        zones = {zone for rider in riders for zone in rider.zones}
        orders = self.orders(to_fetch, policies, picture.now, zones)
        return World(now=picture.now.timestamp(), riders=tuple(riders), orders=orders, shops=self.shops)

    @property
    def shops(self) -> tuple[Shop, ...]:
        """All that were ever seen, in that order."""
        return tuple(self._shops.values())

    def orders(
        self, deliveries: Iterable[DeliveryNow], policies: PolicySource, now: datetime, zones: Iterable[str] = ()
    ) -> tuple[Order, ...]:
        """Deliveries as the engine knows them; `zones` are those that any rider is bound to."""
        return tuple(self._order(each, policies, now, zones) for each in deliveries)

    def _rider(
        self,
        seen: RiderNow,
        place: Place,
        deliveries: Mapping[str, Delivery],
        now: datetime,
        policy: DispatchPolicy,
        usual_pay: float,
        travel: LiveTravel,
    ) -> Rider:
        rider = seen.rider
        known = {each: deliveries[each] for each in rider.carrying if each in deliveries}
        doors = [stop for stop in stops_of(rider, known) if stop.kind is StopKind.DROPOFF]
        carried = [known[stop.delivery_id] for stop in doors]
        pace = travel.pace_of(rider.vehicle)
        spot, free_at, shop_id = self._after_what_he_carries(place, carried, now, policy, pace, travel)
        return Rider(
            rider_id=seen.rider_id,
            spot=spot,
            free_at=free_at,
            # Whoever has reported that he is at the counter has been served there.
            here_at=free_at - policy.handover_seconds,
            on_at=(rider.shift_started_at or now).timestamp(),
            off_at=(rider.shift_until or now).timestamp(),
            shop_id=shop_id,
            pace=pace,
            capacity_g=rider.capacity_g,
            capacity_ml=rider.capacity_ml,
            skills=frozenset(rider.skills),
            zones=frozenset(rider.zones),
            burdens=burdens(rider, now, policy, usual_pay),
            in_hand=len(rider.carrying) + len(rider.offers),
            unavailable=_unavailable(rider, now, policy),
        )

    def _after_what_he_carries(
        self,
        place: Place,
        carried: Sequence[Delivery],
        now: datetime,
        policy: DispatchPolicy,
        pace: float,
        travel: LiveTravel,
    ) -> tuple[Spot, float, str | None]:
        """Where he will be free, from when, and at which counter: after the doors of what he has in hand, and where
        he waits for what is being handed over."""
        spot, free_at = self.spot(place), now.timestamp()
        for delivery in carried:
            if delivery.stage in AFTER_PICKUP:
                door = self.spot(delivery.dropoff_area)
                on_the_way = delivery.stage is not Stage.AT_DROPOFF
                ride = travel.seconds(spot, door) * pace if on_the_way else 0.0
                spot, free_at = door, free_at + ride + policy.handover_seconds
        at_counter = next((each for each in carried if each.stage is Stage.AT_PICKUP), None)
        if at_counter is None or free_at > now.timestamp():
            return spot, free_at, None
        shop = self.shop_of(at_counter)
        return shop.spot, free_at, shop.shop_id

    def _order(self, seen: DeliveryNow, policies: PolicySource, now: datetime, zones: Iterable[str]) -> Order:
        delivery = seen.delivery
        policy = policies.at(Where(delivery.pickup, delivery.pickup_cell), now)
        shop = self.shop_of(delivery)
        again = policy.offer_seconds + policy.reoffer_after_seconds
        return Order(
            order_id=seen.delivery_id,
            shop_id=shop.shop_id,
            pickup=shop.spot,
            dropoff=self.spot(delivery.dropoff_area),
            placed_at=(delivery.requested_at or now).timestamp(),
            ready_at=(delivery.ready_at or now).timestamp(),
            promised_at=None if delivery.promised_at is None else delivery.promised_at.timestamp(),
            weight=_weight(delivery.priority, policy) * (1.0 if delivery.replanned_at is None else _LOST_A_RIDER),
            load_g=delivery.weight_g,
            load_ml=delivery.volume_ml,
            stops=tuple(self.spot(place_of(delivery, stop)) for stop in left_stops(delivery)),
            skills=frozenset(delivery.skills),
            zones=frozenset(zone for zone in zones if CellSet.of((zone,)).holds(delivery.pickup_cell)),
            bound_to=_bound_to(delivery),
            pinned_to=delivery.pinned_to,
            barred=delivery.barred,
            most_in_hand=policy.deliveries_per_rider,
            tried={rider_id: asked_at.timestamp() + again for rider_id, asked_at in delivery.tried.items()},
        )


def _bound_to(delivery: Delivery) -> str | None:
    """Who has it, or is being asked about it."""
    if delivery.stage in BEFORE_PICKUP:
        return delivery.rider_id
    return None if delivery.offer is None else delivery.offer.rider_id


def _weight(priority: Priority, policy: DispatchPolicy) -> float:
    match priority:
        case Priority.URGENT:
            return policy.urgent_weight
        case Priority.MEDICAL:
            return policy.medical_weight
        case _:
            return 1.0


def _unavailable(rider: RiderState, now: datetime, policy: DispatchPolicy) -> Bar | None:
    """Why he may be asked about nothing now, though he is on shift."""
    if rider.silent:
        return Bar.SILENT
    if rider.break_until is not None:
        return Bar.ON_BREAK
    if rider.spell_seconds(now) >= policy.longest_spell_seconds:
        return Bar.MUST_REST
    return None
