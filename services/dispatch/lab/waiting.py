"""Waits for previews to be asked for, and has each played by a process that ends when nothing is left to play."""

import subprocess
import sys
import threading
from collections.abc import Mapping

import psycopg

from services.dispatch import preview_views
from shared.eventstore.connecting import connect
from shared.runtime.logging import get_logger
from shared.runtime.settings import Settings

LOOK_EVERY_SECONDS = 1.0
PAUSE_SECONDS = 5.0
PLAYER = "services.dispatch.lab.previewing"

_log = get_logger(__name__)


def wait_for_previews(settings: Settings, environment: Mapping[str, str], stop: threading.Event) -> None:
    """Until `stop` is set. The player, who is told `environment`, is stopped too; what it had begun is taken up again
    later."""
    while not stop.is_set():
        pause = LOOK_EVERY_SECONDS
        try:
            if _something_waits(settings) and not _play(environment, stop):
                pause = PAUSE_SECONDS
        except psycopg.Error as error:
            _log.warning("lab_waits_for_the_database", kind=type(error).__name__)
            pause = PAUSE_SECONDS
        stop.wait(pause)


def _something_waits(settings: Settings) -> bool:
    connection = connect(settings.postgres_url)
    try:
        return preview_views.anything_to_play(connection)
    finally:
        connection.close()


def _play(environment: Mapping[str, str], stop: threading.Event) -> bool:
    """Whether the player came to its end."""
    player = subprocess.Popen([sys.executable, "-m", PLAYER], env=dict(environment))
    while player.poll() is None:
        if stop.wait(LOOK_EVERY_SECONDS):
            player.terminate()
            player.wait()
            return False
    if player.returncode != 0:
        _log.error("preview_player_ended", code=player.returncode)
    return player.returncode == 0
