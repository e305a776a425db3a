"""The dispatch service's parts on a database, without a process, where time stands still."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.dispatch.wiring import DispatchParts, build
from shared.eventstore.sequencer import Sequencer
from shared.kernel.clock import VirtualClock
from shared.runtime.settings import Address, Settings
from tests.support.database import Database
from tests.unit.dispatch import scenes as s


@contextmanager
def standing_still(database: Database, policies: Mapping[str, Any] | None = None) -> Iterator[DispatchParts]:
    """On the virtual clock of the scenes, as good as still."""
    made = build(
        Settings(
            service="dispatch",
            postgres_url=database.url("dispatch"),
            amqp_url="amqp://127.0.0.1:1",
            http=Address("127.0.0.1", 1),
            master_key=bytes(32),
            jwks=Path("unused"),
            clock=VirtualClock(speed=1e-9, started_unix=time.time(), epoch=s.NOW),
            policies=policies or {},
        )
    )
    try:
        yield made
    finally:
        made.close()


def catch_up(parts: DispatchParts) -> None:
    """Until the read models know all that is in the log."""
    sequencer = Sequencer(parts.settings.postgres_url)
    try:
        while sequencer.tick():
            pass
    finally:
        sequencer.close()
    while parts.run_projection():
        pass
