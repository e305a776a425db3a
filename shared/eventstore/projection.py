"""Read models that are built from the log and know which version of their code built them."""

from dataclasses import dataclass

from shared.eventstore.follower import Follower, Handle
from shared.eventstore.ports import Store


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model; its place in the log belongs to name and version together.

    Raise the version when `apply` or its tables change: the new version starts at the beginning of the log.
    `apply` writes to the read model through the transaction's connection and has no other effect.
    """

    name: str
    version: int
    apply: Handle

    @property
    def follower(self) -> Follower:
        return Follower(f"{self.name}.v{self.version}", self.apply)

    def run(self, store: Store, limit: int = 200) -> int:
        """Applies the next events; returns how many."""
        return self.follower.run(store, limit)
