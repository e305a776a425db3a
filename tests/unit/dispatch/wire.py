"""The life of an order as dispatch hears it, in messages as they come off the wire."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.contracts import order as o
from shared.contracts.cells import cell_of, centre_of
from shared.contracts.common import FurtherDoor, FurtherPickup, GeoPoint, Line, OrderKind
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.kernel.ids import prefix_of
from shared.kernel.place import Place

SHOP, HOME = Place(31.2300, 121.4700), Place(31.2400, 121.4800)


class Wire:
    """Numbers messages as their streams would."""

    def __init__(self) -> None:
        self._versions: Counter[str] = Counter()

    def bodies(self, messages: Sequence[Message], at: datetime) -> list[bytes]:
        return [self._body(message, at) for message in messages]

    def _body(self, message: Message, at: datetime) -> bytes:
        fields = message.model_dump(mode="json")
        subject = fields.get("case_id") or fields["order_id"]
        self._versions[subject] += 1
        version = self._versions[subject]
        return Envelope(
            id=f"evt_{prefix_of(subject)}_{subject}_{version}",
            source=message.source(),
            type=message.type_name(),
            subject=subject,
            time=at,
            dataschema=message.schema_urn(),
            sequence=version,
            partitionkey=fields["order_id"],
            correlationid=f"cor_{subject}",
            actor="service:order",
            recordedat=at,
            data=fields,
        ).to_bytes()


def placed(order_id: str, now: datetime, skills: tuple[str, ...] = ()) -> o.OrderPlaced:
    return o.OrderPlaced(
        order_id=order_id,
        customer_id="cus_1",
        merchant_id="mer_1",
        kind=OrderKind.FOOD,
        items=(Line(sku="a", name="Noodles", quantity=1, unit_cents=1200),),
        total_cents=1500,
        currency="CNY",
        pickup_cell=cell_of(SHOP),
        dropoff_cell=cell_of(HOME),
        pickup=GeoPoint(lat=SHOP.lat, lon=SHOP.lon),
        required_skills=skills,
        promised_at=now + timedelta(minutes=40),
    )


def accepted(order_id: str, now: datetime) -> o.OrderAccepted:
    ready_at = now + timedelta(minutes=10)
    return o.OrderAccepted(order_id=order_id, customer_id="cus_1", merchant_id="mer_1", ready_at=ready_at)


def contact_shared(order_id: str) -> o.DeliveryContactShared:
    return o.DeliveryContactShared(
        order_id=order_id,
        customer_id="cus_1",
        customer=o.ContactPerson(name="Wang Fang", phone="+8613812345678"),
        address="18 Willow Lane, room 502",
        dropoff=GeoPoint(lat=HOME.lat, lon=HOME.lon),
        merchant_id="mer_1",
        merchant_name="Noodle House",
        pickup_address="1 Lotus Road",
    )


def ready(order_id: str) -> o.OrderReady:
    return o.OrderReady(order_id=order_id, customer_id="cus_1", merchant_id="mer_1")


def cancelled(order_id: str) -> o.OrderCancelled:
    return o.OrderCancelled(
        order_id=order_id, customer_id="cus_1", merchant_id="mer_1", by="customer", reason="changed_mind"
    )


FURTHER = (Place(31.2330, 121.4720), Place(31.2360, 121.4760))


def errand_placed(order_id: str, now: datetime) -> o.OrderPlaced:
    """An errand that buys at three places: a shop, and two more."""
    middles = [(cell, centre_of(cell)) for cell in map(cell_of, FURTHER)]
    return placed(order_id, now).model_copy(
        update={
            "merchant_id": "",
            "kind": OrderKind.BUY,
            "items": (),
            "further_pickups": tuple(
                FurtherPickup(cell=cell, middle=GeoPoint(lat=middle.lat, lon=middle.lon)) for cell, middle in middles
            ),
        }
    )


def errand_contact_shared(order_id: str) -> o.DeliveryContactShared:
    doors = (
        FurtherDoor(place=_point(FURTHER[0]), address="3 Heron Street", task="White lilies"),
        FurtherDoor(
            place=_point(FURTHER[1]),
            address="21 Bamboo Court",
            contact_name="Zhao Min",
            contact_phone="+8613712345678",
        ),
    )
    first = {"merchant_name": "", "pickup": _point(SHOP), "task": "Aspirin and flowers", "further_pickups": doors}
    return contact_shared(order_id).model_copy(update=first)


def _point(place: Place) -> GeoPoint:
    return GeoPoint(lat=place.lat, lon=place.lon)
