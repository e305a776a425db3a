"""Ground under disruptions: a table of seconds that replaces the formula, by the same rule as for a single way.

The rule is `domain.disruptions.hindrances`; here it is applied to all pairs of spots at once. The size of the table
is bounded.
"""

import numpy as np

from services.dispatch.domain.disruptions.hindrances import Hindrances
from services.dispatch.engine.core.arrays import Floats, Ground
from services.dispatch.engine.core.hindering import worsen

MOST_ROWS = 2_500
"""Spots beyond this many keep the formula: a larger operation is decided in cells."""


def hindered(ground: Ground, hindrances: Hindrances) -> Ground:
    """The ground with a table for its first rows; itself when nothing hinders there."""
    rows = min(MOST_ROWS, len(ground.xy))
    if not hindrances.all or rows < 2:
        return ground
    xy = np.ascontiguousarray(ground.xy[:rows], float)
    extra = extra_m(xy, hindrances)
    if not extra.any():
        return ground
    straight = np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1])
    factors = 1.0 + np.divide(extra, straight, out=extra, where=straight > 0)
    return ground._replace(matrix=_seconds(ground, straight) * factors)


def extra_m(xy: Floats, hindrances: Hindrances) -> Floats:
    """What the hindrances add to the straight way between any two spots, in metres."""
    total = np.zeros((len(xy), len(xy)))
    for group in sorted({each.group for each in hindrances.all}):
        worst = np.zeros_like(total)
        for each in hindrances.all:
            if each.group == group:
                worsen(worst, xy, np.array(each.hull), each.factor, each.closed)
        total += worst
    return total


def _seconds(ground: Ground, straight: Floats) -> Floats:
    """What the ways took before: by the table that is there already, else by the formula."""
    seconds = straight * ground.seconds_per_m
    if ground.whole_seconds > 0:
        seconds = np.ceil(seconds / ground.whole_seconds) * ground.whole_seconds
    both = min(ground.matrix.shape[0], len(straight))
    seconds[:both, :both] = ground.matrix[:both, :both]
    return seconds
