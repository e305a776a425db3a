"""Breaks and fatigue: no offers on a break, none after too long a spell, and only a rest begins another."""

from dataclasses import replace

from services.dispatch.domain import errors, reactions
from services.dispatch.domain.delivery import commands as dc
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import deadlines as waits
from services.dispatch.domain.rider import events as e
from shared.kernel.deadlines import ClearDeadline, SetDeadline
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch.test_application import Town, assign_to, grab_by, offer_to
from tests.unit.dispatch.test_riders import receive, released, take

TIRED = DispatchPolicy(longest_spell_seconds=3_600, shortest_break_seconds=900)
begin = c.TakeBreak(rider_id=s.RIDER, until=s.at(90), now=s.at(60))
end = c.EndBreak(rider_id=s.RIDER, now=s.at(80))
by_time = c.EndBreak(rider_id=s.RIDER, by_time=True, now=s.at(90))
ON_BREAK = (*s.READY_RIDER, s.on_break)


def test_a_break_begins_on_shift_and_its_end_can_be_moved() -> None:
    s.rider(*s.READY_RIDER).when(begin).then(s.on_break)
    s.rider(*s.READY_RIDER).when_twice(begin).then_nothing()
    longer = replace(begin, until=s.at(100), now=s.at(70))
    s.rider(*ON_BREAK).when(longer).then(replace(s.on_break, until=s.at(100)))
    s.rider(*s.READY_RIDER).when(replace(begin, until=s.at(60))).then_refused(errors.BreakEndsTooSoon)
    s.rider(s.registered).when(begin).then_refused(errors.RiderOffShift)
    s.rider().when(begin).then_refused(errors.RiderNotFound)


def test_a_break_voids_open_offers() -> None:
    left = e.OfferClosed(delivery_id=s.DELIVERY, how="on_break")
    s.rider(*s.READY_RIDER, s.offer_received).when(begin).then(left, s.on_break)
    town = Town()
    town.do(offer_to(1))
    town.do(c.TakeBreak(rider_id="rid_1", until=s.at(30), now=s.NOW))
    assert (town.delivery().offer, town.rider().offers) == (None, ())


def test_nobody_on_a_break_is_asked_claims_or_is_assigned() -> None:
    s.rider(*ON_BREAK).when(replace(receive, now=s.at(61))).then_refused(errors.RiderOnBreak)
    s.rider(*ON_BREAK).when(replace(take, now=s.at(61))).then_refused(errors.RiderOnBreak)
    town = Town()
    town.open_for_grab()
    town.do(c.TakeBreak(rider_id="rid_2", until=s.at(30), now=s.NOW))
    assert town.refusal(grab_by(2)) is errors.RiderOnBreak
    assert town.refusal(assign_to(2)) is errors.RiderOnBreak


def test_a_break_ends_when_asked_or_by_itself() -> None:
    s.rider(*ON_BREAK).when(end).then(e.BreakEnded(ended_at=s.at(80), rested=True))
    s.rider(*ON_BREAK).when_twice(end).then_nothing()
    s.rider(*ON_BREAK).when(by_time).then(s.break_ended)
    s.rider(*ON_BREAK).when(replace(by_time, now=s.at(89))).then_nothing()
    s.rider(*s.READY_RIDER).when(end).then_nothing()
    s.rider(*ON_BREAK, e.ShiftEnded()).when(end).then_nothing()


def test_the_end_of_a_break_is_a_wait_that_breaks_and_shifts_close() -> None:
    assert waits.deadlines(s.on_break) == (SetDeadline(waits.BREAK, s.at(90)),)
    assert ClearDeadline(waits.BREAK) in tuple(waits.deadlines(s.break_ended))
    assert ClearDeadline(waits.BREAK) in tuple(waits.deadlines(e.ShiftEnded()))
    assert reactions.on_deadline(s.RIDER, waits.BREAK, s.at(90)) == by_time
    town = Town()
    town.do(c.TakeBreak(rider_id="rid_1", until=s.at(30), now=s.NOW))
    town.pass_time(30)
    assert (town.rider().break_until, town.rider().free) == (None, True)


def test_after_too_long_a_spell_only_a_rest_makes_offers_possible_again() -> None:
    late = replace(receive, now=s.at(60), answer_by=s.at(61))
    tired = s.rider(*s.READY_RIDER, policy=TIRED)
    tired.when(replace(late, now=s.at(59))).then_types(e.OfferReceived)
    tired.when(late).then_refused(errors.RiderMustRest)
    tired.when(replace(take, now=s.at(60))).then_refused(errors.RiderMustRest)
    rested = s.rider(*ON_BREAK, s.break_ended, policy=TIRED)
    rested.when(replace(late, now=s.at(149))).then_types(e.OfferReceived)
    rested.when(replace(late, now=s.at(150))).then_refused(errors.RiderMustRest)
    new_shift = replace(s.on_shift, started_at=s.at(100))
    again = s.rider(*s.READY_RIDER, e.ShiftEnded(), new_shift, policy=TIRED)
    again.when(replace(late, now=s.at(159))).then_types(e.OfferReceived)


def test_what_was_offered_in_time_may_be_taken_after_it() -> None:
    asked = s.rider(*s.READY_RIDER, s.offer_received, policy=TIRED)
    asked.when(replace(take, now=s.at(61))).then_types(e.OfferClosed, e.DeliveryTaken)


def test_a_break_that_is_too_short_or_with_full_hands_is_no_rest() -> None:
    s.rider(*ON_BREAK).when(replace(end, now=s.at(74))).then(e.BreakEnded(ended_at=s.at(74), rested=False))
    tiring = e.BreakEnded(ended_at=s.at(80), rested=False)
    s.rider(*s.READY_RIDER, s.taken, s.on_break).when(end).then(tiring)
    brought = replace(released, released_at=s.at(70))
    finished = s.rider(*s.READY_RIDER, s.taken, s.on_break, brought)
    finished.when(end).then(tiring)
    finished.when(by_time).then(s.break_ended)
    tired = s.rider(*ON_BREAK, replace(tiring, ended_at=s.at(74)), policy=TIRED)
    tired.when(replace(receive, now=s.at(75))).then_refused(errors.RiderMustRest)


def test_a_shift_stored_before_its_begin_was_recorded_makes_nobody_tired() -> None:
    old = replace(s.on_shift, started_at=None)
    s.rider(s.registered, old, policy=TIRED).when(replace(receive, now=s.at(200))).then_types(e.OfferReceived)


def test_time_at_work_is_the_shift_without_its_breaks() -> None:
    rider = s.rider_after(*ON_BREAK)
    assert (rider.online_seconds(s.at(75)), rider.spell_seconds(s.at(75))) == (3_600, 4_500)
    back = s.rider_after(*ON_BREAK, s.break_ended)
    assert (back.online_seconds(s.at(120)), back.spell_seconds(s.at(120))) == (5_400, 1_800)
    moved = s.rider_after(*ON_BREAK, s.break_ended, replace(s.on_shift, until=s.at(300), started_at=s.at(119)))
    assert moved.online_seconds(s.at(120)) == 5_400
    assert s.rider_after(s.registered).online_seconds(s.NOW) == 0


def test_a_rider_who_finishes_what_he_carries_rests_from_then_on() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(c.TakeBreak(rider_id="rid_1", until=s.at(40), now=s.at(1)), 1)
    town.do(dc.UnassignRider(delivery_id="dlv_1", reason="", now=s.at(20)), 20)
    assert town.rider().idle_since == s.at(20)
    town.pass_time(40)
    assert town.rider().working_since == s.at(40)
