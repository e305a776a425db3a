"""When a delivery is expected: forecasts from where it stands, calibrated, and told only when it matters."""

import random
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest

from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.eta import events as te
from services.dispatch.domain.eta import journeys as j
from services.dispatch.domain.eta.calibrating import FEWEST, calibrate, points
from services.dispatch.domain.eta.decisions import TellTimes, tell
from services.dispatch.domain.eta.forecasting import (
    DROPOFF,
    P50,
    P90,
    Calibration,
    Eta,
    Forecast,
    Remaining,
    forecast,
    keys_of,
)
from services.dispatch.domain.eta.judging import Came, Judged, judge
from services.dispatch.domain.eta.past import Trip, past_of, ways_gone
from services.dispatch.domain.eta.remaining import APPROACH_SECONDS, Standing, remaining
from services.dispatch.domain.eta.rounds import Round, legs, standings
from services.dispatch.domain.eta.standing import under_way
from services.dispatch.domain.eta.state import NOTHING_TOLD, Told, evolve
from services.dispatch.domain.positions import Position
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.travel.ways import Way
from services.dispatch.domain.values import Stage
from services.dispatch.outbound import messages_for
from shared.contracts import dispatch as m
from shared.eventstore.model import StoredEvent
from shared.kernel.place import Place, distance_m
from tests.unit.dispatch import scenes as s

MODEL = TravelModel()
WAY: tuple[tuple[de.DeliveryEvent, float], ...] = (
    (s.announced, 0),
    (s.requested, 0),
    (s.offered, 0),
    (s.assigned, 1),
    (s.at_pickup, 6),
    (s.picked_up, 11),
    (s.at_dropoff, 20),
    (s.delivered, 22),
)


def journey(way: Sequence[tuple[de.DeliveryEvent, float]] = WAY) -> j.Journey:
    state = j.UNHEARD
    for event, minutes in way:
        state = j.evolve(state, event, s.at(minutes))
    return state


def far(minutes: float, dropoff_minutes: float, stage: Stage = Stage.ASSIGNED) -> Forecast:
    left = Remaining(stage=stage, pickup_seconds=60 * dropoff_minutes / 2, dropoff_seconds=60 * dropoff_minutes)
    return forecast(left, s.at(minutes), Calibration())


def telling(seen: Forecast, told: Told = NOTHING_TOLD, minutes: float = 0, promised: float = 40) -> list[te.EtaEvent]:
    command = TellTimes(
        delivery_id=s.DELIVERY, forecast=seen, promised_at=s.at(promised), travel_version="prior", now=s.at(minutes)
    )
    return tell(command, told, s.POLICY)


def told_after(events: Sequence[te.EtaEvent], told: Told = NOTHING_TOLD) -> Told:
    for event in events:
        told = evolve(told, event)
    return told


def test_the_first_forecast_is_told_and_the_same_again_is_not() -> None:
    (event,) = telling(far(0, 20))
    assert isinstance(event, te.EtaTold)
    assert (event.dropoff.p50, event.cause, event.policy_version) == (s.at(20), "assigned", "nearest-1")
    assert event.pickup is not None
    assert event.pickup.p50 == s.at(10)
    assert telling(far(0, 20), told_after([event])) == []


def test_times_that_moved_by_no_more_than_the_threshold_are_not_told() -> None:
    told = told_after(telling(far(0, 20)))
    narrow = replace(far(0, 20), dropoff=Eta(s.at(25), told.dropoff.p90 if told.dropoff else s.NOW))
    assert telling(narrow, told) == []
    (event,) = telling(replace(narrow, dropoff=Eta(s.at(25.1), narrow.dropoff.p90)), told)
    assert isinstance(event, te.EtaTold)
    assert event.cause == "moved"


def test_a_new_stage_is_named_as_the_cause_when_it_moved_the_time() -> None:
    told = told_after(telling(far(0, 20)))
    (event,) = telling(far(10, 20, Stage.PICKED_UP), told, 10)
    assert isinstance(event, te.EtaTold)
    assert (event.cause, event.pickup) == ("picked_up", None)


def test_a_delay_is_foreseen_once_and_again_only_for_another_promise() -> None:
    events = telling(far(0, 60), promised=20)
    assert [type(event) for event in events] == [te.EtaTold, te.DelayForeseen]
    told = told_after(events)
    assert telling(far(0, 60), told, promised=20) == []
    assert [type(each) for each in telling(far(0, 60), told, promised=25)] == [te.DelayForeseen]


def test_no_delay_is_foreseen_in_the_last_ten_minutes_or_when_it_may_well_arrive() -> None:
    told = told_after(telling(far(0, 60)))
    assert telling(far(0, 60), told, promised=9.9) == []
    assert telling(far(0, 60), told, promised=55) == []


