"""A small domain to try stores with: a tab that is opened for somebody, grows, and is closed in time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType, Personal
from shared.eventstore.model import ClearDeadline, Context, DeadlineChange, SetDeadline
from shared.eventstore.snapshot import Snapshots
from shared.kernel.errors import DomainError
from shared.kernel.ids import new_id

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MASTER_KEY = bytes(range(32))
CLOSE_AFTER = timedelta(hours=1)
REMIND_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class TabOpened:
    owner_id: str
    phone: str | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class DrinkAdded:
    name: str
    cents: int


@dataclass(frozen=True, slots=True)
class TabClosed:
    reason: str


TabEvent = TabOpened | DrinkAdded | TabClosed


class TabIsClosed(DomainError):
    code = "tab.closed"


@dataclass(frozen=True, slots=True)
class Tab:
    owner_id: str | None = None
    phone: str | None = None
    cents: int = 0
    closed: str | None = None


def evolve(tab: Tab, event: TabEvent) -> Tab:
    match event:
        case TabOpened():
            return replace(tab, owner_id=event.owner_id, phone=event.phone)
        case DrinkAdded():
            return replace(tab, cents=tab.cents + event.cents)
        case TabClosed():
            return replace(tab, closed=event.reason)


def waits(event: TabEvent) -> Iterable[DeadlineChange]:
    match event:
        case TabOpened():
            return (
                SetDeadline("close", event.opened_at + CLOSE_AFTER),
                SetDeadline("remind", event.opened_at + REMIND_AFTER),
            )
        case DrinkAdded():
            return ()
        case TabClosed():
            return (ClearDeadline("close"), ClearDeadline("remind"))


CODEC: Codec[TabEvent] = Codec(
    [
        EventType("TabOpened", TabOpened, personal=(Personal("phone", subject="owner_id"),)),
        EventType("DrinkAdded", DrinkAdded),
        EventType("TabClosed", TabClosed),
    ]
)
TABS: Aggregate[Tab, TabEvent] = Aggregate("tab", Tab(), evolve, CODEC, waits)


def long_tabs(fold_version: int = 1, every: int = 5, told: list[TabEvent] | None = None) -> Aggregate[Tab, TabEvent]:
    """Tabs with snapshots; `told` hears of every event that is folded."""

    def fold(tab: Tab, event: TabEvent) -> Tab:
        if told is not None:
            told.append(event)
        return evolve(tab, event)

    snapshots = Snapshots(Tab, fold_version, (Personal("phone", subject="owner_id"),), every)
    return replace(TABS, evolve=fold, snapshots=snapshots)


def context(now: datetime = NOON, **fields: Any) -> Context:
    given: dict[str, Any] = {
        "actor": "waiter:emp_1",
        "now": now,
        "occurred_at": now - timedelta(seconds=3),
        "correlation_id": "cor_1",
        **fields,
    }
    return Context(**given)


def tab_id() -> str:
    return new_id("tab")


def opened(owner_id: str = "cus_1", phone: str | None = "+86 138 0000 0000", at: datetime = NOON) -> TabOpened:
    return TabOpened(owner_id, phone, at)


def tea(cents: int = 300) -> DrinkAdded:
    return DrinkAdded("绿茶 \u0000\"'", cents)
