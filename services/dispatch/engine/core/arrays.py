"""The arrays that the compiled search works on; every time is in seconds, every place a row of the ground."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Ground(NamedTuple):
    """Where everything is. A matrix, when there is one, replaces the formula for the rows it covers."""

    xy: Floats
    seconds_per_m: float
    whole_seconds: float
    matrix: Floats


class Fleet(NamedTuple):
    """Riders from the moment they are free: `here` is when they came to `node`, `off` the last moment of a pick-up,
    `pace` stretches travel, `room_g` and `room_ml` are what fits in, `burden` is added for each order."""

    node: Ints
    free: Floats
    here: Floats
    off: Floats
    pace: Floats
    room_g: Ints
    room_ml: Ints
    burden: Floats


class Jobs(NamedTuple):
    """Orders nobody carries yet; `near` lists the riders worth a look, nearest first (-1: no more).

    An errand has further pick-ups after the first: `calls` of them, `chain` seconds of riding (at pace 1) from the
    first to the `last`, where the ride to the door begins. Where there are none, `last` is `pick`.
    """

    pick: Ints
    drop: Ints
    ready: Floats
    spread: Floats
    placed: Floats
    weight: Floats
    load_g: Ints
    load_ml: Ints
    calls: Ints
    chain: Floats
    last: Ints
    near: Ints


class Admission(NamedTuple):
    """Who may have what: `admits` by kind of order and kind of rider; riders who are `shut` have nothing new; an
    order may be for one rider (`only`; -1: anybody, -2: nobody) or not for all (`mask`: a row of `masks`, or -1)."""

    demand: Ints
    profile: Ints
    admits: Flags
    shut: Flags
    only: Ints
    mask: Ints
    masks: Flags


class Rules(NamedTuple):
    """What a stop takes (half before the hand-over, half after), and what a bundle and an order left over cost."""

    now: float
    half_pickup: float
    half_dropoff: float
    largest_bundle: int
    left_over: float
    target: float
    overage: float


class Plan(NamedTuple):
    """A sequence of orders for each rider; `opens` says where a new bundle begins."""

    seq: Ints
    opens: Flags
    length: Ints
    cost: Floats
    end_node: Ints
    end_time: Floats


class Outlook(NamedTuple):
    """How the future weighs: beside the plan, an imagined order nobody can serve, a second of approach to one."""

    weight: float
    missed: float
    approach: float


class Scenarios(NamedTuple):
    """Imagined orders to come: scenario `s` holds rows `first[s]` to `first[s + 1]`, in order of placement."""

    first: Ints
    placed: Floats
    pick: Ints
    ready: Floats
    drop: Ints


@njit(cache=True)
def travel(ground: Ground, a: int, b: int) -> float:
    """Seconds from a to b."""
    if a == b:
        return 0.0
    if a < ground.matrix.shape[0] and b < ground.matrix.shape[0]:
        return ground.matrix[a, b]
    dx = ground.xy[a, 0] - ground.xy[b, 0]
    dy = ground.xy[a, 1] - ground.xy[b, 1]
    seconds = np.sqrt(dx * dx + dy * dy) * ground.seconds_per_m
    if ground.whole_seconds > 0:
        return np.ceil(seconds / ground.whole_seconds) * ground.whole_seconds
    return seconds
