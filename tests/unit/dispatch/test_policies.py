"""Versions of a policy: drafted, activated at once or in time, rolled back, resolved by place and time."""

from datetime import timedelta

import pytest

from services.dispatch.domain import errors
from services.dispatch.domain.policies import commands as c
from services.dispatch.domain.policies import events as e
from services.dispatch.domain.policies.decisions import decide
from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.domain.policies.resolving import PolicyInForce
from services.dispatch.domain.policies.state import UNWRITTEN, Policy, evolve, label_of
from shared.kernel.errors import InvalidInput
from shared.kernel.place import Place
from tests.support.deciding import Given, Stream
from tests.unit.dispatch import policies as p
from tests.unit.dispatch import scenes as s

policy: Stream[Policy, e.PolicyEvent] = Stream(UNWRITTEN, evolve)
WHY = "tried in the lab"
OTHER = p.read({"defaults": {"offer_seconds": 40}})
first = e.PolicyDrafted(version=1, document=p.DOCUMENT, reason=WHY, drafted_at=s.NOW)
second = e.PolicyDrafted(version=2, document=OTHER, reason=WHY, drafted_at=s.NOW)


def activated(version: int, previous: int) -> e.PolicyActivated:
    return e.PolicyActivated(version=version, previous=previous, reason=WHY, activated_at=s.NOW)


def rolled_back(version: int, previous: int) -> e.PolicyRolledBack:
    return e.PolicyRolledBack(version=version, previous=previous, reason=WHY, activated_at=s.NOW)


scheduled = e.PolicyScheduled(version=2, activate_at=s.at(60), reason=WHY)


def asked(given: Given[Policy, e.PolicyEvent], command: c.PolicyCommand):  # type: ignore[no-untyped-def]
    return given.when(lambda state: decide(command, state))


def activate(version: int, minutes: float | None = None) -> c.ActivatePolicy:
    at = None if minutes is None else s.at(minutes)
    return c.ActivatePolicy(version=version, reason=WHY, at=at, now=s.NOW)


def back(version: int | None = None) -> c.RollBack:
    return c.RollBack(version=version, reason=WHY, now=s.NOW)


def test_versions_count_from_one_and_the_same_again_is_not_kept_twice() -> None:
    draft = c.DraftPolicy(document=p.DOCUMENT, reason=WHY, now=s.NOW)
    asked(policy.given(), draft).then(first).and_again_nothing()
    asked(policy.given(first), c.DraftPolicy(document=OTHER, reason=WHY, now=s.NOW)).then(second)
    again = e.PolicyDrafted(version=3, document=p.DOCUMENT, reason=WHY, drafted_at=s.NOW)
    asked(policy.given(first, second), draft).then(again)


def test_a_version_takes_over_at_once() -> None:
    asked(policy.given(first), activate(1)).then(activated(1, 0)).and_again_nothing()
    asked(policy.given(first), activate(2)).then_refused(errors.PolicyVersionNotFound)


def test_a_version_takes_over_when_its_time_has_come_and_not_before() -> None:
    given = policy.given(first, second, activated(1, 0))
    asked(given, activate(2, 60)).then(scheduled).and_again_nothing()
    waiting = policy.given(first, second, activated(1, 0), scheduled)
    asked(waiting, c.ActivateScheduled(now=s.at(59))).then_nothing()
    due = e.PolicyActivated(version=2, previous=1, reason=WHY, activated_at=s.at(60))
    asked(waiting, c.ActivateScheduled(now=s.at(60))).then(due).and_again_nothing()


def test_a_later_word_replaces_what_was_scheduled() -> None:
    waiting = policy.given(first, second, scheduled)
    later = e.PolicyScheduled(version=2, activate_at=s.at(90), reason=WHY)
    asked(waiting, activate(2, 90)).then(later)
    asked(waiting, c.Unschedule(reason=WHY)).then(e.PolicyUnscheduled(version=2, reason=WHY)).and_again_nothing()
    asked(policy.given(first, second, scheduled, activated(1, 0)), c.ActivateScheduled(now=s.at(60))).then_nothing()
    now_active = policy.given(first, second, activated(2, 0), scheduled)
    asked(now_active, c.ActivateScheduled(now=s.at(60))).then(e.PolicyUnscheduled(version=2, reason=WHY))
    asked(now_active, activate(2)).then(e.PolicyUnscheduled(version=2, reason=WHY))


@pytest.mark.parametrize("minutes", [0, -1, 400 * 24 * 60])
def test_a_time_that_has_passed_or_is_too_far_is_refused(minutes: float) -> None:
    asked(policy.given(first), activate(1, minutes)).then_refused(InvalidInput)


