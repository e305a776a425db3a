"""A private PostgreSQL: own data, own port, own password, loopback only; it can be killed and started again."""

import contextlib
import json
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from deploy.local import accounts, ports
from deploy.local.processes import (
    POLL_SECONDS,
    DidNotStart,
    Identity,
    identify,
    is_running,
    last_lines,
    spawn,
    stop,
)

START_SECONDS = 30
OnStart = Callable[[str, int, signal.Signals], None]


def find_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, the newest version first; None when there is none."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0,
        reverse=True,
    )
    on_path = shutil.which("postgres")
    candidates = [*debian, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


class LocalPostgres:
    """One instance in one folder. A second object over the same folder continues with the same data."""

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        binaries: Path | None = None,
        on_start: OnStart = lambda _name, _pid, _signal: None,
    ) -> None:
        found = binaries or find_binaries()
        if found is None:
            raise FileNotFoundError("no PostgreSQL server is installed on this machine")
        self._binaries = found
        self._folder = folder
        self._durable = durable
        self._on_start = on_start
        self._account = accounts.plain_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._settings: dict[str, str] = {}
        # Two starts at once would lose sight of one server. Killing does not wait for a start to end.
        self._starting = threading.Lock()

    @property
    def url(self) -> str:
        """The superuser's DSN; the instance must have been started once."""
        return (
            f"postgresql://postgres:{self._settings['password']}@{ports.LOOPBACK}:{self._settings['port']}/postgres"
        )

    @property
    def pid(self) -> int | None:
        """The postmaster's pid while it runs."""
        return self._identity.pid if self._identity and is_running(self._identity) else None

    def start(self) -> None:
        """Starts the server and waits until it answers; nothing happens when it runs already."""
        with self._starting:
            if not self._still_serves():
                self._start()

    def stop(self) -> None:
        """Stops the server in an orderly way and at once (a fast shutdown)."""
        if self._identity is not None:
            stop(self._identity, signal.SIGINT)
        if self._process is not None:
            self._process.wait()

    def kill(self) -> None:
        """Ends the postmaster as a crash would; its backends notice and follow."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"

    def _create(self) -> None:
        if not accounts.can_reach(self._folder, self._account):
            raise DidNotStart(f"the account that the server runs as cannot reach {self._folder}")
        accounts.own_folder(self._folder, self._account)
        password = secrets.token_urlsafe(24)
        password_file = accounts.own_file(self._folder / "password", password, self._account)
        shutil.rmtree(self._folder / "data", ignore_errors=True)
        made = subprocess.run(
            [
                self._binaries / "initdb",
                *("--pgdata", self._folder / "data", "--username", "postgres", "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
                *("--no-sync", "--no-instructions"),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
            cwd=self._folder,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        password_file.unlink()
        if made.returncode != 0:
            raise DidNotStart(f"initdb failed:\n{made.stdout}{made.stderr}")
        settings = {"password": password, "port": str(ports.free_ports(1)[0])}
        accounts.own_file(self._folder / "instance.json", json.dumps(settings), self._account)

    def _start(self) -> None:
        # A process that somebody else killed must be reaped: to a new server its zombie still holds the data.
        self.kill()
        if not (self._folder / "instance.json").exists():
            self._create()
        if not self._settings:
            self._settings = self._read_settings()
        end = time.monotonic() + START_SECONDS
        # After a kill -9 the orphaned backends hold the shared memory for a moment, and the server refuses to start.
        while not self._try_start(end):
            if time.monotonic() > end:
                raise DidNotStart(f"PostgreSQL did not start:\n{last_lines(self._log)}")
            time.sleep(POLL_SECONDS * 5)

    def _still_serves(self) -> bool:
        """False once the server is gone; one that was just killed may take a moment to go."""
        end = time.monotonic() + START_SECONDS
        while self.pid is not None and time.monotonic() < end:
            if self._answers():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _read_settings(self) -> dict[str, str]:
        """What a former start wrote down; with another port when somebody has taken ours since."""
        path = self._folder / "instance.json"
        settings: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        if not ports.is_free(int(settings["port"])):
            settings["port"] = str(ports.free_ports(1)[0])
            accounts.own_file(path, json.dumps(settings), self._account)
        return settings

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self._folder)}

    def _command(self) -> list[str | Path]:
        settings = {
            "listen_addresses": ports.LOOPBACK,
            "port": self._settings["port"],
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "512MB",
            "checkpoint_timeout": "15min",
            # Killing the process loses nothing without fsync, since the pages are with the kernel; a power cut would.
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._binaries / "postgres", "-D", self._folder / "data", *options]

    def _try_start(self, end: float) -> bool:
        process = spawn(
            self._command(),
            log=self._log,
            environment=self._environment(),
            account=self._account,
            folder=self._folder,
        )
        self._process, self._identity = process, identify(process.pid)
        self._on_start("postgres", process.pid, signal.SIGINT)
        while process.poll() is None and time.monotonic() < end:
            if self._answers():
                return True
            time.sleep(POLL_SECONDS)
        if process.poll() is None:
            self.kill()
        return False

    def _answers(self) -> bool:
        if not ports.answers(int(self._settings["port"])):
            return False
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=3).close()
            return True
        return False
