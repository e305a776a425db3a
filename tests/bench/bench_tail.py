"""The real tail of the benchmarks' own service, as a process of its own."""

import sys
import threading

from shared.messaging.tail import run_tail
from tests.bench.workload import tail_spec


def main(postgres_url: str, amqp_url: str) -> None:
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    run_tail([tail_spec("order", postgres_url, amqp_url)], threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
