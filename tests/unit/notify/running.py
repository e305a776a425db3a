"""Services of ours for tests: their parts in this process, or the whole service as a process that speaks HTTP."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from shared.eventstore.sequencer import Sequencer
from shared.gateway.tokens import SigningKey, generate_keypair, issue, write_jwks
from shared.kernel.clock import VirtualClock
from shared.runtime.settings import Address, Settings
from tests.support.waiting import wait_until
from tests.unit.notify.story import NOW

ROOT = Path(__file__).parents[3]
MASTER_KEY = bytes(32)


def settings_of(service: str, postgres_url: str, smtp_port: int = 1) -> Settings:
    """Settings for the parts of a service: no gateway and no broker; the clock stands at NOW, as good as still."""
    return Settings(
        service=service,
        postgres_url=postgres_url,
        amqp_url="amqp://unused",
        http=Address("127.0.0.1", 1),
        master_key=MASTER_KEY,
        jwks=Path("unused"),
        clock=VirtualClock(speed=1e-9, started_unix=time.time(), epoch=NOW),
        smtp=Address("127.0.0.1", smtp_port),
    )


def sequence(postgres_url: str) -> None:
    """Puts everything that has been written into the log."""
    sequencer = Sequencer(postgres_url)
    try:
        while sequencer.tick():
            pass
    finally:
        sequencer.close()


@dataclass
class Running:
    """A service of ours as a process."""

    url: str
    key: SigningKey
    process: "subprocess.Popen[bytes]"

    def client(self, role: str, *ids: str) -> httpx.Client:
        token = issue(self.key, subject=f"{role}-{'-'.join(ids)}", roles=[role], ids=ids)
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=20)


@contextmanager
def running(service: str, folder: Path, postgres_url: str, amqp_url: str, smtp_port: int = 1) -> Iterator[Running]:
    """The service on a free port until the end of the block; it must then end by itself when asked to."""
    key = generate_keypair()
    write_jwks(folder / "jwks.json", [key])
    (port,) = free_ports(1)
    variables = {
        f"DOORSTEP_{service.upper()}_POSTGRES_URL": postgres_url,
        f"DOORSTEP_{service.upper()}_AMQP_URL": amqp_url,
        f"DOORSTEP_{service.upper()}_HTTP": f"127.0.0.1:{port}",
        "DOORSTEP_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "DOORSTEP_JWKS": str(folder / "jwks.json"),
        "DOORSTEP_SMTP": f"127.0.0.1:{smtp_port}",
        "PYTHONWARNINGS": "ignore",
    }
    log = folder / f"{service}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "run", service],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    found = Running(f"http://127.0.0.1:{port}", key, process)
    try:
        wait_until(lambda: process.poll() is not None or _is_ready(found), 30, f"{service} is ready")
        assert process.poll() is None, log.read_text()
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(timeout=15) == 0, log.read_text()[-2000:]
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _is_ready(found: Running) -> bool:
    try:
        return httpx.get(f"{found.url}/health/ready", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
