"""What the processes of a local platform are told of the settings of whoever started it."""

from pathlib import Path

import pytest

from deploy.local.environment import fresh_environment
from shared.runtime.settings import Settings


def test_a_server_of_routes_is_known_to_dispatch_and_to_its_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORSTEP_OSRM_URL", "http://127.0.0.1:5000")
    platform = fresh_environment(
        tmp_path,
        ["dispatch"],
        admin_url="postgresql://postgres@127.0.0.1:1/doorstep",
        amqp_urls={"dispatch": "amqp://127.0.0.1:1"},
        clock_speed=1.0,
        clock_epoch=None,
        log_level="info",
        has_policies=False,
    )
    (tmp_path / "jwks.json").write_text("{}")
    programs = {program.name: program.environment for program in platform.programs()}
    for name in ("dispatch", "engine"):
        assert Settings.from_environment("dispatch", programs[name]).osrm_url == "http://127.0.0.1:5000"
