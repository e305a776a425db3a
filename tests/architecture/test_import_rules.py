"""Who may import whom holds for the code as it is, and each rule is shown to fail when somebody breaks it."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("services", "shared", "deploy", "tests")
LINTER = Path(sys.executable).with_name("lint-imports")

# contract -> (module that breaks it, the line it breaks it with)
PLANTED: dict[str, tuple[str, str]] = {
    "services-apart": ("services/order/views.py", "import services.dispatch.views"),
    "shared-below": ("shared/gateway/__init__.py", "import services.order.views"),
    "nothing-imports-tests-or-deploy": ("services/order/views.py", "import deploy.cli"),
    "deploy-never-imports-tests": ("deploy/cli.py", "import tests.support"),
    "domain-is-pure": ("services/dispatch/domain/delivery/decisions.py", "import psycopg"),
    "engine-is-pure": ("services/dispatch/engine/town.py", "import shared.eventstore.postgres"),
    "contracts-stop-at-the-border": ("services/order/views.py", "import shared.contracts.order"),
    "order-rooms": ("services/order/domain/decisions.py", "import services.order.views"),
    "dispatch-rooms": ("services/dispatch/views.py", "import services.dispatch.gateway"),
    "notify-rooms": ("services/notify/codec.py", "import services.notify.outbound"),
    "support-rooms": ("services/support/wiring.py", "import services.support.service"),
    "analytics-rooms": ("services/analytics/inbound.py", "import services.analytics.wiring"),
    "shared-rooms": ("shared/kernel/money.py", "import shared.contracts.message"),
    "nameko-confined": ("services/order/wiring.py", "import nameko"),
}


def lint(folder: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    only = ["--contract", contract] if contract else []
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [str(LINTER), "--no-cache", *only],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_code_keeps_every_rule() -> None:
    verdict = lint(ROOT)
    assert verdict.returncode == 0, verdict.stdout


def test_every_rule_has_a_planted_violation() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    rules = {section.split(":")[2] for section in parser.sections() if section.startswith("importlinter:contract:")}
    assert rules == set(PLANTED)


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_breaks_its_rule(contract: str, copy: Path) -> None:
    victim, line = PLANTED[contract]
    path = copy / victim
    path.write_text(path.read_text() + f"\n{line}\n")
    verdict = lint(copy, contract)
    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    assert "BROKEN" in verdict.stdout
