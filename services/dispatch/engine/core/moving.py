"""Where idle riders had better wait: near the shops where imagined orders miss a rider most."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Fleet, Floats, Ground, Ints, Outlook, Rules, Scenarios, travel
from services.dispatch.engine.core.future import Futures, Stage, new_stage
from services.dispatch.engine.core.replay import KEEP, replay

_NEVER_ENOUGH = 1e15
"""What a move gains lies in few scenarios: all of them are played."""


@njit(cache=True)
def spread(shops: Ints, pain: Floats, near: float, ground: Ground) -> Floats:
    """What is missed within `near` seconds of each of these shops, the nearer the more of it."""
    score = np.zeros(shops.shape[0])
    for i in range(shops.shape[0]):
        for j in range(shops.shape[0]):
            apart = travel(ground, shops[i], shops[j])
            if apart < near:
                score[i] += pain[j] * (1.0 - apart / near)
    return score


@njit(cache=True)
def gain_of(
    k: int,
    shop: int,
    latest: float,
    price: float,
    node: Ints,
    time: Floats,
    stage: Stage,
    futures: Futures,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> float:
    """By how much rider k lowers the future's cost if he goes to the shop (0 when his shift ends too soon)."""
    ride = travel(ground, node[k], shop) * fleet.pace[k]
    if node[k] == shop or time[k] + ride > fleet.off[k] - latest:
        return 0.0
    stays, free = node[k], time[k]
    node[k], time[k] = shop, free + ride
    changed = np.full(1, k)
    more = replay(changed, node, time, _NEVER_ENOUGH, stage, futures, ground, fleet, rules, to_come, outlook)
    node[k], time[k] = stays, free
    return -more - price * ride


@njit(cache=True)
def greatest(gains: Floats) -> tuple[int, int]:
    """Where the first of the greatest gains stands."""
    best, row, column = -1.0, 0, 0
    for i in range(gains.shape[0]):
        for j in range(gains.shape[1]):
            if gains[i, j] > best:
                best, row, column = gains[i, j], i, j
    return row, column


@njit(cache=True)
def best_moves(
    idle: Ints,
    goals: Ints,
    least: float,
    latest: float,
    price: float,
    node: Ints,
    time: Floats,
    futures: Futures,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> Ints:
    """Moves (rider, shop), the best first, each worth at least `least`; `node` and `time` are made what they lead to.

    Gains are reckoned again only when it is their turn: another move seldom makes one greater (lazy greedy).
    """
    stage = new_stage(node.shape[0])
    gains = np.zeros((idle.shape[0], goals.shape[0]))
    for i in range(idle.shape[0]):
        for j in range(goals.shape[0]):
            gains[i, j] = gain_of(
                idle[i],
                goals[j],
                latest,
                price,
                node,
                time,
                stage,
                futures,
                ground,
                fleet,
                rules,
                to_come,
                outlook,
            )
    made = np.empty((idle.shape[0], 2), np.int64)
    count = 0
    fresh = np.ones(gains.shape, np.bool_)
    while gains.size > 0:
        i, j = greatest(gains)
        if gains[i, j] < least:
            break
        k, shop = idle[i], goals[j]
        if not fresh[i, j]:
            gains[i, j] = gain_of(
                k, shop, latest, price, node, time, stage, futures, ground, fleet, rules, to_come, outlook
            )
            fresh[i, j] = True
            continue
        time[k] += travel(ground, node[k], shop) * fleet.pace[k]
        node[k] = shop
        replay(np.full(1, k), node, time, KEEP, stage, futures, ground, fleet, rules, to_come, outlook)
        gains[i, :] = 0.0
        fresh[:] = False
        made[count, 0], made[count, 1] = k, shop
        count += 1
    return made[:count]
