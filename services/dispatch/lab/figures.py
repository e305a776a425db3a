"""The figures that a day is played under: a policy document above the day's settings, or the engine's alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.domain.policies.resolving import PolicyInForce
from services.dispatch.domain.policy import DispatchPolicy, PolicySource, Where
from services.dispatch.domain.values import Priority
from services.dispatch.engine.policy import EnginePolicy, engine_policy
from services.dispatch.engine.world import Spot
from services.dispatch.lab.day import Day

SpotToWhere = Callable[[Spot], Where | None]


class Figures(Protocol):
    """What the lab asks of a policy: the engine's figures at a moment, and the service's at a place."""

    def engine(self, moment: datetime) -> EnginePolicy: ...

    def service(self, moment: datetime, spot: Spot | None = None) -> DispatchPolicy: ...


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """A policy as operators set it. The engine takes one set of figures for a whole decision: those for the whole
    service at that time; waits and the weights of priority are those of each pick-up's place."""

    policy: PolicySource
    offers: bool
    where: SpotToWhere

    def engine(self, moment: datetime) -> EnginePolicy:
        return _engine(self.policy.at(None, moment), self.offers)

    def service(self, moment: datetime, spot: Spot | None = None) -> DispatchPolicy:
        return self.policy.at(None if spot is None else self.where(spot), moment)


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """The engine's figures as they stand, with waits that never run out: the rules of the public benchmark."""

    policy: EnginePolicy
    waits: DispatchPolicy

    def engine(self, moment: datetime) -> EnginePolicy:  # noqa: ARG002
        return self.policy

    def service(self, moment: datetime, spot: Spot | None = None) -> DispatchPolicy:  # noqa: ARG002
        return self.waits


@lru_cache(maxsize=256)
def _engine(policy: DispatchPolicy, offers: bool) -> EnginePolicy:
    """Where nobody is asked, nobody need be asked ahead."""
    figures = engine_policy(policy)
    return figures if offers else replace(figures, lead=0.0, offer_ahead=0.0)


def figures_of(day: Day, document: PolicyDocument, label: str, where: SpotToWhere) -> PolicyFigures:
    """A document above the day's own settings."""
    return PolicyFigures(PolicyInForce(day.base, document, label), day.behaviour.offers, where)


def weight_of(priority: Priority, policy: DispatchPolicy) -> float:
    """How much an order of this priority weighs beside a normal one."""
    match priority:
        case Priority.MEDICAL:
            return policy.medical_weight
        case Priority.URGENT:
            return policy.urgent_weight
        case _:
            return 1.0
