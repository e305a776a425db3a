"""Notify on a real database: every message has its effect once, contacts are forgotten, alerts go up the chain."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from services.notify.application import ALERT, on_deadline
from services.notify.domain.state import Alert, Attention
from services.notify.wiring import NotifyParts, build, hear
from shared.contracts import dispatch, order, support
from shared.contracts.message import Message
from shared.messaging.inbox import batch_of
from tests.support.database import Database
from tests.unit.notify.running import sequence, settings_of
from tests.unit.notify.story import CUSTOMER, MERCHANT, NOW, RIDER
from tests.unit.notify.wire import envelope, message

LIFE: list[tuple[type[Message], dict[str, Any]]] = [
    (order.MerchantRegistered, {}),
    (order.OrderPlaced, {}),
    (order.OrderAwaitingMerchant, {}),
    (order.OrderAccepted, {}),
    (order.DeliveryContactShared, {}),
    (dispatch.DeliveryOffered, {}),
    (dispatch.DispatcherNeeded, {}),
    (dispatch.RiderAssigned, {}),
    (order.OrderReady, {}),
    (dispatch.ArrivedAtPickup, {}),
    (order.OrderOutForDelivery, {}),
    (dispatch.ArrivedAtDropoff, {}),
    (order.OrderDelivered, {}),
    (order.OrderCompleted, {}),
    (order.DeliveryContactWithdrawn, {}),
    (order.OrderReviewed, {}),
]


@pytest.fixture
def url(database: Database) -> str:
    """The service's database, emptied by its owner: each test starts anew."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in (
            "notifications", "alerts", "preferences", "contacts", "merchants", "mail_queue",
            "deadlines", "inbox_position", "follower_positions",
        ):  # fmt: skip
            connection.execute(f"DELETE FROM notify.{table}".encode())
    return database.url("notify")


@pytest.fixture
def parts(url: str) -> Iterator[NotifyParts]:
    made = build(settings_of("notify", url))
    try:
        yield made
    finally:
        made.close()


def bodies(life: list[tuple[type[Message], dict[str, Any]]], order_id: str) -> list[bytes]:
    """The messages of one order's life as they come off the wire; each stream counts its own versions."""
    versions: Counter[str] = Counter()
    result = []
    for kind, changes in life:
        known = message(kind, **_about(kind, order_id), **changes)
        versions[known.source()] += 1
        at = NOW - timedelta(minutes=2) if kind is order.OrderPlaced else NOW
        wrapped = envelope(known, versions[known.source()], at)
        update = {"id": wrapped.id.replace("evt_", f"evt_{order_id}_"), "subject": f"{wrapped.subject}{order_id}"}
        result.append(wrapped.model_copy(update=update).to_bytes())
    return result


def _about(kind: type[Message], order_id: str) -> dict[str, str]:
    return {"order_id": order_id} if "order_id" in kind.model_fields else {}


def rows(url: str, query: str, *values: object) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), values).fetchall()


def requests_of(url: str, order_id: str) -> Counter[tuple[str, str]]:
    """(template, medium) of all that was asked for about an order, from the events themselves."""
    found = rows(
        url,
        "SELECT data->>'template' AS template, data->>'medium' AS medium FROM events"
        " WHERE type = 'NotificationRequested' AND data->>'order_id' = %s",
        order_id,
    )
    return Counter((row["template"], row["medium"]) for row in found)


def project(parts: NotifyParts, url: str) -> None:
    sequence(url)
    while parts.lists.run(parts.store):
        pass
    while parts.mail_planner.run(parts.store):
        pass


def test_a_whole_life_is_told_once_however_often_its_messages_come(parts: NotifyParts, url: str) -> None:
    life = bodies(LIFE, "ord_life")
    parts.inbox.consume(batch_of(*life))
    once = requests_of(url, "ord_life")
    parts.inbox.consume(batch_of(*life))
    for body in life:
        parts.inbox.consume(batch_of(body, body))
    assert requests_of(url, "ord_life") == once
    assert set(once.values()) == {1}
    assert once[("order_accepted.customer", "email")] == 1
    assert ("order_placed.customer", "email") not in once
    assert once[("order_completed.customer", "email")] == 1
    assert rows(url, "SELECT 1 FROM parked") == []


def test_handlers_have_one_effect_even_without_an_inbox_before_them(parts: NotifyParts, url: str) -> None:
    for _ in range(2):
        for kind, changes in LIFE:
            known = message(kind, **_about(kind, "ord_bare"), **changes)
            with parts.store.transaction() as tx:
                hear(parts.clock, parts.policy, tx, envelope(known, LIFE.index((kind, changes)) + 1), known)
    told = requests_of(url, "ord_bare")
    assert set(told.values()) == {1}
    assert len(told) > len(LIFE)


def test_two_processes_that_hear_the_same_say_it_once(parts: NotifyParts, url: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    life = bodies(LIFE, "ord_twins")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: parts.inbox.consume(batch_of(*life)), range(4)))
    told = requests_of(url, "ord_twins")
    assert told
    assert set(told.values()) == {1}


