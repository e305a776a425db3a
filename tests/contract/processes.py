"""Real processes that say what they do in JSON lines, and the relay beside the test."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.messaging.tail import TailSpec, run_tail
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Speaking:
    """A process whose lines are collected as they come."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self._logged: deque[str] = deque(maxlen=20)
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PSYCOPG_WAIT_FUNC": "wait_selector", "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A logger writes its line and the end of it apart: what another thread says may begin in the middle.
            logged, begins, rest = line.partition('{"')
            try:
                self.lines.append(json.loads(begins + rest))
            except ValueError:
                logged = line
            if logged.strip():
                self._logged.append(logged.rstrip())

    def said(self, **what: Any) -> list[dict[str, Any]]:
        """The lines that hold all of this."""
        return [line for line in list(self.lines) if what.items() <= line.items()]

    def wait_ready(self) -> None:
        try:
            wait_until(lambda: self.said(ready=True) or self._ended(), 90, "the process is ready")
        except AssertionError as error:
            error.add_note("\n".join(["it said last:", *map(str, self.lines[-5:]), *self._logged]))
            raise

    def _ended(self) -> bool:
        assert self._process.poll() is None, f"it ended with {self._process.returncode}"
        return False

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self, timeout: float = 15) -> int:
        """Asks it to stop and waits; its return code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout)
        self._reader.join(5)
        return code


@contextmanager
def speaking(module: str, *arguments: str) -> Iterator[Speaking]:
    """A process that is ready, and gone afterwards."""
    process = Speaking(module, *arguments)
    try:
        process.wait_ready()
        yield process
    finally:
        process.kill()


@contextmanager
def tailing(*specs: TailSpec) -> Iterator[threading.Event]:
    """The real tail in a thread of this process; whoever sets the event stops it early."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            run_tail(specs, stop)
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive(), "the tail did not stop"
        assert not failures, failures