def test_how_sure_a_delay_is_never_says_more_than_the_quantiles_do() -> None:
    seen = far(0, 20)
    assert seen.late_with(seen.dropoff.p50 - timedelta(seconds=1)) == 0.5
    assert seen.late_with(s.NOW) == 0.95
    assert seen.late_with(s.at(500)) == 0.0


def test_a_delivery_that_waits_at_the_counter_is_ready_when_its_food_is() -> None:
    here = Standing(
        stage=Stage.AT_PICKUP, ready_at=s.at(10), goods_ready=False, approach_seconds=0, carry_seconds=300
    )
    assert remaining(here, s.NOW).pickup_seconds == 600 + 90
    assert remaining(replace(here, goods_ready=True), s.NOW).pickup_seconds == 90
    assert remaining(here, s.NOW).dropoff_seconds == 600 + 90 + 300 + 90
    assert remaining(replace(here, stage=Stage.AT_DROPOFF), s.NOW).dropoff_seconds == 90


def left_at(position: Position | None, minutes: float, *events: de.DeliveryEvent) -> Standing:
    delivery = s.delivery_after(*events)
    stops = stops_of(Rider(rider_id=s.RIDER, carrying=(s.DELIVERY,)), {s.DELIVERY: delivery})
    round_ = under_way(stops, {s.DELIVERY: delivery}, "scooter", position, s.at(minutes))
    return stood(round_, s.at(minutes))[s.DELIVERY]


def stood(round_: Round, now: datetime) -> dict[str, Standing]:
    its = legs(round_, now)
    return standings(round_, its, MODEL.spans([leg.way for leg in its if leg.way is not None]), now)


def test_a_rider_is_taken_to_have_ridden_on_since_he_was_last_seen() -> None:
    away = Position(Place(s.SHOP.lat + 0.02, s.SHOP.lon), s.at(2))
    ridden = left_at(away, 2, *s.ASSIGNED).approach_seconds - left_at(away, 4, *s.ASSIGNED).approach_seconds
    assert ridden == pytest.approx(120, abs=1)
    assert left_at(away, 60, *s.ASSIGNED).approach_seconds == 0
    assert left_at(None, 0, *s.ASSIGNED).approach_seconds == APPROACH_SECONDS


def test_a_position_from_before_the_pick_up_says_nothing_of_the_way_to_the_door() -> None:
    picked = (*s.PICKED_UP[:-1], replace(s.picked_up, picked_up_at=s.at(11)))
    stale = Position(Place(s.SHOP.lat + 0.5, s.SHOP.lon), s.at(3))
    (way,) = MODEL.spans([Way(origin=s.SHOP, destination=s.HOME, vehicle="scooter", departs_at=s.at(12))])
    assert left_at(stale, 12, *picked).carry_seconds == pytest.approx(way.p50_seconds - 60, abs=1)
    fresh = Position(Place(s.SHOP.lat + 0.005, s.SHOP.lon), s.at(12))
    assert left_at(fresh, 12, *picked).carry_seconds < way.p50_seconds


def trip(whole: j.Whole, rider_id: str = s.RIDER, delivery_id: str = s.DELIVERY) -> Trip:
    return Trip(delivery_id=delivery_id, rider_id=rider_id, vehicle="scooter", whole=whole)


def test_a_journey_teaches_its_two_ways() -> None:
    learned = j.whole(journey())
    assert learned is not None
    one = trip(learned)
    approach, carried = ways_gone(one, past_of([one]))
    assert (round(approach.way.straight_m), approach.took) == (400, timedelta(minutes=6))
    assert carried.way.straight_m == pytest.approx(distance_m(s.SHOP, s.HOME))
    assert carried.took == timedelta(minutes=9)
    assert list(dict.fromkeys(here.stage for here, _ in points(one, past_of([one]), MODEL))) == [
        Stage.ASSIGNED,
        Stage.AT_PICKUP,
        Stage.PICKED_UP,
        Stage.AT_DROPOFF,
    ]


def test_a_rider_nobody_asked_teaches_the_way_to_the_door_alone() -> None:
    learned = j.whole(journey([each for each in WAY if each[0] is not s.offered]))
    assert learned is not None
    one = trip(learned)
    assert [gone.took for gone in ways_gone(one, past_of([one]))] == [timedelta(minutes=9)]


@pytest.mark.parametrize("spoiler", [s.unassigned, s.requested, s.failed])
def test_what_no_forecast_can_know_of_teaches_nothing(spoiler: de.DeliveryEvent) -> None:
    assert j.whole(journey([*WAY[:5], (spoiler, 10), *WAY[5:]])) is None
    assert j.whole(journey(WAY[:-1])) is None
    assert j.whole(journey([*WAY[:4], *WAY[5:]])) is None


