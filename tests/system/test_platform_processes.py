"""The runner of the platform: what dies comes back, what crashed is cleaned up, and nobody is told too much."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local import processes
from deploy.local.down import ledger_of
from deploy.local.environment import ROOT
from deploy.local.platform import Platform
from deploy.local.processes import Identity
from shared.contracts.message import SERVICES
from tests.support.dashboards import asked_for, dashboards, offered
from tests.support.waiting import wait_until


def doorstep(*words: str, run_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", *words, "--run-dir", str(run_dir)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("name", ["order", "tail"])
def test_a_killed_process_comes_back_and_serves_again(platform: Platform, name: str) -> None:
    killed = platform.processes[name]
    platform.kill(name)

    wait_until(lambda: platform.processes[name] not in (None, killed), 20, f"{name} is started again")
    platform.wait_ready()

    assert httpx.get(f"{platform.url('order')}/health/ready", timeout=5).status_code == 200


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_its_own_secrets_and_nobody_elses(platform: Platform, service: str) -> None:
    told = Path(f"/proc/{platform.processes[service]}/environ").read_bytes().decode()
    everything = platform.environment.everything()
    others = {name: text for name, text in everything.items() if name.endswith(("POSTGRES_URL", "AMQP_URL"))}

    assert everything[f"DOORSTEP_{service.upper()}_POSTGRES_URL"] in told
    for name, secret in others.items():
        if not name.startswith(f"DOORSTEP_{service.upper()}_"):
            assert secret not in told, name
    assert "signing-key" not in told


def test_dashboards_ask_for_nothing_that_the_processes_do_not_have(platform: Platform) -> None:
    addresses = [*(platform.url(service) for service in SERVICES), f"http://{platform.environment.tail_metrics}"]
    pages = [httpx.get(f"{address}/metrics", timeout=10).text for address in addresses]
    had = set().union(*(offered(page) for page in pages))
    assert dashboards()
    for dashboard in dashboards():
        assert asked_for(dashboard) - had == set()


def test_what_the_platform_writes_down_is_for_its_owner_alone(platform: Platform) -> None:
    for name in ("env.json", "signing-key.pem"):
        assert (platform.run_dir / name).stat().st_mode & 0o077 == 0, name


def test_the_command_line_proves_every_log_and_issues_tokens(platform: Platform) -> None:
    for service in SERVICES:
        verified = doorstep("log", "verify", service, run_dir=platform.run_dir)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    parked = doorstep("parked", "list", "dispatch", run_dir=platform.run_dir)
    assert (parked.returncode, parked.stdout) == (0, ""), parked.stderr
    token = doorstep("token", "--role", "operations", run_dir=platform.run_dir).stdout.strip()
    answer = httpx.get(
        f"{platform.url('order')}/v1/merchants", headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    assert answer.status_code == 200


def test_migrating_again_changes_nothing(platform: Platform) -> None:
    migrated = doorstep("migrate", run_dir=platform.run_dir)

    assert migrated.returncode == 0, migrated.stderr
    assert migrated.stdout.splitlines() == [f"{service}: up to date" for service in SERVICES]


@pytest.fixture
def runner(session_folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`doorstep up` as somebody would run it, with backends of its own."""
    run_dir = session_folder / "crashing"
    command = [sys.executable, "-m", "deploy.cli", "up", "--run-dir", str(run_dir)]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("DOORSTEP_")}
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=environment, start_new_session=True)
    yield running, run_dir
    running.kill()
    running.communicate()
    doorstep("down", run_dir=run_dir)


def test_down_stops_exactly_what_a_crashed_runner_left_behind(runner: tuple[subprocess.Popen[bytes], Path]) -> None:
    running, run_dir = runner
    wait_until(lambda: all_ready(run_dir), 120, "the platform is up")
    left = [Identity(entry.pid, entry.started) for entry in ledger_of(run_dir).entries() if entry.pid != running.pid]
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert all(processes.is_running(process) for process in left)

    down = doorstep("down", run_dir=run_dir)

    assert down.returncode == 0, down.stderr
    assert not any(processes.is_running(process) for process in left)
    assert bystander.poll() is None
    bystander.communicate(b"\n")
    assert doorstep("down", run_dir=run_dir).stdout.strip() == "nothing of ours was running"


def all_ready(run_dir: Path) -> bool:
    try:
        told = json.loads((run_dir / "env.json").read_text())
        addresses = [told[f"DOORSTEP_{service.upper()}_HTTP"] for service in SERVICES]
        return all(httpx.get(f"http://{address}/health/ready", timeout=2).is_success for address in addresses)
    except (OSError, ValueError, httpx.HTTPError):
        return False
