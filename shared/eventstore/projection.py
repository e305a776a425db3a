"""Read models that are built from the log and know which version of their code built them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.eventstore.follower import BATCH, Follower, Handle
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Store, Transaction

ApplyMany = Callable[[Transaction, Sequence[StoredEvent]], None]


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model; its place in the log belongs to name and version together.

    Raise the version when `apply` or its tables change: the new version starts at the beginning of the log.
    `apply` writes to the read model through the transaction's connection and has no other effect.

    `tables` are those that follow from the log alone, and that a rebuild therefore fills again; each has a primary
    key. `also_writes` are tables that `apply` touches but that others fill too: a rebuild leaves them as they are.
    `types` names the stored types that `apply` acts on (None: all), so that a rebuild need not even read the others.
    `apply_many` has the effect of `apply` on each event in turn, in fewer statements, and is preferred.
    """

    name: str
    version: int
    apply: Handle
    tables: tuple[str, ...] = ()
    also_writes: tuple[str, ...] = ()
    types: frozenset[str] | None = None
    apply_many: ApplyMany | None = None

    @property
    def follower(self) -> Follower:
        return Follower(f"{self.name}.v{self.version}", self.apply)

    def run(self, store: Store, limit: int = BATCH) -> int:
        """Applies the next events; returns how many."""
        if self.apply_many is not None:
            return store.follow_batches(self.follower.name, self.apply_many, limit)
        return self.follower.run(store, limit)
