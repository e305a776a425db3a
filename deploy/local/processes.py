"""Starts, recognises and stops processes by pid and start time, so that nothing of anybody else is ever touched."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.accounts import Account

POLL_SECONDS = 0.02


class DidNotStart(RuntimeError):
    """A process ended or stayed silent before it was ready; the message holds the end of its log."""


@dataclass(frozen=True)
class Identity:
    """One process for good: a pid alone is given to others once its process has ended."""

    pid: int
    started: int
    """Clock ticks after boot, from /proc."""


def identify(pid: int) -> Identity | None:
    """The identity behind a pid; None when no such process runs (one that waits to be reaped does not run)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses (proc(5)).
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Identity(pid, int(fields[19]))


def is_running(process: Identity) -> bool:
    return identify(process.pid) == process


def send(process: Identity, number: signal.Signals) -> None:
    """Signals the process if it is still the one we mean."""
    if is_running(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def wait_gone(process: Identity, timeout: float) -> bool:
    """Waits until the process has ended; False when it is still there after `timeout` seconds."""
    end = time.monotonic() + timeout
    while is_running(process):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def stop(process: Identity, number: signal.Signals = signal.SIGTERM, timeout: float = 10) -> None:
    """Asks the process to end, and ends it when it has not after `timeout` seconds."""
    send(process, number)
    if not wait_gone(process, timeout):
        send(process, signal.SIGKILL)
        wait_gone(process, timeout)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a program in a session of its own, without input, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for the message of an error."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"


@dataclass(frozen=True)
class Entry:
    """One line of the ledger: a process we started and how it wants to be stopped."""

    name: str
    pid: int
    started: int
    stop_signal: int


class Ledger:
    """What was started, written down before anything else happens, so that it can be stopped after a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, name: str, pid: int, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        process = identify(pid)
        if process is None:
            return
        entry = Entry(name, process.pid, process.started, int(stop_signal))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # One short appending write is not torn by another thread's.
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(entry)) + "\n")

    def entries(self) -> list[Entry]:
        """The processes in the order of their start."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [Entry(**json.loads(line)) for line in text.splitlines() if line]

    def stop_all(self, timeout: float = 15) -> list[str]:
        """Stops what still runs, the latest first, and forgets it; answers the names stopped."""
        stopped = []
        for entry in reversed(self.entries()):
            process = Identity(entry.pid, entry.started)
            if entry.pid != os.getpid() and is_running(process):
                stop(process, signal.Signals(entry.stop_signal), timeout)
                stopped.append(entry.name)
        self.path.unlink(missing_ok=True)
        return stopped