def test_rolling_back_leads_step_by_step_to_what_was_before() -> None:
    history = (first, second, activated(1, 0), activated(2, 1))
    asked(policy.given(*history), back()).then(rolled_back(1, 2))
    asked(policy.given(*history, rolled_back(1, 2)), back()).then(rolled_back(0, 1))
    asked(policy.given(*history, rolled_back(1, 2), rolled_back(0, 1)), back()).then_refused(errors.NothingToRollBack)
    asked(policy.given(*history), back(0)).then(rolled_back(0, 2)).and_again_nothing()


def test_only_what_has_been_active_is_rolled_back_to() -> None:
    asked(policy.given(first, second, activated(1, 0)), back(2)).then_refused(errors.PolicyNeverActive)
    asked(policy.given(first), back(7)).then_refused(errors.PolicyVersionNotFound)
    asked(policy.given(), back()).then_refused(errors.NothingToRollBack)
    undone = (first, second, activated(1, 0), activated(2, 1), rolled_back(1, 2))
    asked(policy.given(*undone), back(2)).then(rolled_back(2, 1))


def test_decisions_record_the_scope_and_the_number_and_base_when_only_the_settings_hold() -> None:
    assert [label_of("dispatch", number) for number in (0, 3)] == ["base", "dispatch-3"]


TOWN = p.in_force(
    {
        "defaults": {"offer_seconds": 25, "deliveries_per_tick": 40},
        "areas": [
            {"name": "old town", "polygon": [{"lat": c.lat, "lon": c.lon} for c in p.CORNERS]},
            {"name": "campus", "cells": [p.CAMPUS_CELL]},
        ],
        "rules": [
            {"name": "night", "starts": "22:00", "ends": "02:00", "rank": 1, "values": {"offer_seconds": 60}},
            {"name": "lunch", "areas": ["old town"], "starts": "11:00", "ends": "13:30",
             "values": {"offer_seconds": 20}},
            {"name": "weekend", "areas": ["campus"], "days": ["sat"], "starts": "20:00", "ends": "03:00", "rank": 2,
             "values": {"offers_before_grab": 1, "offer_seconds": 15}},
        ],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("place", "day", "hour", "minute", "seconds"),
    [
        (p.TOWN, 1, 12, 0, 20),
        (p.TOWN, 1, 13, 29, 20),
        (p.TOWN, 1, 13, 30, 25),
        (p.LAKE, 1, 12, 0, 25),
        (p.LAKE, 1, 23, 0, 60),
        (p.LAKE, 2, 1, 59, 60),
        (p.LAKE, 2, 2, 0, 25),
        (p.CAMPUS, 6, 21, 0, 15),
        (p.CAMPUS, 7, 2, 30, 15),
        (p.CAMPUS, 6, 2, 30, 25),
        (p.TOWN, 6, 23, 0, 60),
    ],
)
def test_a_figure_is_resolved_by_place_day_and_hour(
    place: Place, day: int, hour: int, minute: int, seconds: float
) -> None:
    here = TOWN.at(p.where(place), p.shanghai(day, hour, minute))
    assert (here.offer_seconds, here.version) == (seconds, "dispatch-1")


def test_without_a_place_the_rules_for_everywhere_hold() -> None:
    assert TOWN.at(None, p.shanghai(1, 12)).offer_seconds == 25
    assert TOWN.at(None, p.shanghai(1, 23)).offer_seconds == 60


def test_whole_figures_stay_whole_and_what_is_not_said_stays_as_the_settings_have_it() -> None:
    here = TOWN.at(p.where(p.CAMPUS), p.shanghai(6, 21))
    assert isinstance(here.deliveries_per_tick, int)
    assert (here.deliveries_per_tick, here.offers_before_grab, here.handover_seconds) == (40, 1, 180)


def test_each_figure_says_where_it_comes_from() -> None:
    sources = TOWN.sources_at(p.where(p.TOWN), p.shanghai(1, 12))
    assert sources["offer_seconds"] == "rule lunch"
    assert sources["deliveries_per_tick"] == "defaults"
    assert sources["handover_seconds"] == "base"


def test_a_figure_that_this_release_does_not_know_is_passed_over() -> None:
    odd = PolicyDocument(defaults={"moon_phase": 3.0, "offer_seconds": 25.0})
    assert PolicyInForce(p.BASE, odd, "dispatch-9").at(None, s.NOW).offer_seconds == 25


def test_asking_again_is_answered_from_what_was_made_before() -> None:
    moment = p.shanghai(1, 12)
    assert TOWN.at(p.where(p.TOWN), moment) is TOWN.at(p.where(p.TOWN), moment + timedelta(minutes=5))
