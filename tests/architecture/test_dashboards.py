"""A dashboard that asks for a metric that nobody has shows nothing, and looks as if all were well."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dashboards import FOLDER, asked_for, dashboards, expressions, metrics_in, offered

ROOT = FOLDER.parents[1]
# What `deploy/serve.py` imports for each service, and what a tail shows.
PROGRAM = """
from shared.runtime import process
from importlib import import_module
from shared.contracts.message import SERVICES
for service in SERVICES:
    import_module(f"services.{service}.service")
import shared.messaging.tail
from shared.runtime import metrics
print(metrics.render().decode())
"""


@pytest.fixture(scope="module")
def registered() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return offered(done.stdout)


@pytest.mark.parametrize("dashboard", dashboards(), ids=lambda path: path.name)
def test_a_dashboard_names_only_metrics_that_exist(dashboard: Path, registered: set[str]) -> None:
    asked = asked_for(dashboard)
    assert len(asked) > 20
    assert asked - registered == set()


def test_the_dashboard_shows_every_step_of_an_event_and_all_that_waits() -> None:
    shown = set().union(*(asked_for(path) for path in dashboards()))
    assert {
        "doorstep_sequence_lag_seconds_bucket",
        "doorstep_relay_lag_seconds_bucket",
        "doorstep_subscription_lag_seconds_bucket",
        "doorstep_relay_confirm_seconds_bucket",
        "doorstep_relay_blocked",
        "doorstep_parked_waiting",
        "doorstep_parked_oldest_seconds",
        "doorstep_deadlines_late",
        "doorstep_hub_lag_seconds_bucket",
    } <= shown


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("sum(a_total)", {"a_total"}),
        ('rate(a_total{route="b_c",x=~"d"}[5m])', {"a_total"}),
        ("histogram_quantile(0.99, sum by (le, route) (rate(a_bucket[$__rate_interval])))", {"a_bucket"}),
        ("a - on (service) b", {"a", "b"}),
        ("count(a == 0) or vector(0)", {"a"}),
    ],
)
def test_the_metrics_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert metrics_in(expression) == names


def test_a_dashboard_with_a_planted_metric_that_nobody_has_is_caught(registered: set[str], tmp_path: Path) -> None:
    [shown] = dashboards()
    planted = tmp_path / shown.name
    planted.write_text(shown.read_text().replace("doorstep_relay_published_total", "doorstep_relay_publishd_total"))
    assert asked_for(planted) - registered == {"doorstep_relay_publishd_total"}


@pytest.mark.parametrize("dashboard", dashboards(), ids=lambda path: path.name)
def test_panels_have_ids_of_their_own_and_say_what_they_show(dashboard: Path) -> None:
    panels = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    shown = [panel for panel in panels if panel["type"] != "row"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] for panel in panels)
    assert all(panel["description"] and list(expressions(panel)) for panel in shown)
