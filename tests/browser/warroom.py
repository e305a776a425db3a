"""Runs the analytics gateway on a fresh database, tells it facts, and stops and starts it at will."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.local.ports import free_ports
from services.analytics.wiring import AnalyticsParts, build
from shared.eventstore.sequencer import Sequencer
from shared.gateway.tokens import SigningKey, generate_keypair, issue, write_jwks
from shared.messaging.batch import batch_of
from shared.runtime.settings import Settings
from tests.support.database import Database
from tests.support.waiting import wait_until
from tests.unit.analytics.telling import Story

ROOT = Path(__file__).resolve().parents[2]
BATCH = 200


@dataclass
class WarRoom:
    """One analytics gateway whose platform's time began at `opened_at`."""

    variables: dict[str, str]
    key: SigningKey
    log: Path
    parts: AnalyticsParts
    sequencer: Sequencer
    told: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    story: Story = field(default_factory=Story)

    @property
    def url(self) -> str:
        return f"http://{self.variables['DOORSTEP_ANALYTICS_HTTP']}"

    def token(self, *roles: str) -> str:
        return issue(self.key, subject="wall", roles=roles or ("operations",))

    def client(self, *roles: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token(*roles)}"}, timeout=20)

    def tell(self) -> int:
        """Hands what was newly told in the story to the service's own inbox and log; returns the log's end."""
        bodies = self.story.bodies()[self.told :]
        for start in range(0, len(bodies), BATCH):
            self.parts.inbox.consume(batch_of(*bodies[start : start + BATCH]))
        self.told += len(bodies)
        self.sequencer.tick()
        return self.parts.store.log_position()

    def tell_and_fold(self) -> dict[str, Any]:
        """Tells, and answers the board once every fact is in it."""
        end = self.tell()

        def board() -> dict[str, Any] | None:
            with self.client() as client:
                found: dict[str, Any] = client.get("/v1/board").json()
            return found if found.get("position") == end else None

        return wait_until(board, 60, "the board holds every fact") or {}

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.browser.warroom_process"],
                cwd=ROOT,
                env={**os.environ, **self.variables},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._serves, 30, f"the gateway serves; see {self.log}")

    def _serves(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """As a crash does it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=20)
            self.process = None


@contextmanager
def open_warroom(folder: Path, database: Database, opened_at: datetime, speed: float = 1) -> Iterator[WarRoom]:
    """A gateway on a free port; platform time begins at `opened_at` now."""
    key = generate_keypair()
    write_jwks(folder / "jwks.json", [key])
    variables = {
        "DOORSTEP_ANALYTICS_POSTGRES_URL": database.url("analytics"),
        "DOORSTEP_ANALYTICS_AMQP_URL": "amqp://nobody:listens@127.0.0.1:1/",
        "DOORSTEP_ANALYTICS_HTTP": f"127.0.0.1:{free_ports(1)[0]}",
        "DOORSTEP_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "DOORSTEP_JWKS": str(folder / "jwks.json"),
        "DOORSTEP_CLOCK_SPEED": str(speed),
        "DOORSTEP_CLOCK_STARTED": str(time.time()),
        "DOORSTEP_CLOCK_EPOCH": opened_at.isoformat(),
    }
    parts = build(Settings.from_environment("analytics", variables))
    sequencer = Sequencer(database.url("analytics"))
    room = WarRoom(variables, key, folder / "analytics.log", parts, sequencer)
    room.start()
    try:
        yield room
    finally:
        room.stop()
        sequencer.close()
        parts.close()
