"""The real tail as a process of its own, for tests that kill it."""

import sys
import threading
import time

from shared.messaging import metrics
from shared.messaging.tail import run_tail
from tests.contract.publishing import spec


def main(service: str, postgres_url: str, amqp_url: str) -> None:
    threading.Thread(target=_say_when_leading, args=(service,), daemon=True).start()
    run_tail([spec(service, postgres_url, amqp_url)])


def _say_when_leading(service: str) -> None:
    while metrics.REGISTRY.get_sample_value("doorstep_tail_leader", {"service": service}) != 1:
        time.sleep(0.02)
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
