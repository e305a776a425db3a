"""Shows what a stream was at any moment of its past, and what changed between two."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import import_module
from typing import Annotated, Any

import typer

from deploy.commands.told import DEFAULT_RUN_DIR, RunDir, fail, known, settings_of
from shared.contracts.message import SERVICES

stream_app = typer.Typer(no_args_is_help=True, help="Single streams of events.")

Moment = int | datetime
Change = dict[str, Any]
AGGREGATE_ROOMS = ("services.{service}.codec", "services.{service}.application", "shared.messaging.operations")


@stream_app.callback()
def stream() -> None:
    """Single streams of events."""


@stream_app.command("show")
def show(
    stream_id: Annotated[str, typer.Argument(help="For example ord_0195…")],
    at: Annotated[str | None, typer.Option(help="A version or a recorded time; the newest when not given.")] = None,
    diff: Annotated[str | None, typer.Option(help="Another version or time: what changed between the two.")] = None,
    service: Annotated[str | None, typer.Option(help="Whose stream it is; all are asked when not given.")] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="Opens personal data; it is left out otherwise.")
    ] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> None:
    """Prints the state of a stream as of a version or a time, and the events that led to it, as JSON."""
    from shared.eventstore.postgres import PostgresStore

    services = [known(service)] if service else list(SERVICES)
    moments = (None if at is None else moment(at), None if diff is None else moment(diff))
    for name in services:
        settings = settings_of(name, run_dir)
        store = PostgresStore(settings.postgres_url, settings.master_key, pool_size=1)
        try:
            told = look(store, name, stream_id, *moments, personal=personal)
        finally:
            store.close()
        if told is not None:
            typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
            return
    fail(f"there is no stream {stream_id} in {', '.join(services)}")


def moment(text: str) -> Moment:
    """Reads a version, or a time by RFC 3339; ends the command when it is neither."""
    if text.isdecimal():
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text} is neither a version nor a time like 2026-03-01T12:00:00+08:00")
    return time if time.tzinfo else fail(f"{text} does not name its offset from UTC")


def look(
    store: Any, service: str, stream_id: str, at: Moment | None, diff: Moment | None, *, personal: bool
) -> dict[str, Any] | None:
    """What the command prints; None when the service has no such stream."""
    with store.reading() as reader:
        row = reader.connection.execute("SELECT category FROM streams WHERE stream_id = %s", (stream_id,)).fetchone()
        if row is None:
            return None
        aggregate = aggregate_of(service, row["category"])
        events = list(reader.stream(stream_id))
        vault = reader.vault if personal else Blind()
        shown = [event for event in events if _is_by(event, at)]
        told = {
            "stream": stream_id,
            "service": service,
            "category": row["category"],
            "last_version": events[-1].version,
            **_as_of(aggregate, shown, vault),
        }
        if diff is None:
            return told | {"events": [_headline(event) for event in shown]}
        other = [event for event in events if _is_by(event, diff)]
        earlier, later = sorted((shown, other), key=len)
        before, after = _as_of(aggregate, earlier, vault), _as_of(aggregate, later, vault)
        changes = changed((before["is"], before["state"]), (after["is"], after["state"]))
        return told | {
            "diff": {
                "from_version": before["version"],
                "to_version": after["version"],
                "changes": changes,
                "events": [_headline(event) for event in later[len(earlier) :]],
            }
        }


class Blind:
    """Opens nothing, so that looking at a state shows nobody's name."""

    def seal(self, subject_id: str, plain: Any) -> str:  # noqa: ARG002
        raise AssertionError("whoever looks seals nothing")

    def open(self, subject_id: str, sealed: str) -> None:  # noqa: ARG002
        return None


def aggregates_of(service: str) -> Iterator[Any]:
    """The aggregates whose streams a service keeps."""
    from shared.eventstore.aggregate import Aggregate

    for room in AGGREGATE_ROOMS:
        for found in vars(import_module(room.format(service=service))).values():
            if isinstance(found, Aggregate):
                yield found


def categories_of(service: str) -> dict[str, str]:
    """Of which category of stream each type of event is."""
    return {entry.name: found.category for found in aggregates_of(service) for entry in found.codec.types}


def aggregate_of(service: str, category: str) -> Any:
    """The service's own aggregate of a category: its codec and its fold."""
    for found in aggregates_of(service):
        if found.category == category:
            return found
    return fail(f"this release of {service} knows no streams of the category {category}")


def _is_by(event: Any, at: Moment | None) -> bool:
    if at is None:
        return True
    return bool(event.version <= at if isinstance(at, int) else event.recorded_at <= at)


def _as_of(aggregate: Any, events: Sequence[Any], vault: Any) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    state = aggregate.initial
    for event in events:
        decoded = aggregate.codec.decode(event.type, event.schema_version, event.data, vault)
        state = aggregate.evolve(state, decoded)
    return {
        "version": events[-1].version if events else 0,
        "recorded_at": events[-1].recorded_at.isoformat() if events else None,
        "is": None if state is None else type(state).__name__,
        "state": to_jsonable_python(state),
    }


def _headline(event: Any) -> dict[str, Any]:
    return {
        "version": event.version,
        "type": event.type,
        "actor": event.actor,
        "occurred_at": event.occurred_at.isoformat(),
        "recorded_at": event.recorded_at.isoformat(),
    }


def changed(before: tuple[str | None, Any], after: tuple[str | None, Any]) -> list[Change]:
    """The fields that differ between two states, by path; first what kind of state it is."""
    kind = [] if before[0] == after[0] else [{"path": "is", "before": before[0], "after": after[0]}]
    return [*kind, *_differences("state", before[1], after[1])]


def _differences(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _differences(f"{path}.{name}", before.get(name), after.get(name))
    else:
        yield {"path": path, "before": before, "after": after}
