"""One tail of one service: `python -m deploy.faults.tail <layout> <service> <name>`; several may run."""

import sys

from deploy.faults.layout import Layout
from deploy.faults.synthetic import tail_spec
from shared.messaging.tail import run_tail


def main(layout_file: str, service: str, name: str) -> None:
    layout = Layout.read(layout_file)
    run_tail([tail_spec(service, layout.named_postgres(service, name), layout.amqp[service])])


if __name__ == "__main__":
    main(*sys.argv[1:])
