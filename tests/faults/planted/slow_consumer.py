"""A consumer that takes its time over every message, and stands still while a file named `stop` is in its folder."""

import sys
import threading
from pathlib import Path

from deploy.faults.consumer import main
from deploy.faults.synthetic import HEARD
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.ports import Store, Transaction
from shared.messaging.inbox import Handle, Inbox

SECONDS_PER_MESSAGE = 0.001
LOOK_SECONDS = 0.05


def slowed(folder: Path, handle: Handle) -> Handle:
    never = threading.Event()

    def slowly(tx: Transaction, envelope: Envelope, message: Message) -> None:
        while (folder / "stop").exists():
            never.wait(LOOK_SECONDS)
        never.wait(SECONDS_PER_MESSAGE)
        handle(tx, envelope, message)

    return slowly


if __name__ == "__main__":
    layout_file, service, process = sys.argv[1:]

    def slow_inbox(store: Store, name: str, handle: Handle) -> Inbox:
        return Inbox(store, name, slowed(Path(layout_file).parent, handle), heard=HEARD[service])

    main(layout_file, service, process, make_inbox=slow_inbox)
