"""What forecasts read: journeys to learn from, and open deliveries with what their riders carry and what was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from services.dispatch.codec import DELIVERY_CODEC, ETA_CODEC, RIDER_CODEC
from services.dispatch.domain.delivery.state import CARRIED, Delivery
from services.dispatch.domain.disruptions.state import Disruption, weather_then
from services.dispatch.domain.eta import journeys as j
from services.dispatch.domain.eta.forecasting import AWAITED
from services.dispatch.domain.eta.judging import Came
from services.dispatch.domain.eta.past import Trip
from services.dispatch.domain.eta.state import NOTHING_TOLD, Told, stream_of
from services.dispatch.domain.eta.state import evolve as evolve_told
from services.dispatch.domain.policy import Where
from services.dispatch.domain.positions import Position
from services.dispatch.domain.rider.events import RiderRegistered
from services.dispatch.domain.rider.state import Rider
from services.dispatch.replanning_views import weathers_since
from shared.contracts.cells import cell_of
from shared.eventstore.batched import BatchedRows
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.kernel.ids import sibling_id
from shared.kernel.place import Place

PROJECTION = "dispatch.times"
VERSION = 1

_DELIVERY: TypeAdapter[Delivery] = TypeAdapter(Delivery)
_RIDER: TypeAdapter[Rider] = TypeAdapter(Rider)
_JOURNEY: TypeAdapter[j.Journey] = TypeAdapter(j.Journey)
_TOLD: TypeAdapter[Told] = TypeAdapter(Told)


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """A delivery under way; `version` is its stream's."""

    delivery_id: str
    version: int
    delivery: Delivery
    told: Told


@dataclass(frozen=True, slots=True)
class Carrier:
    """A rider with something in his hands, where he was seen last, and all that he carries."""

    rider: Rider
    position: Position | None
    deliveries: Mapping[str, Delivery]


@dataclass(frozen=True, slots=True)
class OpenPage:
    """Some deliveries under way, and the riders of those that have one."""

    deliveries: Sequence[OpenDelivery]
    carriers: Mapping[str, Carrier]


def project(transaction: Transaction, events: Sequence[StoredEvent]) -> None:
    """Folds events of the log into journeys, vehicles and what was told."""
    connection = transaction.connection
    journeys = BatchedRows(connection, "journeys", "delivery_id", _streams(events, DELIVERY_CODEC))
    told = BatchedRows(
        connection, "etas", "delivery_id", [sibling_id("dlv", each) for each in _streams(events, ETA_CODEC)]
    )
    vehicles = BatchedRows(connection, "vehicles", "rider_id", ())
    for stored in events:
        if DELIVERY_CODEC.knows(stored.type):
            _fold_journey(journeys, stored, _decoded(DELIVERY_CODEC, stored, transaction))
        elif ETA_CODEC.knows(stored.type):
            _fold_told(told, stored, _decoded(ETA_CODEC, stored, transaction))
        elif stored.type == "RiderRegistered":
            event: RiderRegistered = _decoded(RIDER_CODEC, stored, transaction)
            vehicles.put({"rider_id": stored.stream_id, "vehicle": event.vehicle})
    for rows in (journeys, told, vehicles):
        rows.write()


def _streams(events: Sequence[StoredEvent], codec: Any) -> list[str]:
    return [stored.stream_id for stored in events if codec.knows(stored.type)]


def _decoded(codec: Any, stored: StoredEvent, transaction: Transaction) -> Any:
    return codec.decode(stored.type, stored.schema_version, stored.data, transaction.vault)


def _fold_journey(rows: BatchedRows, stored: StoredEvent, event: Any) -> None:
    row = rows.get(stored.stream_id)
    if row is not None and row["version"] >= stored.version:
        return
    before = _JOURNEY.validate_python(row["state"]) if row else j.UNHEARD
    at = stored.recorded_at if getattr(event, "clock_skewed", False) else stored.occurred_at
    journey = j.evolve(before, event, at)
    rows.put(
        {
            "delivery_id": stored.stream_id,
            "version": stored.version,
            "rider_id": journey.rider_id,
            "ended_at": journey.delivered_at,
            "state": _JOURNEY.dump_python(journey, mode="json"),
        }
    )


def _fold_told(rows: BatchedRows, stored: StoredEvent, event: Any) -> None:
    delivery_id = sibling_id("dlv", stored.stream_id)
    row = rows.get(delivery_id)
    if row is not None and row["version"] >= stored.version:
        return
    told = evolve_told(_TOLD.validate_python(row["state"]) if row else NOTHING_TOLD, event)
    state = _TOLD.dump_python(told, mode="json")
    rows.put({"delivery_id": delivery_id, "version": stored.version, "state": state})


