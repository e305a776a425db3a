"""Sparse matching: many new orders against many riders at once, each with the few riders near it."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from services.dispatch.engine.core.arrays import Floats, Ints
from services.dispatch.engine.core.routes import NEVER

_ABOVE_ZERO = 1.0


def match(costs: Floats, riders: Ints, left_over: Floats) -> NDArray[np.int64]:
    """For each order the column of `costs` it is given, or -1: the least total, no rider twice, or left over.

    `riders[o, c]` is the rider of `costs[o, c]`; -1 and NEVER are no candidates. Each order has a dummy of its own.
    """
    orders, width = costs.shape
    names, columns = np.unique(riders, return_inverse=True)
    columns = columns.reshape(riders.shape)
    candidate = (riders >= 0) & (costs < NEVER)
    rows = np.repeat(np.arange(orders), width).reshape(orders, width)[candidate]
    # Weights must be positive; one shift for all leaves the order of full matchings as it was.
    shift = _ABOVE_ZERO - min(0.0, float(costs[candidate].min(initial=0.0)), float(left_over.min(initial=0.0)))
    weights = np.concatenate([costs[candidate], left_over]) + shift
    graph = csr_array(
        (
            weights,
            (
                np.concatenate([rows, np.arange(orders)]),
                np.concatenate([columns[candidate], len(names) + np.arange(orders)]),
            ),
        ),
        shape=(orders, len(names) + orders),
    )
    _, chosen = min_weight_full_bipartite_matching(graph)
    found = np.full(orders, -1, np.int64)
    given, place = np.nonzero((columns == chosen[:, None]) & candidate)
    found[given] = place
    return found
