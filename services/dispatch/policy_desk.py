"""The version in force as this process knows it: read from the policy's stream, remembered between two looks."""

from services.dispatch.codec import POLICY
from services.dispatch.domain.policies.resolving import PolicyInForce
from services.dispatch.domain.policies.state import NOTHING, SCOPE, Policy, label_of, stream_of
from services.dispatch.domain.policy import DispatchPolicy
from shared.eventstore.ports import Store

LOOK_EVERY_SECONDS = 0.25
"""Every process follows an activation within a second, whichever process took it."""


class PolicyDesk:
    """Hands out the figures without asking anybody; `look` brings them up to date.

    Whoever decides in a loop of its own (a timer, a process of the engine) looks once a turn.
    """

    def __init__(self, store: Store, base: DispatchPolicy, scope: str = SCOPE) -> None:
        self.base = base
        self.scope = scope
        self._store = store
        self._version = -1
        self._in_force = PolicyInForce(base, NOTHING, base.version)

    def current(self) -> PolicyInForce:
        """What was in force at the last look; looks first when nobody ever has."""
        if self._version < 0:
            self.look()
        return self._in_force

    def look(self) -> bool:
        """Reads what is new of the stream; whether another version is in force now."""
        loaded = self._store.load(POLICY, stream_of(self.scope))
        before, self._version = self._in_force, loaded.version
        self._in_force = self._read(loaded.state)
        return self._in_force is not before

    def _read(self, policy: Policy) -> PolicyInForce:
        label = label_of(self.scope, policy.active) if policy.active else self.base.version
        return self._in_force if label == self._in_force.label else self.above(policy.active, policy)

    def above(self, number: int, policy: Policy) -> PolicyInForce:
        """Any version above this process's settings, for asking what it would say."""
        version = policy.version(number)
        document = NOTHING if version is None else version.document
        label = label_of(self.scope, number) if number else self.base.version
        return PolicyInForce(self.base, document, label)
