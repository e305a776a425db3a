"""Starts the probe service as a process and talks to it over real HTTP."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local.ports import free_ports
from shared.gateway.tokens import SigningKey, generate_keypair, issue, write_jwks
from tests.support.waiting import wait_until
from tests.unit.gateway.probe_service import NO_DATABASE

ROOT = Path(__file__).parents[3]


@dataclass
class Probe:
    """A running probe service."""

    host: str
    port: int
    key: SigningKey
    jwks: Path
    log: Path
    running: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def token(self, *roles: str, ids: tuple[str, ...] = (), **options: Any) -> str:
        return issue(self.key, subject=options.pop("subject", "lin"), roles=roles, ids=ids, **options)

    def client(self, *roles: str, ids: tuple[str, ...] = (), **headers: str) -> httpx.Client:
        if roles:
            headers["Authorization"] = f"Bearer {self.token(*roles, ids=ids)}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def log_entries(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def events_in_log(self) -> int:
        """How many events the store holds, as the list of tabs tells it."""
        with self.client("merchant") as client:
            return int(client.get("/v1/tabs").json()["position"])


def environment(folder: Path, port: int, postgres_url: str) -> dict[str, str]:
    """The settings of the probe; it uses no broker."""
    return {
        **os.environ,
        "DOORSTEP_PROBE_POSTGRES_URL": postgres_url,
        "DOORSTEP_PROBE_AMQP_URL": "amqp://probe:unused@127.0.0.1:1/none",
        "DOORSTEP_PROBE_HTTP": f"127.0.0.1:{port}",
        "DOORSTEP_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "DOORSTEP_JWKS": str(folder / "jwks.json"),
        "PYTHONWARNINGS": "ignore",
    }


@contextmanager
def running_probe(folder: Path, postgres_url: str = NO_DATABASE) -> Iterator[Probe]:
    """The probe on a free port until the end of the block; it must then end by itself when asked to.

    Without a database it keeps its events in memory.
    """
    key = generate_keypair("probe-key")
    write_jwks(folder / "jwks.json", [key])
    (port,) = free_ports(1)
    log = folder / "probe.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.gateway.run_probe"],
            cwd=ROOT,
            env=environment(folder, port, postgres_url),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    probe = Probe("127.0.0.1", port, key, folder / "jwks.json", log, running)
    try:
        wait_until(lambda: running.poll() is not None or _answers(probe), 30, "the probe answers")
        assert running.poll() is None, log.read_text()
        yield probe
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            assert running.wait(timeout=15) == 0, log.read_text()[-2000:]
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            raise


def _answers(probe: Probe) -> bool:
    try:
        return httpx.get(f"{probe.url}/health/live", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
