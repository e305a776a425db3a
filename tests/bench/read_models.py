"""How fast the services' own read models are built again by the operator's way, from logs such as theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import psycopg

from services.dispatch.codec import DELIVERY
from services.dispatch.wiring import VIEWS
from services.notify.application import NOTIFICATION
from services.notify.domain import events as notify
from services.notify.domain.vocabulary import Language, Medium, Role
from services.notify.wiring import LISTS
from services.order.codec import ORDER
from services.order.projecting import ORDER_LIST
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.projection import Projection
from shared.eventstore.rebuild import rebuild
from tests.bench import workload
from tests.bench.figures import Report, in_turn
from tests.bench.rebuild import sequence
from tests.support.database import Database, fresh_database
from tests.unit.dispatch import scenes as d
from tests.unit.order import facts as o

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Life:
    """A stream as it is often lived, of which the log gets many copies."""

    service: str
    projection: Projection
    aggregate: Aggregate[Any, Any]
    prefix: str
    events: Sequence[Any]


def _told() -> Sequence[Any]:
    name = f"ntf_{SEED}"
    asked = notify.NotificationRequested(
        notification_id=name,
        recipient_id="cus_1",
        role=Role.CUSTOMER,
        medium=Medium.IN_APP,
        template="order_placed",
        params={"minutes": "12"},
        language=Language.CHINESE,
        order_id=f"ord_{SEED}",
        source="evt_1",
        occurred_at=workload.NOW,
        requested_at=workload.NOW,
    )
    sent = notify.NotificationSent(
        notification_id=name,
        recipient_id="cus_1",
        medium=Medium.IN_APP,
        template="order_placed",
        order_id=f"ord_{SEED}",
        sent_at=workload.NOW,
    )
    return asked, sent, notify.NotificationRead(notification_id=name, recipient_id="cus_1", read_at=workload.NOW)


def lives() -> Sequence[Life]:
    carried = (
        replace(d.announced, order_id=f"ord_{SEED}"),
        *(d.requested, d.offered, d.assigned, d.goods_ready, d.at_pickup, d.picked_up, d.at_dropoff, d.delivered),
    )
    ordered = (
        replace(o.placed, order_id=f"ord_{SEED}"),
        *(o.accepted, o.cooking, o.assigned, o.ready, o.picked_up, o.delivered, o.confirmed, o.completed),
    )
    return (
        Life("dispatch", VIEWS, DELIVERY, "dlv", carried),
        Life("order", ORDER_LIST, ORDER, "ord", ordered),
        Life("notify", LISTS, NOTIFICATION, "ntf", _told()),
    )


def run(report: Report, postgres_url: str, rounds: int, events: int) -> None:
    for life in lives():
        with fresh_database(postgres_url, (life.service,)) as database:
            written = _fill(database, life, events)
            (rates,) = in_turn(rounds, partial(_rate, database, life, written))
        report.add("rebuild", f"{life.service}: {life.projection.name}, by its command", "events/s", rates)


def _rate(database: Database, life: Life, written: int) -> float:
    done = rebuild(database.admin_url, life.service, life.projection, workload.MASTER_KEY)
    assert done.events == written
    return done.rate


def _fill(database: Database, life: Life, events: int) -> int:
    """One stream through the store, then copies of it made by the server, each under an id of its own."""
    store = workload.open_store(database.url(life.service))
    store.append(life.aggregate, f"{life.prefix}_{SEED}", 0, life.events, workload.context())
    store.close()
    copies = events // len(life.events)
    with psycopg.connect(database.url(life.service), autocommit=True) as connection:
        connection.execute(_COPIES, {"seed": SEED, "copies": copies})
    sequence(database, len(life.events) * (copies + 1), life.service)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("ANALYZE")
    return len(life.events) * (copies + 1)


# Copies are written event by event, not stream by stream: in a log many lives go on at once.
_COPIES = """
WITH copies AS (SELECT n, md5(n::text) AS name FROM generate_series(1, %(copies)s::int) n),
made AS (
    INSERT INTO streams (stream_id, category, version)
    SELECT replace(stream_id, %(seed)s, name), category, version FROM streams, copies
)
INSERT INTO events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT replace(stream_id, %(seed)s, name), version, 'evt_' || md5(name || version), type, schema_version,
       replace(data::text, %(seed)s, name)::json, metadata, recorded_at
FROM events, copies ORDER BY n / 50, version, n
"""
