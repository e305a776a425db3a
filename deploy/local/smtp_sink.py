"""A mail server for one machine: takes every mail and keeps it as a file, so that nothing is ever sent to anybody."""

import argparse
import itertools
import os
import signal
import time
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from deploy.local.ports import LOOPBACK


class MailFolder:
    """Writes each mail to `<folder>/<time>-<number>.eml`, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        name = f"{time.time_ns()}-{next(self._numbers)}.eml"
        recipients = ", ".join(envelope.rcpt_tos)
        fresh = self._folder / f".{name}"
        fresh.write_bytes(f"X-Envelope-To: {recipients}\r\n".encode() + envelope.content)
        os.replace(fresh, self._folder / name)
        return "250 kept"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the server's thread starts, so that they wait for us instead of ending it.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    controller = Controller(MailFolder(arguments.folder), hostname=LOOPBACK, port=arguments.port)
    controller.start()
    signal.sigwait(signals)
    controller.stop()


if __name__ == "__main__":
    main()
