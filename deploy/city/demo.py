"""`make demo`: starts the platform, lets a city use it, shows what happens, and proves that it all held."""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.city import mdrp, synthetic
from deploy.city.audit import Audit
from deploy.city.city import City
from deploy.city.client import Gateways
from deploy.city.report import Outcome, outcome
from deploy.city.world import OrderPlan, Scenario
from deploy.history import History, Verdict, services_of, summarise
from deploy.local.platform import Platform
from shared.contracts.message import SERVICES

TOWN_SPEED = 60.0
SCENARIO_SPEED = 90.0
_PROGRESS_EVERY_S = 2.0
_REST_TIMEOUT_S = 90.0
_PEAK_ORDERS = 120


def run(*, once: bool, orders: int, scenario: str | None, speed: float | None, seed: int, run_dir: Path) -> int:
    """Runs the demo and answers the exit code: 0 only when every order ended and the history is clean."""
    plan = _plan(orders=orders, scenario=scenario, speed=speed, seed=seed)
    with Platform(run_dir, clock_speed=plan.speed, clock_epoch=plan.starts_at, policies=plan.policies) as platform:
        _say_addresses(platform)
        try:
            finished = asyncio.run(play(platform, plan, seed=seed, once=once))
            return _conclude(finished)
        except KeyboardInterrupt:
            print("\nstopping what was started", flush=True)
            return 0


def _plan(*, orders: int, scenario: str | None, speed: float | None, seed: int) -> Scenario:
    if scenario:
        return mdrp.read(Path(scenario), speed=speed or SCENARIO_SPEED)
    return synthetic.town(seed=seed, orders=orders, speed=speed or TOWN_SPEED)


def _say_addresses(platform: Platform) -> None:
    token = platform.token(("operations", "analyst", "dispatcher", "support", "operator"), ())
    print(f"\n  war room   {platform.url('analytics')}/#token={token}\n")
    for service in SERVICES:
        print(f"  {service:<10} {platform.url(service)}/docs")
    print(flush=True)


@dataclass(frozen=True, slots=True)
class Finished:
    """A bounded run, after the platform has come to rest."""

    outcome: Outcome
    verdict: Verdict
    city: City

    @property
    def holds(self) -> bool:
        return self.outcome.holds and self.verdict.clean and not self.city.hall.unexpected


async def play(platform: Platform, plan: Scenario, *, seed: int, once: bool = True) -> Finished:
    """Lets a city use a running platform until all its orders have ended (without `once`: never)."""
    started = time.monotonic()
    audit = Audit(platform.audit_url)
    audit.start()
    gateways = Gateways({service: platform.url(service) for service in SERVICES}, platform.token)
    try:
        city = City(plan, gateways, platform.clock, seed)
        await city.settle()
        city.hall.scenario = plan.starting(platform.clock.now())
        progress = asyncio.create_task(_show_progress(city, gateways, audit))
        peaks = _one_peak(city) if once else _peak_after_peak(city, seed)
        await city.live(peaks)
        progress.cancel()
        verdict = await _at_rest(platform, audit)
        result = await outcome(city, gateways, verdict, time.monotonic() - started)
    finally:
        await gateways.close()
        audit.stop()
    return Finished(result, verdict, city)


async def _one_peak(city: City) -> AsyncIterator[Sequence[OrderPlan]]:
    yield city.hall.scenario.orders


async def _peak_after_peak(city: City, seed: int) -> AsyncIterator[Sequence[OrderPlan]]:
    """A city that does not end: the scenario first, then one peak after another."""
    yield city.hall.scenario.orders
    dice = random.Random(seed + 1)
    while True:
        now = city.hall.clock.now()
        yield synthetic.peak(dice, _PEAK_ORDERS, city.hall.scenario.merchants, now)


async def _show_progress(city: City, gateways: Gateways, audit: Audit) -> None:
    """One line that keeps changing on a terminal, one line now and then elsewhere."""
    live = sys.stdout.isatty()
    while True:
        board = await gateways.get("analytics", "/v1/board", "operations")
        states = " ".join(f"{name} {count}" for name, count in sorted(board["states"].items()) if count)
        line = f"{city.hall.clock.now():%H:%M} ended {city.ended}/{city.planned} | {states}"
        line += f" | {sum(audit.heard.times.values())} messages, {gateways.requests} requests"
        print(f"\r\x1b[K{line}" if live else line, end="" if live else "\n", flush=True)
        await asyncio.sleep(_PROGRESS_EVERY_S if live else 5 * _PROGRESS_EVERY_S)


async def _at_rest(platform: Platform, audit: Audit) -> Verdict:
    """Waits, bounded, until nothing is under way, and answers the last look at the history."""
    history = History(platform.admin_url, services_of(platform.settings))
    until = time.monotonic() + _REST_TIMEOUT_S
    while True:
        verdict = await asyncio.to_thread(history.check, audit.heard, platform.clock.now())
        if verdict.clean or time.monotonic() > until:
            return verdict
        await asyncio.sleep(1)


def _conclude(run: Finished) -> int:
    print()
    if not run.verdict.clean:
        print(summarise(run.verdict))
    if run.city.hall.unexpected:
        print(json.dumps({"unexpected": run.city.hall.unexpected[:20]}, indent=2))
    print(json.dumps(run.outcome.as_json()), flush=True)
    return 0 if run.holds else 1
