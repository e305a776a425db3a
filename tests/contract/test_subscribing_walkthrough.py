"""Whoever follows docs/subscribing.md to the letter hears what it promises: its very code is run here."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.eventstore.postgres import PostgresStore
from shared.messaging.topology import declare_platform
from tests.contract import publishing
from tests.contract.processes import ROOT, tailing
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until

WALKTHROUGH = ROOT / "docs" / "subscribing.md"
BLOCK = re.compile(r"<!-- run: (\w+) -->\n```python\n(.*?)```", re.DOTALL)
PROGRAMS = dict(BLOCK.findall(WALKTHROUGH.read_text(encoding="utf-8")))


class Subscriber:
    """A program of the walk-through, and the lines that it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip("\n") for line in iter(self.process.stdout.readline, ""))

    def heard(self, number: int) -> list[str]:
        """Waits for so many lines after `ready`."""
        wait_until(lambda: self._after_ready(number) is not None, 30, f"{number} lines; there are {self.lines}")
        return self._after_ready(number) or []

    def _after_ready(self, number: int) -> list[str] | None:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}"
        said = [line for line in list(self.lines) if line != "ready"]
        return said if "ready" in self.lines and len(said) >= number else None


@contextmanager
def subscriber(name: str, folder: Path, amqp_url: str, **variables: str) -> Iterator[Subscriber]:
    """Runs a block of the walk-through as a file of its own."""
    program = folder / f"partner_{name}.py"
    program.write_text(PROGRAMS[name], encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "AMQP_URL": amqp_url, "PYTHONWARNINGS": "ignore", **variables},
    ) as process:
        try:
            running = Subscriber(process)
            running.heard(0)
            yield running
        finally:
            process.kill()


@pytest.fixture(scope="module")
def store(database: Database, broker: VirtualHost) -> Iterator[PostgresStore]:
    """The order service's store with its real relay, and the platform's queues."""
    declare_platform(broker.url, {"order": (), "dispatch": ()})
    opened = publishing.store_of(database.url("order"))
    with tailing(publishing.spec("order", database.url("order"), broker.url_for("order"))):
        yield opened
    opened.close()


def test_the_walkthrough_shows_all_three_ways() -> None:
    assert set(PROGRAMS) == {"nameko", "pika", "stream"}


def test_a_stock_nameko_service_hears_an_order(store: PostgresStore, broker: VirtualHost, tmp_path: Path) -> None:
    with subscriber("nameko", tmp_path, broker.url) as partner:
        publishing.append(store, "ord_nameko", publishing.Placed("ord_nameko"))
        assert partner.heard(1) == ["placed ord_nameko 2800"]


def test_a_pika_subscriber_hears_what_came_while_it_was_away(
    store: PostgresStore, broker: VirtualHost, tmp_path: Path
) -> None:
    with subscriber("pika", tmp_path, broker.url) as partner:
        publishing.append(store, "ord_pika", publishing.Placed("ord_pika"))
        assert partner.heard(1) == ["OrderPlaced ord_pika"]
    publishing.append(store, "ord_away", publishing.Placed("ord_away"))
    with subscriber("pika", tmp_path, broker.url) as partner:
        assert "OrderPlaced ord_away" in partner.heard(1)


def test_the_log_is_read_from_its_beginning_and_again_from_an_offset(
    store: PostgresStore, broker: VirtualHost, tmp_path: Path
) -> None:
    publishing.append(store, "ord_past", publishing.Placed("ord_past"))
    publishing.append(store, "ord_later", publishing.Placed("ord_later"))

    def subjects(lines: list[str]) -> list[str]:
        return [line.split()[2] for line in lines]

    with subscriber("stream", tmp_path, broker.url_for("audit")) as newcomer:
        wait_until(lambda: "ord_later" in subjects(newcomer.heard(0)), 30, "the log up to now")
        whole = newcomer.heard(0)
    assert [int(line.split()[0]) for line in whole] == list(range(len(whole)))
    assert subjects(whole)[-2:] == ["ord_past", "ord_later"]

    last_done = len(whole) - 2
    with subscriber("stream", tmp_path, broker.url_for("audit"), OFFSET=str(last_done + 1)) as returned:
        assert returned.heard(1) == whole[last_done + 1 :]
        publishing.append(store, "ord_news", publishing.Placed("ord_news"))
        assert subjects(returned.heard(2)) == ["ord_later", "ord_news"]