def trips(count: int, seed: int) -> list[Trip]:
    """Each of a rider of its own."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        ends = [0.0, 0.0, 0.0, dice.uniform(0.5, 3)]
        for part in (4, 8, 10, 2):
            ends.append(ends[-1] + part * dice.lognormvariate(0, 0.4))
        learned = j.whole(journey([(event, at) for (event, _), at in zip(WAY, ends, strict=True)]))
        assert learned is not None
        made.append(trip(learned, f"rid_{number}", f"dlv_{number}"))
    return made


def test_nine_of_ten_journeys_that_were_not_learned_from_end_within_the_p90_at_every_stage() -> None:
    known, others = trips(1_500, 1), trips(1_500, 2)
    calibration, past = calibrate(known, past_of(known), MODEL), past_of(others)
    within: dict[Stage, list[bool]] = {}
    for one in others:
        for here, at in points(one, past, MODEL):
            seen = forecast(remaining(here, at), at, calibration)
            within.setdefault(here.stage, []).append(one.whole.delivered_at <= seen.dropoff.p90)
    assert set(within) == {Stage.ASSIGNED, Stage.AT_PICKUP, Stage.PICKED_UP, Stage.AT_DROPOFF}
    for found in within.values():
        assert sum(found) / len(found) == pytest.approx(0.9, abs=0.025)


def later(one: Trip, hours: int, rider_id: str) -> Trip:
    """The same journey by somebody, some hours later."""
    whole = one.whole
    moved = {
        each.name: getattr(whole, each.name) + timedelta(hours=hours)
        for each in fields(whole)
        if isinstance(getattr(whole, each.name), datetime)
    }
    return replace(one, rider_id=rider_id, whole=replace(whole, **moved))


def test_what_one_rider_does_on_one_day_is_one_draw_so_that_fewer_riders_make_wider_ranges() -> None:
    of_many = [later(each, 1, f"rid_{number}") for number, each in enumerate(trips(200, 1))]
    # Ten journeys each, two hours apart: none of them makes another wait.
    of_few = [later(each, 2 * (number % 10) - 8, f"rid_{number // 10}") for number, each in enumerate(trips(200, 1))]
    many, few = (calibrate(some, past_of(some), MODEL).ratios for some in (of_many, of_few))
    key = keys_of(Stage.AT_DROPOFF, DROPOFF, 0.0)[1]
    assert few[key][P90] > many[key][P90]
    assert few[key][P50] == pytest.approx(many[key][P50], rel=0.1)


def test_a_calibration_needs_enough_journeys_and_does_not_care_for_their_order() -> None:
    some = trips(FEWEST, 1)
    past = past_of(some)
    assert calibrate(some[:2], past, MODEL) == Calibration()
    assert calibrate(reversed(some), past, MODEL) == calibrate(some, past, MODEL)
    assert calibrate(some, past, MODEL).version.startswith("looks-")


def test_what_was_told_is_held_against_what_came() -> None:
    told = replace(s.eta_told, dropoff=Eta(s.at(20), s.at(30)), pickup=Eta(s.at(8), s.at(12)))
    early = Came(picked_up_at=s.at(9), delivered_at=s.at(19), promised_at=s.at(40), told=(told,))
    late = Came(picked_up_at=s.at(13), delivered_at=s.at(41), promised_at=s.at(40), told=(told, s.delay_foreseen))
    wrongly = replace(early, told=(told, told, s.delay_foreseen))
    assert judge([early, late, wrongly]) == Judged(
        deliveries=3,
        told=4,
        within_p50=3,
        within_p90=3,
        pickups_told=4,
        pickups_within_p90=3,
        foreseen=2,
        foreseen_rightly=1,
        late=1,
        late_and_foreseen=1,
    )


def test_both_are_told_to_the_world_under_the_order() -> None:
    def public(event: te.EtaEvent) -> m.DeliveryMessage:
        stored = StoredEvent(
            position=1,
            event_id="evt_1",
            stream_id="eta_1",
            version=1,
            type=type(event).__name__,
            schema_version=1,
            data={},
            occurred_at=s.NOW,
            recorded_at=s.NOW,
            actor="system:eta",
            correlation_id="cor_1",
            causation_id=None,
        )
        (outgoing,) = messages_for(stored, event)
        assert outgoing.partition_key == s.ORDER
        assert isinstance(outgoing.message, m.DeliveryMessage)
        return outgoing.message

    assert public(s.eta_told) == m.EtaChanged(
        delivery_id=s.DELIVERY,
        order_id=s.ORDER,
        p50=s.at(24),
        p90=s.at(35),
        pickup_p50=s.at(12),
        pickup_p90=s.at(18),
        cause="assigned",
    )
    assert public(s.delay_foreseen) == m.DelayPredicted(
        delivery_id=s.DELIVERY, order_id=s.ORDER, promised_at=s.at(40), p50=s.at(47), p90=s.at(58), probability=0.9
    )
