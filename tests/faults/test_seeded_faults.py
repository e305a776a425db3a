"""A short seeded run: every part of the backbone is killed, frozen or cut off under load, and everything holds."""

import json
from pathlib import Path

from deploy.faults.blows import KILLS, plan
from deploy.faults.run import kills_for, run

SEED = 20261122
EVENTS = 2_000


def test_a_short_seeded_run_with_every_kind_of_fault_shows_no_anomaly(session_folder: Path) -> None:
    done = run(session_folder / "seeded", SEED, EVENTS)
    told = json.loads(done.as_json())
    assert done.verdict.count == 0, (told, done.verdict.anomalies)
    assert set(told["killed"]) == set(KILLS)
    assert told["kills"] == kills_for(EVENTS)
    assert told["freezes"] >= 1
    assert told["cuts"] >= 1
    assert told["appended"] >= EVENTS
    assert told["heard_on_wire"] >= told["messages"]
    assert told["ended_by_themselves"] == 0


def test_the_same_seed_plans_the_same_faults_and_another_seed_others() -> None:
    assert plan(1, EVENTS, 6) == plan(1, EVENTS, 6)
    assert plan(1, EVENTS, 6) != plan(2, EVENTS, 6)


def test_a_run_of_a_hundred_thousand_events_plans_more_than_forty_kills() -> None:
    kinds = [blow.kind for blow in plan(1, 100_000, kills_for(100_000))]
    assert sum(kind.startswith("kill") for kind in kinds) >= 40
    assert {f"kill {kind}" for kind in KILLS} <= set(kinds)