def test_the_lists_show_each_recipient_their_own(parts: NotifyParts, url: str) -> None:
    parts.inbox.consume(batch_of(*bodies(LIFE, "ord_lists")))
    project(parts, url)
    found = rows(
        url,
        "SELECT recipient_id, role FROM notifications WHERE order_id = 'ord_lists' GROUP BY 1, 2 ORDER BY 2",
    )
    assert [(row["recipient_id"], row["role"]) for row in found] == [
        (CUSTOMER, "customer"), (MERCHANT, "merchant"), (RIDER, "rider"),
    ]  # fmt: skip


def test_no_event_holds_a_name_or_an_address(parts: NotifyParts, url: str) -> None:
    parts.inbox.consume(batch_of(*bodies(LIFE, "ord_secret")))
    for word in ("Li Hua", "li@example.org", "13800000000", "Campus Road"):
        assert rows(url, "SELECT type FROM events WHERE data::text LIKE %s", f"%{word}%") == []


def test_the_contact_stays_for_the_grace_and_for_its_last_mail_and_is_then_gone(parts: NotifyParts, url: str) -> None:
    parts.inbox.consume(batch_of(*bodies(LIFE, "ord_gone")))
    project(parts, url)
    contact = "SELECT closing FROM contacts WHERE order_id = 'ord_gone'"
    assert [row["closing"] for row in rows(url, contact)] == [False]
    over = NOW + timedelta(seconds=parts.policy.contact_grace_seconds + 1)
    assert parts.store.take_due(over, lambda tx, due: on_deadline(tx, due, over, parts.policy)) >= 1
    project(parts, url)
    assert [row["closing"] for row in rows(url, contact)] == [True], "mails are still waiting for it"
    with psycopg.connect(url) as connection:
        waiting = connection.execute("SELECT count(*) FROM mail_queue WHERE order_id = 'ord_gone'").fetchone()
    assert waiting is not None
    assert waiting[0] > 0


def test_a_contact_with_no_mail_left_goes_at_the_end_of_the_grace(parts: NotifyParts, url: str) -> None:
    person = order.ContactPerson(name="No Mail", phone="1", language="zh")
    life = [
        (kind, {"customer": person} if kind is order.DeliveryContactShared else changes) for kind, changes in LIFE
    ]
    parts.inbox.consume(batch_of(*bodies(life, "ord_silent")))
    assert all(medium == "in_app" for _, medium in requests_of(url, "ord_silent"))
    over = NOW + timedelta(seconds=parts.policy.contact_grace_seconds + 1)
    parts.store.take_due(over, lambda tx, due: on_deadline(tx, due, over, parts.policy))
    project(parts, url)
    assert rows(url, "SELECT 1 FROM contacts WHERE order_id = 'ord_silent'") == []


def test_an_alert_goes_up_the_chain_once_per_deadline(parts: NotifyParts, url: str) -> None:
    parts.inbox.consume(batch_of(*bodies([(dispatch.RiderWentSilent, {})], "ord_alert")))
    (stream,) = rows(
        url, "SELECT stream_id FROM events WHERE type = 'AlertRaised' AND data->>'order_id' = 'ord_alert'"
    )
    at = NOW
    levels = []
    for _ in range(4):
        at += timedelta(seconds=61)
        moment = at
        for _ in range(2):
            parts.store.take_due(moment, lambda tx, due, now=moment: on_deadline(tx, due, now, parts.policy))  # type: ignore[misc]
        state = parts.store.load(ALERT, stream["stream_id"]).state
        assert isinstance(state, Alert)
        levels.append((state.level, state.asked))
    assert levels == [(2, "operations"), (3, "operator"), (3, "operator"), (3, "operator")]


def test_an_alert_settles_itself_when_a_rider_is_found(parts: NotifyParts, url: str) -> None:
    parts.inbox.consume(
        batch_of(*bodies([(dispatch.DispatcherNeeded, {}), (dispatch.RiderAssigned, {})], "ord_found"))
    )
    (stream,) = rows(
        url, "SELECT stream_id FROM events WHERE type = 'AlertRaised' AND data->>'order_id' = 'ord_found'"
    )
    state = parts.store.load(ALERT, stream["stream_id"]).state
    assert isinstance(state, Alert)
    assert state.attention is Attention.SETTLED


def test_news_of_an_order_that_nobody_announced_yet_waits_for_its_people(parts: NotifyParts, url: str) -> None:
    early = bodies([(dispatch.ArrivedAtDropoff, {}), (support.RedispatchRequested, {})], "ord_early")
    parts.inbox.consume(batch_of(*early))
    assert requests_of(url, "ord_early") == Counter()
    parts.inbox.consume(batch_of(*bodies([(order.OrderPlaced, {})], "ord_early")))
    assert requests_of(url, "ord_early") == Counter(
        {
            ("rider_at_dropoff.customer", "in_app"): 1,
            ("order_redispatched.customer", "in_app"): 1,
            ("order_redispatched.merchant", "in_app"): 1,
            ("order_placed.customer", "in_app"): 1,
        }
    )