def trips_to_learn_from(connection: Any, most: int) -> list[Trip]:
    """The newest journeys that were delivered, as far as they teach anything."""
    found = connection.execute(
        "SELECT j.delivery_id, j.rider_id, j.state, coalesce(v.vehicle, '') AS vehicle FROM journeys j"
        " LEFT JOIN vehicles v USING (rider_id) WHERE j.ended_at IS NOT NULL"
        " ORDER BY j.ended_at DESC, j.delivery_id LIMIT %s",
        (most,),
    )
    trips = [
        Trip(delivery_id=row["delivery_id"], rider_id=row["rider_id"], vehicle=row["vehicle"], whole=learnable)
        for row in found
        if (learnable := j.whole(_JOURNEY.validate_python(row["state"]))) is not None
    ]
    return _in_their_weather(connection, trips)


def came_lately(reading: Transaction, most: int) -> list[Came]:
    """The newest deliveries that came, with all that was told of each. Those that were taken over, moved or corrected
    on the way are left out: no range holds for them."""
    found = reading.connection.execute(
        "SELECT j.delivery_id, j.state, (d.state->>'promised_at')::timestamptz AS promised_at FROM journeys j"
        " JOIN deliveries d USING (delivery_id) WHERE j.ended_at IS NOT NULL"
        " ORDER BY j.ended_at DESC, j.delivery_id LIMIT %s",
        (most,),
    ).fetchall()
    came = []
    for row in found:
        journey = _JOURNEY.validate_python(row["state"])
        if journey.spoiled or journey.delivered_at is None:
            continue
        told = [_decoded(ETA_CODEC, stored, reading) for stored in reading.stream(stream_of(row["delivery_id"]))]
        came.append(
            Came(
                picked_up_at=journey.picked_up_at,
                delivered_at=journey.delivered_at,
                promised_at=row["promised_at"],
                told=told,
            )
        )
    return came


def _in_their_weather(connection: Any, trips: Sequence[Trip]) -> list[Trip]:
    began = min((trip.whole.assigned_at for trip in trips), default=None)
    said = [] if began is None else weathers_since(connection, began)
    return [
        replace(trip, weather=weather) if (weather := _weather_of(trip, said)) is not None else trip for trip in trips
    ]


def _weather_of(trip: Trip, said: Sequence[Disruption]) -> str | None:
    if not said:
        return None
    whole = trip.whole
    return weather_then(said, Where(whole.pickup, cell_of(whole.pickup)), whole.assigned_at)


def open_deliveries(connection: Any, after: str, most: int) -> OpenPage:
    """Deliveries that somebody waits for, by id."""
    found = connection.execute(
        "SELECT d.delivery_id, d.version, d.state, t.state AS told FROM deliveries d"
        " LEFT JOIN etas t USING (delivery_id) WHERE d.stage = ANY(%s) AND d.delivery_id > %s"
        " ORDER BY d.delivery_id LIMIT %s",
        ([stage.value for stage in AWAITED], after, most),
    )
    page = [
        OpenDelivery(
            row["delivery_id"],
            row["version"],
            _DELIVERY.validate_python(row["state"]),
            _TOLD.validate_python(row["told"]) if row["told"] else NOTHING_TOLD,
        )
        for row in found
    ]
    return OpenPage(page, _carriers(connection, page))


def _carriers(connection: Any, page: Sequence[OpenDelivery]) -> dict[str, Carrier]:
    """A rider may carry deliveries of other pages too."""
    in_hand: dict[str, dict[str, Delivery]] = {}
    for each in page:
        if each.delivery.stage in CARRIED and each.delivery.rider_id is not None:
            in_hand.setdefault(each.delivery.rider_id, {})[each.delivery_id] = each.delivery
    if not in_hand:
        return {}
    riders = list(in_hand)
    others = connection.execute(
        "SELECT delivery_id, rider_id, state FROM deliveries WHERE rider_id = ANY(%s) AND stage = ANY(%s)",
        (riders, [stage.value for stage in CARRIED]),
    )
    for row in others:
        if row["delivery_id"] not in in_hand[row["rider_id"]]:
            in_hand[row["rider_id"]][row["delivery_id"]] = _DELIVERY.validate_python(row["state"])
    found = connection.execute(
        "SELECT r.rider_id, r.state, p.lat, p.lon, p.at FROM riders r LEFT JOIN rider_positions p USING (rider_id)"
        " WHERE r.rider_id = ANY(%s)",
        (riders,),
    )
    return {
        row["rider_id"]: Carrier(
            _RIDER.validate_python(row["state"]),
            None if row["at"] is None else Position(Place(row["lat"], row["lon"]), row["at"]),
            in_hand[row["rider_id"]],
        )
        for row in found
    }


def told_of(connection: Any, delivery_ids: Sequence[str]) -> dict[str, Told]:
    """What was last said of deliveries' times; of some perhaps nothing."""
    found = connection.execute(
        "SELECT delivery_id, state FROM etas WHERE delivery_id = ANY(%s)", (list(delivery_ids),)
    )
    return {row["delivery_id"]: _TOLD.validate_python(row["state"]) for row in found}
