"""Where a long stream can be folded from, so that loading it does not cost its whole past."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic

from pydantic import TypeAdapter

from shared.eventstore.codec import Personal, Vault, opened_fields, sealed_fields
from shared.eventstore.model import Json, S


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a stream as of a version, as it is stored: personal fields are sealed."""

    version: int
    state: Json


class Snapshots(Generic[S]):
    """An aggregate's wish for snapshots: how its state is written, under which fold, and how often.

    Raise `fold_version` whenever the fold or the shape of the state changes: snapshots of another fold are not read,
    and the stream is folded whole once. `personal` names the fields of the state that hold what an event would seal;
    they read as None once the subject has been forgotten. `every` is in events.
    """

    def __init__(self, cls: type[S], fold_version: int, personal: Sequence[Personal] = (), every: int = 100) -> None:
        self.fold_version = fold_version
        self.every = every
        self._personal = tuple(personal)
        self._adapter: TypeAdapter[S] = TypeAdapter(cls)

    def encode(self, state: S, vault: Vault) -> dict[str, Any]:
        """A state as JSON, its personal fields sealed."""
        return sealed_fields(self._adapter.dump_python(state, mode="json"), self._personal, vault)

    def decode(self, state: Json, vault: Vault) -> S:
        """A stored state as today's class."""
        return self._adapter.validate_python(opened_fields(dict(state), self._personal, vault))

    def due(self, taken_at: int, version: int) -> bool:
        """Whether a stream at `version`, last kept at version `taken_at`, should be kept again."""
        return version - taken_at >= self.every
