"""Where days come from: dispatch's event store, a file that was exported from it, public instances, and seeds."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from services.dispatch.domain.policies.checking import examine
from services.dispatch.domain.policies.document import TIME_ZONE, PolicyDocument
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.lab.comparing import Policy
from services.dispatch.lab.day import Day
from services.dispatch.lab.mdrp import folders, read_day
from services.dispatch.lab.recorded import LogLine, Recorded, recorded_days
from services.dispatch.lab.synthetic import TownSize, made_up_day
from shared.contracts.cells import outline_of
from shared.eventstore.ports import Store

CHUNK = 2_000
SEEDS_MAX = 1_000
MARGIN = timedelta(days=1)
"""Shifts that a day's riders began, and orders placed ahead, may have been written so long before."""


class NotReadable(ValueError):
    """What was asked for cannot be read; says what is wrong, all at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an exported log."""

    stream_id: str
    type: str
    schema_version: int
    data: Mapping[str, Any]
    occurred_at: datetime


def from_store(store: Store, first: date, last: date, base: DispatchPolicy, zone: str = TIME_ZONE) -> Recorded:
    """The days of dispatch's own log."""
    begins, ends = _bounds(first, last, zone)
    found = recorded_days(_between(store, begins, ends), first, last, base=base, zone=zone)
    if found.days:
        return found
    whole = _bounded_by(store, zone)
    return replace(found, held=whole)


def _bounded_by(store: Store, zone: str) -> tuple[date, date] | None:
    """The first and the last day that the log reaches."""
    ends = [store.log_after(position, 1) for position in (0, max(0, store.log_position() - 1))]
    days = [found[0].occurred_at.astimezone(ZoneInfo(zone)).date() for found in ends if found]
    return (days[0], days[-1]) if days else None


def _bounds(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    clock = ZoneInfo(zone)
    midnight = time(tzinfo=clock)
    return datetime.combine(first, midnight) - MARGIN, datetime.combine(last, midnight) + 2 * MARGIN


def _between(store: Store, begins: datetime, ends: datetime) -> Iterator[LogLine]:
    position = _before(store, begins)
    while chunk := store.log_after(position, CHUNK):
        yield from chunk
        position = chunk[-1].position
        if all(event.occurred_at > ends for event in chunk):
            return


def _before(store: Store, moment: datetime) -> int:
    """The last position before a moment, found by halving: the log is in the order of time but for late reports."""
    low, high = 0, store.log_position()
    while low < high:
        middle = (low + high) // 2
        found = store.log_after(middle, 1)
        if found and found[0].occurred_at < moment:
            low = middle + 1
        else:
            high = middle
    return low


def last_days(store: Store, count: int, zone: str = TIME_ZONE) -> tuple[date, date] | None:
    """The last days that the log reaches, by the clock of `zone`; None when it is empty."""
    found = store.log_after(max(0, store.log_position() - 1), 1)
    if not found:
        return None
    last = found[-1].occurred_at.astimezone(ZoneInfo(zone)).date()
    return last - timedelta(days=count - 1), last


def from_export(path: Path, first: date, last: date, base: DispatchPolicy, zone: str = TIME_ZONE) -> Recorded:
    """The days of a file that `doorstep log export dispatch` wrote as JSON lines; raises NotReadable."""
    if not path.is_file():
        raise NotReadable(f"{path} is no file")
    return recorded_days(_lines(path), first, last, base=base, zone=zone)


def _lines(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            try:
                row = json.loads(text)
                occurred = datetime.fromisoformat(row["metadata"]["occurred_at"])
                yield Line(row["stream_id"], row["type"], row["schema_version"], row["data"], occurred)
            except (KeyError, TypeError, ValueError) as error:
                raise NotReadable(f"{path}, line {number}: not a line of an exported log ({error})") from error


def from_mdrp(roots: Iterable[Path]) -> list[Day]:
    """Every instance in the folders; raises InstanceUnreadable."""
    return [read_day(folder) for root in roots for folder in folders(root)]


def from_seeds(seeds: Iterable[int], size: TownSize) -> list[Day]:
    return [made_up_day(seed, size) for seed in seeds]


def read_seeds(text: str) -> list[int]:
    """`3`, `1-10` or `1,4,7-9`; raises NotReadable."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            begins, ends = int(first), int(last) if dash else int(first)
        except ValueError:
            raise NotReadable(f"--seeds: {part.strip()!r} is neither a number nor a range such as 1-10") from None
        if not 0 <= begins <= ends or ends - begins >= SEEDS_MAX:
            raise NotReadable(f"--seeds: {part.strip()} is no range upwards of at most {SEEDS_MAX}")
        seeds += range(begins, ends + 1)
    return list(dict.fromkeys(seeds))


def read_policy(path: Path, base: DispatchPolicy) -> Policy:
    """A policy document as operators write it (or with its settings left as they are: `{}`).

    Raises NotReadable with every fault and its field.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotReadable(f"{path}: {error}") from error
    if not isinstance(raw, dict):
        raise NotReadable(f"{path}: a policy is an object")
    raw = raw.get("document", raw)
    document, faults = examine(raw, base, outline_of)
    if faults:
        said = "\n".join(f"  {fault.field or 'document'}: {fault.sentence} ({fault.code})" for fault in faults)
        raise NotReadable(f"{path} is no policy that could hold:\n{said}")
    return Policy(path.stem, document)


def unchanged(label: str = "settings") -> Policy:
    """The settings as they are, with nothing above them."""
    return Policy(label, PolicyDocument())
