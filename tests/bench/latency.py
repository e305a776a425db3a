"""From the commit of an event to the handler in another service, through sequencer, relay, broker and inbox."""

import time
from contextlib import closing

from deploy.local.backends import Backends
from shared.kernel.ids import new_id
from shared.messaging.topology import declare_platform
from tests.bench import workload
from tests.bench.figures import Report, percentile, say
from tests.contract.consuming import HEARD
from tests.contract.processes import Speaking, speaking
from tests.support.broker import fresh_virtual_host
from tests.support.database import fresh_database
from tests.support.waiting import wait_until

RATES = (50, 200, 500)
WARM_UP_EVENTS = 50


def run(report: Report, backends: Backends, seconds: float) -> None:
    with (
        fresh_database(backends.postgres_url, ("order", "dispatch")) as database,
        fresh_virtual_host(backends.broker) as broker,
    ):
        declare_platform(broker.url, {"order": (), "dispatch": HEARD})
        order, dispatch = database.url("order"), database.url("dispatch")
        with (
            speaking("tests.bench.bench_service", "ours", dispatch, broker.url, "times") as handler,
            speaking("tests.bench.bench_tail", order, broker.url_for("order")),
        ):
            measured(handler, order, 50, WARM_UP_EVENTS / 50)
            for rate in RATES:
                taken = measured(handler, order, rate, seconds)
                for percent in (50, 99):
                    case = f"commit to handler p{percent} at {rate}/s"
                    report.add("latency", case, "ms", [percentile(taken, percent) * 1000])


def measured(handler: Speaking, dsn: str, rate: int, seconds: float) -> list[float]:
    """Appends at an even rate, however slow the answers are; seconds from each commit to its handling, sorted."""
    committed: dict[str, float] = {}
    with closing(workload.open_store(dsn)) as store:
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            stream_id = new_id("ord")
            store.append(workload.STEPS, stream_id, 0, [workload.noted(stream_id)], workload.context())
            committed[stream_id] = time.time()
        kept = len(committed) / (time.perf_counter() - started)
    if kept < rate * 0.9:
        say(f"the machine appended {kept:.0f}/s where {rate}/s were asked for")

    def handled() -> dict[str, float]:
        return {line["id"]: line["at"] for line in list(handler.lines) if line.get("id") in committed}

    wait_until(lambda: len(handled()) == len(committed), 30, "every event is handled")
    return sorted(max(0.0, at - committed[stream_id]) for stream_id, at in handled().items())
