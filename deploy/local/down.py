"""Stops exactly what a platform started, also after a crash, and never anything else."""

import shutil
import signal
from pathlib import Path

from deploy.local.backends import private_home
from deploy.local.containers import compose_down
from deploy.local.processes import Identity, Ledger, is_running, stop

PLATFORM = "platform"
"""The name in the ledger of the process that supervises all others."""
ORDERLY_SECONDS = 90.0


def ledger_of(run_dir: Path) -> Ledger:
    return Ledger(run_dir / "ledger")


def supervisor_of(run_dir: Path) -> Identity | None:
    """The process that runs this platform right now; None when there is none (or it crashed)."""
    for entry in reversed(ledger_of(run_dir).entries()):
        identity = Identity(entry.pid, entry.started)
        if entry.name == PLATFORM and is_running(identity):
            return identity
    return None


def down(run_dir: Path) -> list[str]:
    """Stops the platform of this folder; answers the names of what was still running."""
    stopped = []
    supervisor = supervisor_of(run_dir)
    if supervisor is not None:
        # It stops its own in order, and would start again whatever we stopped behind its back.
        stop(supervisor, signal.SIGTERM, ORDERLY_SECONDS)
        stopped.append(PLATFORM)
    stopped += ledger_of(run_dir).stop_all()
    if compose_down(run_dir / "backends"):
        stopped.append("containers")
    forget_data(run_dir)
    return stopped


def forget_data(run_dir: Path) -> None:
    """Removes the data of private backends, which live no longer than their run; logs and mails stay."""
    shutil.rmtree(private_home(run_dir / "backends"), ignore_errors=True)


def clear(run_dir: Path) -> None:
    """Removes what former runs left in the folder; nothing of them may be running any more."""
    for folder in (run_dir / "log", run_dir / "mail"):
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("env.json", "jwks.json", "policies.json", "signing-key.pem"):
        (run_dir / name).unlink(missing_ok=True)
