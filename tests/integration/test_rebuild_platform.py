"""What the running services serve is what their logs say, and the operator's commands work on a running platform."""

import json
import subprocess
import sys
from contextlib import closing
from importlib import import_module
from typing import Any

import pika
import pytest

from deploy.local.environment import ROOT
from deploy.local.platform import Platform
from shared.contracts.message import SERVICES
from tests.system import test_one_order

town = test_one_order.town
DECLARED = [
    (service, projection.name)
    for service in SERVICES
    for projection in import_module(f"services.{service}.wiring").PROJECTIONS
]
SECRETS = ("Chen Yu", "13812345678", "chen@example.com", "18 Willow Lane")


def doorstep(platform: Platform, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words, "--run-dir", str(platform.run_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def exported(platform: Platform, town: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The order service's log, as exported after an order lived on this platform."""
    test_one_order.test_an_order_lives_from_placing_to_review(platform, town)
    path = tmp_path_factory.mktemp("exports") / "order.jsonl"
    doorstep(platform, "log", "export", "order", "--file", str(path))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def order_id(exported: list[Any]) -> str:
    [placed] = [event for event in exported if event["type"] == "OrderPlaced"]
    return str(placed["stream_id"])


@pytest.mark.parametrize(("service", "projection"), DECLARED)
def test_every_projection_rebuilt_on_the_running_platform_is_what_it_serves(
    platform: Platform, exported: list[Any], service: str, projection: str
) -> None:
    said = doorstep(platform, "rebuild", service, projection)
    differed = said.rpartition("rows that differed: ")[2].strip()
    assert differed
    assert all(table.endswith(" 0") for table in differed.split(", ")), said
    assert len(exported) > 10


def test_a_projection_that_is_not_there_names_those_that_are(platform: Platform) -> None:
    with pytest.raises(AssertionError, match="order has no projection lists; it has order_list, merchant_list"):
        doorstep(platform, "rebuild", "order", "lists")


def test_an_export_of_the_platform_gives_no_person_away(exported: list[Any]) -> None:
    text = json.dumps(exported, ensure_ascii=False)
    assert not [secret for secret in SECRETS if secret in text]


def test_a_past_state_of_an_order_is_shown_without_its_person(platform: Platform, order_id: str) -> None:
    said = doorstep(platform, "stream", "show", order_id, "--at", "1")
    shown = json.loads(said)
    assert (shown["service"], shown["category"], shown["version"]) == ("order", "order", 1)
    assert [event["type"] for event in shown["events"]] == ["OrderPlaced"]
    assert shown["last_version"] > 5
    assert not [secret for secret in SECRETS if secret in said]
    opened = doorstep(platform, "stream", "show", order_id, "--at", "1", "--personal")
    assert "Chen Yu" in opened


def test_the_difference_between_two_moments_of_an_order_is_shown(platform: Platform, order_id: str) -> None:
    first = json.loads(doorstep(platform, "stream", "show", order_id, "--at", "1"))
    diff = json.loads(doorstep(platform, "stream", "show", order_id, "--diff", first["recorded_at"]))["diff"]
    assert diff["from_version"] == 1
    assert [event["version"] for event in diff["events"]] == list(range(2, diff["to_version"] + 1))
    assert diff["events"][-1]["type"] == "OrderReviewed"
    assert [change["path"] for change in diff["changes"]]


def test_a_replay_of_the_running_platform_reaches_a_queue_of_the_callers(platform: Platform) -> None:
    url = platform.environment.everything()["DOORSTEP_AMQP_URL"]
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.queue_declare("partner.again", durable=True)
        doorstep(platform, "log", "replay", "order", "--queue", "partner.again")
        _, _, body = channel.basic_get("partner.again", auto_ack=True)
        channel.queue_delete("partner.again")
    assert json.loads(body)["replayid"].startswith("rpl_")
