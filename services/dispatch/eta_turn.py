"""Tells when deliveries will be there: reads, asks for travel times outside any transaction, then writes what moved.

Two processes may take a turn at once: what is told is judged again by the stream, so that it is told once.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from services.dispatch import time_views
from services.dispatch.codec import ETA
from services.dispatch.domain.eta.calibrating import calibrate
from services.dispatch.domain.eta.decisions import TellTimes, tell
from services.dispatch.domain.eta.events import EtaEvent
from services.dispatch.domain.eta.forecasting import Calibration, forecast
from services.dispatch.domain.eta.past import Trip, past_of, ways_gone
from services.dispatch.domain.eta.remaining import Standing, remaining
from services.dispatch.domain.eta.rounds import Round, legs, standings
from services.dispatch.domain.eta.standing import under_way, wanted
from services.dispatch.domain.eta.state import stream_of
from services.dispatch.domain.policy import DispatchPolicy, PolicySource, Where
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.travel.learning import learn
from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.travel.ways import TravelTimes
from services.dispatch.hindering import Hindering
from services.dispatch.osrm import OsrmTravelTimes
from services.dispatch.time_views import OpenPage
from shared.eventstore import because
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import StaleVersion
from shared.runtime.metrics import counter

PAGE = 100
JOURNEYS_LEARNED_FROM = 1_000
AT_ONCE = 10
"""So many journeys are learned from before others have their turn."""

_told = counter("doorstep_etas_told", "Expected times that were told, and delays that were foreseen", ("what",))


@dataclass(frozen=True, slots=True)
class Learned:
    """What the operation's own journeys taught: travel times from every second one, the calibration from the rest."""

    model: TravelModel = field(default_factory=TravelModel)
    calibration: Calibration = field(default_factory=Calibration)


class Times:
    """Forecasts with what was learned so far; one a process."""

    def __init__(self, store: Store, actor: str, osrm_url: str = "") -> None:
        self._store = store
        self._actor = actor
        self.learned = Learned()
        self._hindering = Hindering(store)
        self._osrm = OsrmTravelTimes(osrm_url, lambda: self.learned.model) if osrm_url else None

    @property
    def travel(self) -> TravelTimes:
        """Streets if there is a server for them, and the built-in model otherwise, with all that hinders by now."""
        return self._hindering.around(self._osrm or self.learned.model)

    def learn(self) -> Learned:
        """Learns anew from the latest journeys; the same journeys teach the same."""
        with self._store.transaction() as reading:
            trips = time_views.trips_to_learn_from(reading.connection, JOURNEYS_LEARNED_FROM)
        self.learned = learned_from(trips)
        return self.learned

    def tell(self, now: datetime, policy: PolicySource) -> int:
        """One look at everything that is under way; returns how many streams were written."""
        self._hindering.look(now)
        after, written = "", 0
        while True:
            with self._store.transaction() as reading:
                page = time_views.open_deliveries(reading.connection, after, PAGE)
            written += self._tell_page(page, now, policy)
            if len(page.deliveries) < PAGE:
                return written
            after = page.deliveries[-1].delivery_id
            time.sleep(0)

    def close(self) -> None:
        if self._osrm is not None:
            self._osrm.close()

    def _tell_page(self, page: OpenPage, now: datetime, policy: PolicySource) -> int:
        stand = self._standings(_rounds(page, now), now)
        written = 0
        for each in page.deliveries:
            command = TellTimes(
                delivery_id=each.delivery_id,
                forecast=forecast(remaining(stand[each.delivery_id], now), now, self.learned.calibration),
                promised_at=each.delivery.promised_at,
                travel_version=self.learned.model.version,
                now=now,
            )
            here = policy.at(Where(each.delivery.pickup, each.delivery.pickup_cell), now)
            if tell(command, each.told, here):
                written += self._write(command, each.version, here)
        return written

    def _standings(self, rounds: Sequence[Round], now: datetime) -> dict[str, Standing]:
        """Asks for all ways of all rounds at once."""
        all_legs = [legs(each, now) for each in rounds]
        spans = iter(self.travel.spans([leg.way for its in all_legs for leg in its if leg.way is not None]))
        found: dict[str, Standing] = {}
        for each, its in zip(rounds, all_legs, strict=True):
            own = list(islice(spans, sum(leg.way is not None for leg in its)))
            found |= standings(each, its, own, now)
        return found

    def _write(self, command: TellTimes, version: int, policy: DispatchPolicy) -> bool:
        def work(transaction: Transaction) -> Sequence[EtaEvent]:
            stream = stream_of(command.delivery_id)
            cause = because.not_told_of(transaction, command.delivery_id, version, stream)
            with because.of_state(transaction, "eta", *cause, self._actor, command.now) as context:
                return transaction.execute(ETA, stream, lambda told: tell(command, told, policy), context).events

        try:
            events = self._store.run(work)
        except StaleVersion:
            # Another process told it at the same moment.
            return False
        for event in events:
            _told.labels(type(event).__name__).inc()
        return bool(events)


def learned_from(trips: Sequence[Trip]) -> Learned:
    """Travel times from every second trip, by the last character of its name, the calibration from the others."""
    past = past_of(trips)
    halves: tuple[list[Trip], list[Trip]] = ([], [])
    for trip in trips:
        halves[ord(trip.delivery_id[-1]) % 2].append(trip)
    model = learn((way for trip in _in_turns(halves[0]) for way in ways_gone(trip, past)), TravelModel())
    return Learned(model, calibrate(_in_turns(halves[1]), past, model))


def _in_turns(trips: Sequence[Trip]) -> Iterator[Trip]:
    """One after the other, letting other greenthreads go between some of them and the next."""
    for number, each in enumerate(trips):
        if number % AT_ONCE == 0:
            time.sleep(0)
        yield each


def _rounds(page: OpenPage, now: datetime) -> list[Round]:
    """One for each rider, and one for each delivery that waits for one."""
    found = [
        under_way(
            stops_of(carrier.rider, carrier.deliveries),
            carrier.deliveries,
            carrier.rider.vehicle,
            carrier.position,
            now,
        )
        for carrier in page.carriers.values()
    ]
    carried = {delivery_id for each in found for delivery_id in each.in_hand}
    return found + [
        wanted(each.delivery_id, each.delivery) for each in page.deliveries if each.delivery_id not in carried
    ]
