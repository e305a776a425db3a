"""Why a delivery was offered to this rider, or to nobody: kept with the decision, for whoever asks months later."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NEXT_BEST = 5
RIDERS_NAMED = 100
"""Reasons are kept rider by rider for so many of them; how many had each reason is kept of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rider who could have had it. `parts` add up to `cost_seconds`: what each of them would have cost with him, in
    seconds of a customer's waiting (times the priority's weight); a part that is not there cost nothing."""

    rider_id: str
    cost_seconds: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`chosen` None: nobody could. `barred` counts the riders who could not have it by reason, `reasons` names them;
    `looked_at` is how many riders were on shift."""

    chosen: Candidate | None
    next_best: tuple[Candidate, ...] = ()
    barred: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    looked_at: int = 0
