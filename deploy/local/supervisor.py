"""Keeps programs running: each is started again when it ends without being asked to, after a bounded wait."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.postgres import LocalPostgres
from deploy.local.processes import DidNotStart, Identity, Ledger, identify, is_running, last_lines, spawn
from deploy.local.rabbit import LocalRabbit

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
STEADY_SECONDS = 20.0
"""A program that ran this long is not in a crash loop: its next restart is quick again."""
STOP_SECONDS = 15.0
WATCH_SECONDS = 0.1

Say = Callable[[str], None]


@dataclass(frozen=True)
class Program:
    """What to run, with exactly the environment it needs."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path


class Supervised:
    """One program and the thread that keeps it running."""

    def __init__(self, program: Program, ledger: Ledger, say: Say) -> None:
        self.program = program
        self.restarts = 0
        self._ledger = ledger
        self._say = say
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._thread = threading.Thread(target=self._keep_running, name=program.name, daemon=True)

    @property
    def pid(self) -> int | None:
        """The program's pid; None between its end and its restart."""
        identity = self._identity
        return identity.pid if identity and is_running(identity) else None

    def start(self) -> None:
        self._spawn()
        self._thread.start()

    def kill(self) -> None:
        """Ends the program as a crash would; it is started again by itself."""
        if self._process is not None:
            self._process.kill()

    def ask_to_stop(self) -> None:
        """Asks the program to end, and does not start it again."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_stopped(self, timeout: float = STOP_SECONDS) -> None:
        """Waits for the end that was asked for; a program that takes too long is killed."""
        self._thread.join(timeout)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join(timeout)

    def _spawn(self) -> subprocess.Popen[bytes]:
        program = self.program
        process = spawn(program.command, log=program.log, environment=program.environment, folder=program.folder)
        self._process, self._identity = process, identify(process.pid)
        self._ledger.record(program.name, process.pid)
        if self._stopping.is_set():
            process.terminate()
        return process

    def _keep_running(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while self._process is not None:
            started = time.monotonic()
            code = self._process.wait()
            if self._stopping.is_set():
                return
            wait = FIRST_WAIT_SECONDS if time.monotonic() - started > STEADY_SECONDS else wait
            self._say(f"  {self.program.name} ended by itself ({_meaning(code)}); starting it again")
            if self._stopping.wait(wait):
                return
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            self.restarts += 1
            self._spawn()


def _meaning(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


class BackendWatch:
    """Starts private backends again, on the same data and port, when they are gone."""

    def __init__(self, instances: Mapping[str, LocalPostgres | LocalRabbit], say: Say) -> None:
        self._instances = dict(instances)
        self._say = say
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(name, instance), name=name, daemon=True)
            for name, instance in self._instances.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns once no restart is under way any more; the instances are left as they are."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, name: str, instance: LocalPostgres | LocalRabbit) -> None:
        wait = FIRST_WAIT_SECONDS
        while not self._stopping.wait(WATCH_SECONDS):
            if instance.pid is not None:
                continue
            self._say(f"  {name} is gone; starting it again on the same data")
            try:
                instance.start()
            except DidNotStart as error:
                self._say(f"  {name} did not come back: {str(error).splitlines()[0]}")
                self._stopping.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            else:
                wait = FIRST_WAIT_SECONDS


def explain(program: Program) -> str:
    """The last words of a program that does not get ready."""
    return f"{program.name} does not get ready; the end of {program.log}:\n{last_lines(program.log)}"
