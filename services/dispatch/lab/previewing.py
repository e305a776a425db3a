"""Plays the previews that operators have asked for: one at a time, in a process of its own, at low priority.

`python -m services.dispatch.lab.previewing` plays what waits and ends, so that the engine's libraries are in memory
only while there is something to play.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.dispatch import preview_views
from services.dispatch.domain.policies.checking import examine
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.lab.comparing import Comparison, Policy, as_figures, compare, total_speed
from services.dispatch.lab.day import Day
from services.dispatch.lab.sources import from_seeds, from_store, last_days
from services.dispatch.lab.synthetic import TownSize
from services.dispatch.preview_views import Preview
from shared.contracts.cells import outline_of
from shared.eventstore.ports import Store
from shared.eventstore.postgres import PostgresStore
from shared.runtime.logging import get_logger
from shared.runtime.settings import Settings, SettingsError

NICENESS = 10
TELL_EVERY_SECONDS = 1.0
LOOK_BACK_DAYS = 14
DAYS_MAX = 4
DAYS_MIN = 2
ORDERS_MIN = 30
"""Of a recorded day that says anything."""
BEFORE, AFTER = "before", "after"

_log = get_logger(__name__)


class TakenOver(Exception):
    """Somebody else plays this preview by now: this process was not heard of for too long."""


class NotPlayable(ValueError):
    """A preview that cannot be played, in a plain sentence."""


@dataclass(frozen=True, slots=True)
class Material:
    """The days that are played, and what must be said of them."""

    source: str
    days: Sequence[Day]
    remarks: Sequence[str]


@dataclass(slots=True)
class Player:
    """Plays previews above some settings; `made_up` is the town where too little was recorded."""

    store: Store
    base: DispatchPolicy
    made_up: TownSize = field(default_factory=lambda: TownSize(orders=160, riders=18, shops=16))
    seeds: Sequence[int] = (1, 2, 3, 4)
    _told: float = 0.0

    def play_next(self, now: datetime) -> bool:
        """Whether there was one to play; `now` is the platform's time. What fails otherwise ends the process: the
        preview is taken up again, and given up after a few tries."""
        with self.store.transaction() as tx:
            preview = preview_views.take(tx.connection)
        if preview is None:
            return False
        try:
            result = self._result(preview)
        except TakenOver:
            _log.warning("preview_taken_over", preview_id=preview.preview_id)
        except NotPlayable as error:
            self._fail(preview, str(error), now)
        else:
            with self.store.transaction() as tx:
                preview_views.finish(tx.connection, preview, result, now)
        return True

    def _fail(self, preview: Preview, error: str, now: datetime) -> None:
        with self.store.transaction() as tx:
            preview_views.fail(tx.connection, preview, error, now)

    def _result(self, preview: Preview) -> dict[str, Any]:
        if preview.tries > preview_views.TRIES_MAX:
            raise NotPlayable(f"whoever played it was lost {preview_views.TRIES_MAX} times")
        policies = [self._policy(BEFORE, preview.beside), self._policy(AFTER, preview.document)]
        material = self.material()
        comparison = compare(material.days, policies, workers=1, tell=lambda done, of: self._tell(preview, done / of))
        return result_of(comparison, material)

    def _policy(self, label: str, raw: Mapping[str, Any]) -> Policy:
        document, faults = examine(raw, self.base, outline_of)
        if faults:
            told = "; ".join(f"{fault.field}: {fault.sentence}" for fault in faults)
            raise NotPlayable(f"the version could not hold by today's settings: {told}")
        return Policy(label, document)

    def _tell(self, preview: Preview, share: float) -> None:
        if time.monotonic() - self._told < TELL_EVERY_SECONDS:
            return
        self._told = time.monotonic()
        with self.store.transaction() as tx:
            if not preview_views.tell(tx.connection, preview, share):
                raise TakenOver

    def material(self) -> Material:
        """The latest recorded days that say anything; made-up ones where there are too few."""
        bounds = last_days(self.store, LOOK_BACK_DAYS)
        recorded = None if bounds is None else from_store(self.store, *bounds, self.base)
        days = [] if recorded is None else [day for day in recorded.days if len(day.orders) >= ORDERS_MIN]
        if recorded is not None and len(days) >= DAYS_MIN:
            return Material("recorded", days[-DAYS_MAX:], recorded.remarks)
        made_up = from_seeds(self.seeds, TownSize(**_sizes(self.made_up), base=self.base))
        return Material("made_up", made_up, ())


def _sizes(size: TownSize) -> dict[str, Any]:
    return {name: getattr(size, name) for name in TownSize.__dataclass_fields__ if name != "base"}


def result_of(comparison: Comparison, material: Material) -> dict[str, Any]:
    """What the gateway answers."""
    figures = as_figures(comparison)
    differences = {each["kpi"]: each for each in figures["differences"]}
    return {
        "source": material.source,
        "days": list(comparison.days),
        "orders": sum(len(day.orders) for day in material.days),
        "times_real_time": round(total_speed(comparison.results)),
        "remarks": list(material.remarks),
        "effects": [_effect(row, differences.get(row["kpi"])) for row in figures["kpis"]],
    }


def _effect(row: Mapping[str, Any], difference: Mapping[str, Any] | None) -> dict[str, Any]:
    apart = None if difference is None else {name: difference[name] for name in ("mean", "low", "high", "days")}
    return {
        "kpi": row["kpi"],
        "unit": row["unit"],
        "less_is_better": row["less_is_better"],
        "before": row["policies"][BEFORE],
        "after": row["policies"][AFTER],
        "difference": apart,
        "better": None if difference is None else difference["better"],
    }


def main() -> int:
    """Plays until nothing waits; 2 when a setting is missing or wrong."""
    try:
        settings = Settings.from_environment("dispatch")
        base = settings.policy(DispatchPolicy)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    os.nice(NICENESS)
    with closing(PostgresStore(settings.postgres_url, settings.master_key, settings.clock, pool_size=2)) as store:
        player = Player(store, base)
        while player.play_next(settings.clock.now()):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
