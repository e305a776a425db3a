"""Fixtures shared by every tier. Nothing here is imported or started before a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deploy.local.backends import Backends
    from deploy.local.platform import Platform
    from tests.support.broker import VirtualHost
    from tests.support.database import Database

TESTS = Path(__file__).parent
TIERS = {
    "unit": "pure code; needs no service",
    "architecture": "the rules of the rooms; needs no service",
    "contract": "what subscribers may rely on",
    "integration": "one part on real backends",
    "system": "the whole platform on real processes",
    "browser": "the pages in a real browser",
    "faults": "the platform while its parts are killed",
    "bench": "measurements; run by name only",
}


def pytest_configure(config: pytest.Config) -> None:
    for tier, meaning in TIERS.items():
        config.addinivalue_line("markers", f"{tier}: {meaning}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test belongs to the tier whose folder it is in."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            tier = item.path.relative_to(TESTS).parts[0]
            if tier in TIERS:
                item.add_marker(tier)


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Tells the person who runs the tests something, past pytest's capture."""
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def speak(words: str) -> None:
        if reporter is None or capture is None:
            return
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(words)

    return speak


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """A folder that the backends' account can reach; what was started in it is stopped at the end."""
    from tests.support.backends import session_folder

    with session_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def backends(session_folder: Path, say: Callable[[str], None]) -> Iterator[Backends]:
    """Real PostgreSQL and RabbitMQ: `.postgres_url` of a superuser, `.amqp_url` of the administrator."""
    from tests.support.backends import test_backends

    with test_backends(session_folder / "backends", say) as opened:
        yield opened


@pytest.fixture(scope="module")
def database(backends: Backends) -> Iterator[Database]:
    """A fresh migrated database: `.url(service)` of the service's role, `.admin_url` of its owner."""
    from tests.support.database import fresh_database

    with fresh_database(backends.postgres_url) as made:
        yield made


@pytest.fixture(scope="module")
def broker(backends: Backends) -> Iterator[VirtualHost]:
    """A fresh virtual host: `.url` of the administrator, `.url_for(service)` of the service's user."""
    from tests.support.broker import fresh_virtual_host

    with fresh_virtual_host(backends.broker) as made:
        yield made


@pytest.fixture(scope="module")
def platform(backends: Backends, session_folder: Path, request: pytest.FixtureRequest) -> Iterator[Platform]:
    """All five services, running, on a database and a virtual host of their own. Riders are asked at once, however
    long a kitchen takes: no test waits for it."""
    from deploy.local.platform import Platform

    run_dir = session_folder / f"platform-{request.module.__name__.rpartition('.')[2]}"
    at_once = {"dispatch": {"offer_ahead_seconds": 86_400}}
    with Platform(run_dir, backends=backends, policies=at_once) as running:
        yield running
