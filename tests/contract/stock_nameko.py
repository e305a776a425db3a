"""Another team's service, as nameko's own documentation would have it; says on standard output what it hears."""

import eventlet

eventlet.monkey_patch()

import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from nameko.events import event_handler  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Neighbour:
    """Knows nothing of Doorstep but the names of services and events."""

    name = "neighbour"

    @event_handler("order", "OrderPlaced")
    def on_order_placed(self, payload: dict[str, Any]) -> None:
        say(heard="OrderPlaced", payload=payload)

    @event_handler("dispatch", "RiderAssigned")
    def on_rider_assigned(self, payload: dict[str, Any]) -> None:
        say(heard="RiderAssigned", payload=payload)

    @event_handler("dispatch", "DeliveryFailed")
    def on_delivery_failed(self, payload: dict[str, Any]) -> None:
        say(heard="DeliveryFailed", payload=payload)


def main(amqp_url: str) -> None:
    runner = ServiceRunner({"AMQP_URI": amqp_url})
    runner.add_service(Neighbour)
    runner.start()
    say(ready=True)
    runner.wait()


if __name__ == "__main__":
    main(sys.argv[1])
