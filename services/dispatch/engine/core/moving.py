"""Where idle riders had better wait: near the shops where imagined orders miss a rider most."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Fleet, Floats, Ground, Ints, Outlook, Rules, Scenarios, travel
from services.dispatch.engine.core.future import Futures, Stage, foresee, new_stage
from services.dispatch.engine.core.replay import replay


@njit(cache=True)
def spread_pain(pain: Floats, near: float, most: int, ground: Ground) -> Ints:
    """The shops where a rider is missed most, counting what is missed within `near` seconds of each."""
    shops = pain.shape[0]
    hurt = np.flatnonzero(pain > 0)
    score = np.zeros(shops)
    for i in hurt:
        for j in hurt:
            apart = travel(ground, i, j)
            if apart < near:
                score[i] += pain[j] * (1.0 - apart / near)
    count = min(most, hurt.shape[0])
    return np.argsort(-score)[:count]


@njit(cache=True)
def pain_by_shop(shops: int, futures: Futures, to_come: Scenarios) -> Floats:
    """What the imagined orders of each shop cost, over all scenarios."""
    pain = np.zeros(shops)
    for f in range(to_come.pick.shape[0]):
        pain[to_come.pick[f]] += futures.cost[f]
    return pain


@njit(cache=True)
def gain_of(
    k: int,
    shop: int,
    least: float,
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
    enough = -price * ride - least
    more = replay(changed, node, time, False, enough, stage, futures, ground, fleet, rules, to_come, outlook)
    node[k], time[k] = stays, free
    return -more - price * ride


@njit(cache=True)
def best_moves(
    idle: Ints,
    node: Ints,
    time: Floats,
    shops: int,
    near: float,
    most: int,
    least: float,
    latest: float,
    price: float,
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
    futures = foresee(node, time, ground, fleet, rules, to_come, outlook)
    goals = spread_pain(pain_by_shop(shops, futures, to_come), near, most, ground)
    gains = np.zeros((idle.shape[0], goals.shape[0]))
    for i in range(idle.shape[0]):
        for j in range(goals.shape[0]):
            gains[i, j] = gain_of(
                idle[i],
                goals[j],
                least,
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
        best = np.argmax(gains)
        i, j = best // goals.shape[0], best % goals.shape[0]
        if gains[i, j] < least:
            break
        k, shop = idle[i], goals[j]
        if not fresh[i, j]:
            gains[i, j] = gain_of(
                k, shop, least, latest, price, node, time, stage, futures, ground, fleet, rules, to_come, outlook
            )
            fresh[i, j] = True
            continue
        time[k] += travel(ground, node[k], shop) * fleet.pace[k]
        node[k] = shop
        replay(np.full(1, k), node, time, True, 0.0, stage, futures, ground, fleet, rules, to_come, outlook)
        gains[i, :] = 0.0
        fresh[:] = False
        made[count, 0], made[count, 1] = k, shop
        count += 1
    return made[:count]
