"""A private RabbitMQ: own node, own cookie, own port mapper, loopback only; it can be killed and started again."""

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pika
import pika.exceptions

from deploy.local import accounts, broker_users, ports
from deploy.local.postgres import OnStart
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

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
VIRTUAL_HOST = "doorstep"
START_SECONDS = 60
MEMORY_LIMIT = 600_000_000
DISK_FREE_LIMIT = 50_000_000
PLUGINS = "[rabbitmq_consistent_hash_exchange].\n"


def find_server() -> Path | None:
    """The server's own start script; the wrapper on the PATH insists on the system's account."""
    return SERVER if SERVER.exists() and shutil.which("erl") and shutil.which("epmd") else None


class LocalRabbit:
    """One node in one folder. A second object over the same folder continues with the same data."""

    def __init__(self, folder: Path, *, on_start: OnStart = lambda _name, _pid, _signal: None) -> None:
        if find_server() is None:
            raise FileNotFoundError("no RabbitMQ server is installed on this machine")
        self._folder = folder
        self._on_start = on_start
        self._account = accounts.plain_account()
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._mapper: subprocess.Popen[bytes] | None = None
        self._settings: dict[str, str] = {}
        # Two starts at once would lose sight of one server. Killing does not wait for a start to end.
        self._starting = threading.Lock()

    @property
    def url(self) -> str:
        """The administrator's AMQP address in the platform's virtual host; the node must have been started once."""
        return self.url_for(broker_users.ADMIN)

    @property
    def pid(self) -> int | None:
        """The pid of the Erlang machine while it runs."""
        return self._identity.pid if self._identity and is_running(self._identity) else None

    def url_for(self, user: str, virtual_host: str = VIRTUAL_HOST) -> str:
        """The AMQP address of a user: a service's name, `audit` or `admin`."""
        port, password = self._settings["amqp_port"], self._settings[f"password.{user}"]
        return f"amqp://{user}:{password}@{ports.LOOPBACK}:{port}/{quote(virtual_host, safe='')}"

    def start(self) -> None:
        """Starts the node and waits until it accepts clients; nothing happens when it runs already."""
        with self._starting:
            if not self._still_serves():
                self._start()

    def stop(self) -> None:
        """Stops the node in an orderly way, then the port mapper that served it alone."""
        if self._identity is not None:
            stop(self._identity, timeout=20)
        if self._process is not None:
            self._process.wait()
        if self._mapper is not None:
            self._mapper.terminate()
            self._mapper.wait()
            self._mapper = None

    def kill(self) -> None:
        """Ends the node as a crash would."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def add_virtual_host(self, name: str) -> None:
        """A fresh virtual host in which every user has the same permissions as in the platform's."""
        names = {user: user for user in broker_users.USERS}
        text = json.dumps(broker_users.virtual_host_definitions(name, names))
        encoded = base64.b64encode(text.encode()).decode()
        self.evaluate(f'rabbit_definitions:import_raw(base64:decode("{encoded}")).')

    def remove_virtual_host(self, name: str) -> None:
        encoded = base64.b64encode(name.encode()).decode()
        self.evaluate(f'rabbit_vhost:delete(base64:decode("{encoded}"), <<"admin">>).')

    def evaluate(self, expression: str) -> str:
        """Evaluates an Erlang expression on the node: a hundred times faster than starting `rabbitmqctl`."""
        call = shutil.which("erl_call")
        command = (
            [call, "-n", self._settings["node"], "-e"]
            if call
            else [str(SERVER.with_name("rabbitmqctl")), "-n", self._settings["node"], "eval", expression]
        )
        done = subprocess.run(
            command,
            input=f"{expression}\n" if call else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self._environment(),
            cwd=self._folder,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if done.returncode != 0 or "{error," in done.stdout:
            raise RuntimeError(f"the broker refused: {done.stdout.strip()} {done.stderr.strip()}")
        return done.stdout

    @contextmanager
    def alarm(self, resource: str) -> Iterator[None]:
        """The node takes its `disk` for full, or its `memory` for used up, and takes no messages until the end."""
        raised, normal = {
            "disk": (f"rabbit_disk_monitor:set_disk_free_limit({limit})" for limit in (10**15, DISK_FREE_LIMIT)),
            "memory": (
                f"vm_memory_monitor:set_vm_memory_high_watermark({{absolute, {limit}}})"
                for limit in (1, MEMORY_LIMIT)
            ),
        }[resource]
        self.evaluate(f"{raised}.")
        try:
            yield
        finally:
            if self.pid is not None:
                self.evaluate(f"{normal}.")

    def remembers_queue(self, name: str, virtual_host: str = VIRTUAL_HOST) -> bool:
        """Whether a quorum queue would survive a kill: its name is in Ra's index on the disk."""
        indexes = (self._folder / "mnesia").glob("*/quorum/*/names.dets")
        return any(f"{virtual_host}_{name}".encode() in index.read_bytes() for index in indexes)

    @property
    def _log(self) -> Path:
        return self._folder / "rabbitmq.log"

    def _create(self) -> None:
        account = self._account
        if not accounts.can_reach(self._folder, self._account):
            raise DidNotStart(f"the account that the server runs as cannot reach {self._folder}")
        accounts.own_folder(self._folder, account)
        shutil.rmtree(self._folder / "mnesia", ignore_errors=True)
        amqp_port, distribution_port, mapper_port = ports.free_ports(3)
        passwords = {user: secrets.token_urlsafe(24) for user in broker_users.USERS}
        settings = {
            "node": f"doorstep-{secrets.token_hex(4)}@localhost",
            "amqp_port": str(amqp_port),
            "distribution_port": str(distribution_port),
            "mapper_port": str(mapper_port),
            **{f"password.{user}": password for user, password in passwords.items()},
        }
        accounts.own_file(self._folder / ".erlang.cookie", secrets.token_hex(20), account, mode=0o400)
        accounts.own_file(self._folder / "enabled_plugins", PLUGINS, account)
        definitions = broker_users.definitions(VIRTUAL_HOST, passwords)
        accounts.own_file(self._folder / "definitions.json", definitions, account)
        accounts.own_file(self._folder / "rabbitmq.conf", self._configuration(settings), account)
        accounts.own_file(self._folder / "instance.json", json.dumps(settings), account)

    def _start(self) -> None:
        # A process that somebody else killed must be reaped: to a new server its zombie still holds the data.
        self.kill()
        if not (self._folder / "instance.json").exists():
            self._create()
        if not self._settings:
            self._settings = self._read_settings()
        self._start_mapper()
        process = spawn(
            [SERVER, "-noinput"],
            log=self._log,
            environment=self._environment(),
            account=self._account,
            folder=self._folder,
        )
        self._process, self._identity = process, identify(process.pid)
        self._on_start("rabbitmq", process.pid, signal.SIGTERM)
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise DidNotStart(f"RabbitMQ did not start:\n{last_lines(self._log)}")
            time.sleep(POLL_SECONDS)

    def _still_serves(self) -> bool:
        """False once the node is gone; one that was just killed may take a moment to go."""
        end = time.monotonic() + START_SECONDS
        while self.pid is not None and time.monotonic() < end:
            if self._answers():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _read_settings(self) -> dict[str, str]:
        """What a former start wrote down; with other ports when somebody has taken ours since."""
        path = self._folder / "instance.json"
        settings: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        names = ("amqp_port", "distribution_port", "mapper_port")
        if not all(ports.is_free(int(settings[name])) for name in names):
            settings |= dict(zip(names, map(str, ports.free_ports(3)), strict=True))
            accounts.own_file(self._folder / "rabbitmq.conf", self._configuration(settings), self._account)
            accounts.own_file(path, json.dumps(settings), self._account)
        return settings

    def _configuration(self, settings: Mapping[str, str]) -> str:
        lines = {
            "listeners.tcp.default": f"{ports.LOOPBACK}:{settings['amqp_port']}",
            "load_definitions": str(self._folder / "definitions.json"),
            "log.console": "false",
            "log.file.level": "info",
            "vm_memory_high_watermark.absolute": str(MEMORY_LIMIT),
            "disk_free_limit.absolute": str(DISK_FREE_LIMIT),
            # The default of 512 MB is kept in memory until the log is rolled over.
            "raft.wal_max_size_bytes": str(32 * 1024 * 1024),
            "heartbeat": "20",
        }
        return "".join(f"{name} = {value}\n" for name, value in lines.items())

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            # The cookie is read from here; it never appears on a command line.
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": ports.LOOPBACK,
            "RABBITMQ_NODENAME": self._settings["node"],
            "RABBITMQ_DIST_PORT": self._settings["distribution_port"],
            "ERL_EPMD_PORT": self._settings["mapper_port"],
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # Makes the script become the Erlang machine instead of watching over it: its pid is the node's.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": self._erlang_arguments(),
        }

    def _erlang_arguments(self) -> str:
        schedulers = max(2, min(4, os.cpu_count() or 2))
        return f"-kernel inet_dist_use_interface {{127,0,0,1}} +S {schedulers}:{schedulers}"

    def _start_mapper(self) -> None:
        """Our own epmd, started before the node would start one that outlives it."""
        if self._mapper is not None and self._mapper.poll() is None:
            return
        mapper = shutil.which("epmd") or "epmd"
        port = self._settings["mapper_port"]
        self._mapper = spawn(
            [mapper, "-port", port, "-address", ports.LOOPBACK],
            log=self._log,
            environment=self._environment(),
            account=self._account,
            folder=self._folder,
        )
        self._on_start("epmd", self._mapper.pid, signal.SIGTERM)

    def _answers(self) -> bool:
        if not ports.answers(int(self._settings["amqp_port"])):
            return False
        try:
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True
