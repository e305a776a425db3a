"""What goes wrong in a run and when: planned from a seed, dealt as the load reaches each step."""

import random
import signal
import threading
from collections import Counter
from dataclasses import dataclass, field

import psycopg
import structlog

from deploy.faults.synthetic import HEARD, PUBLISHERS
from deploy.faults.world import World, names

KILLS = ("tail", "consumer", "rabbitmq", "tail", "consumer", "postgres")
FREEZE_SECONDS = 9.0
"""Past the heartbeats (twice three seconds) and past the time a session may idle in a transaction."""
CUT_TRIES = 500
CUT_ROUNDS = 5
LEADER_SHARE = 0.75

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that goes wrong when so many events are in the store."""

    at: int
    kind: str


@dataclass
class Dealt:
    """What was dealt, counted."""

    kills: Counter[str] = field(default_factory=Counter)
    freezes: int = 0
    cuts: int = 0
    takeovers: int = 0


def plan(seed: int, events: int, kills: int) -> list[Blow]:
    """Kills of every kind in turn, freezes and cuts beside them, at random steps of the load."""
    dice = random.Random(seed)
    kinds = [f"kill {KILLS[number % len(KILLS)]}" for number in range(kills)]
    kinds += ["freeze"] * max(1, kills // 8) + ["cut"] * max(2, kills // 3)
    dice.shuffle(kinds)
    first, last = events // 20, events * 9 // 10
    return [
        Blow(at, kind) for at, kind in zip(sorted(dice.sample(range(first, last), len(kinds))), kinds, strict=True)
    ]


class Dealer:
    """Deals blows one after another; what was killed is started again after a moment."""

    def __init__(self, world: World, seed: int) -> None:
        self.dealt = Dealt()
        self._world = world
        self._dice = random.Random(f"{seed}/dealer")
        self._never = threading.Event()
        self._leaders: dict[str, str] = {}
        self._thawing: list[threading.Thread] = []
        self._frozen: set[str] = set()

    def deal(self, blow: Blow) -> None:
        match blow.kind:
            case "kill tail":
                self._kill_tail(self._dice.choice(PUBLISHERS))
            case "kill consumer":
                self._kill_and_start("consumer", self._consumer())
            case "kill postgres":
                self._kill_backend("postgres")
            case "kill rabbitmq":
                self._kill_backend("rabbitmq")
            case "freeze":
                self._freeze(self._consumer())
            case _:
                self._cut()
        _log.info("dealt", kind=blow.kind, at=blow.at)

    def finish(self) -> None:
        """Waits until everybody is thawed."""
        for thread in self._thawing:
            thread.join(2 * FREEZE_SECONDS)

    def _pause(self) -> None:
        self._never.wait(self._dice.uniform(0.1, 1.0))

    def _consumer(self) -> str:
        service = self._dice.choice(list(HEARD))
        active = self._world.active_consumer(service)
        return active if self._dice.random() < LEADER_SHARE else self._dice.choice(names("consumer", service))

    def _kill_tail(self, service: str) -> None:
        leader = self._world.leader(service)
        name = leader if leader and self._dice.random() < LEADER_SHARE else self._dice.choice(names("tail", service))
        self._kill_and_start("tail", name)
        if name == leader:
            now = self._new_leader(service, name)
            self.dealt.takeovers += now is not None

    def _new_leader(self, service: str, old: str) -> str | None:
        """The stand-by, once it leads."""
        for _ in range(50):
            now = self._world.leader(service)
            if now is not None and now != old:
                return now
            self._never.wait(0.1)
        return None

    def _kill_and_start(self, kind: str, name: str) -> None:
        self._world.kill(name)
        self._frozen.discard(name)
        self.dealt.kills[kind] += 1
        self._pause()
        self._world.start(name)

    def _kill_backend(self, name: str) -> None:
        backend = self._world.postgres if name == "postgres" else self._world.rabbit
        backend.kill()
        self.dealt.kills[name] += 1
        self._pause()
        backend.start()

    def _freeze(self, name: str) -> None:
        if name in self._frozen:
            return
        self._world.signal(name, signal.SIGSTOP)
        self._frozen.add(name)
        self.dealt.freezes += 1
        thread = threading.Thread(target=self._thaw, args=(name,), daemon=True)
        thread.start()
        self._thawing.append(thread)

    def _thaw(self, name: str) -> None:
        self._never.wait(FREEZE_SECONDS)
        if name in self._frozen:
            self._frozen.discard(name)
            self._world.signal(name, signal.SIGCONT)

    def _cut(self) -> None:
        """Looks for a moment in which a service is in a transaction."""
        services = self._dice.sample(list(HEARD), len(HEARD))
        for _ in range(CUT_ROUNDS):
            try:
                self.dealt.cuts += self._world.cut(services, CUT_TRIES)
                return
            except psycopg.OperationalError:
                self._never.wait(0.2)
