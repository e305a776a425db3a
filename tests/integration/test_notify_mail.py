"""Mails to a real SMTP server that takes, refuses, hesitates, goes down and comes back: none lost, none doubled."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller

from deploy.local.ports import free_ports
from services.notify.application import on_deadline
from services.notify.mail import Mailer
from services.notify.mailing import Mailing, Pause
from services.notify.wiring import NotifyParts, build
from shared.contracts import dispatch, order
from shared.contracts.message import Message
from shared.kernel.clock import FixedClock
from shared.messaging.inbox import batch_of
from tests.support.database import Database
from tests.support.waiting import wait_until
from tests.unit.notify.running import sequence, settings_of
from tests.unit.notify.story import NOW
from tests.unit.notify.wire import envelope, message


class Postman:
    """An SMTP server's handler that keeps what it takes, and answers as it was told to."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.answers: list[str] = []
        self.asked = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        self.asked += 1
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 kept"


@contextmanager
def open_at(port: int, postman: Postman) -> Iterator[None]:
    controller = Controller(postman, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


class Office:
    """Notify's parts, a clock to move and a mail server that can be opened."""

    def __init__(self, url: str) -> None:
        self.url = url
        (self.port,) = free_ports(1)
        self.postman = Postman()
        self.parts: NotifyParts = build(settings_of("notify", url, self.port))
        self.clock = FixedClock(NOW)
        self.mailing = self._sender()

    def _sender(self) -> Mailing:
        mailer = Mailer("127.0.0.1", self.port, timeout_seconds=5)
        return replace(self.parts.mailing, clock=self.clock, mailer=mailer, pause=Pause())

    def hear(self, order_id: str, *news: tuple[type[Message], dict[str, Any]]) -> None:
        """Notify hears of an order that has just been placed and accepted, and then the news."""
        known: list[tuple[type[Message], dict[str, Any]]] = [
            (order.OrderPlaced, {}),
            (order.OrderAccepted, {}),
            (order.DeliveryContactShared, {}),
            *news,
        ]
        for number, (kind, changes) in enumerate(known, 1):
            said = message(kind, order_id=order_id, **changes)
            wrapped = envelope(said, number, NOW - timedelta(minutes=2) if number == 1 else NOW)
            update = {"id": f"evt_{order_id}_{number}", "subject": f"{said.service}_{order_id}"}
            self.parts.inbox.consume(batch_of(wrapped.model_copy(update=update).to_bytes()))
        self.plan()

    def plan(self) -> None:
        sequence(self.url)
        while self.parts.mail_planner.run(self.parts.store):
            pass
        while self.parts.lists.run(self.parts.store):
            pass

    def send(self) -> int:
        """A turn of the sender, as if no pause were left over."""
        self.mailing.pause.until = 0.0
        return self.mailing.send_due()

    def later(self, seconds: float) -> datetime:
        self.clock.advance(timedelta(seconds=seconds))
        return self.clock.now()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def events(self, order_id: str) -> Counter[str]:
        """How often each thing happened to the mails of an order."""
        found = self.ask(
            "SELECT type FROM events WHERE stream_id IN (SELECT stream_id FROM events WHERE data->>'medium' = 'email'"
            " AND data->>'order_id' = %s)",
            order_id,
        )
        return Counter(row[0] for row in found)


@pytest.fixture
def office(database: Database) -> Iterator[Office]:
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        for table in ("mail_queue", "contacts", "inbox_position", "notifications"):
            connection.execute(f"DELETE FROM notify.{table}".encode())
    made = Office(database.url("notify"))
    try:
        yield made
    finally:
        made.parts.close()


def test_a_customer_with_an_address_gets_each_mail_once_in_their_language(office: Office) -> None:
    office.hear("ord_happy", (dispatch.RiderAssigned, {}))
    with open_at(office.port, office.postman):
        while office.send():
            pass
        office.plan()
        assert office.send() == 0
    subjects = [mail["Subject"] for mail in office.postman.taken]
    assert subjects == ["订单 _HAPPY 已接单", "订单 _HAPPY 已有骑手接单"]
    first = office.postman.taken[0]
    assert first["To"] == "li@example.org"
    assert first["Message-ID"].startswith("<ntf_")
    assert "Li Hua，您好" in first.get_content()
    assert office.events("ord_happy") == {"NotificationRequested": 2, "NotificationSent": 2}


def test_mails_wait_while_the_server_is_down_and_all_go_out_once_it_is_back(office: Office) -> None:
    office.hear("ord_down", (dispatch.RiderAssigned, {}), (order.OrderOutForDelivery, {}))
    for _ in range(5):
        assert office.send() == 0
        office.later(3600)
    assert office.mailing.pause.outages_in_a_row == 5
    assert office.events("ord_down") == {"NotificationRequested": 3}, "an outage is no try of any mail"
    with open_at(office.port, office.postman):
        assert office.send() == 3
    assert len(office.postman.taken) == 3
    assert office.events("ord_down")["NotificationSent"] == 3
    with pytest.raises(AssertionError, match="did not happen"):
        wait_until(lambda: office.send() or len(office.postman.taken) > 3, 0.2)
    assert office.mailing.pause.outages_in_a_row == 0


def test_the_server_is_left_alone_for_a_while_after_an_outage(office: Office) -> None:
    office.hear("ord_pause")
    assert office.mailing.send_due() == 0
    with open_at(office.port, office.postman):
        assert office.mailing.send_due() == 0, "the pause has not passed yet"
        wait_until(lambda: office.mailing.send_due() == 1, 5, "the pause passes")
    assert len(office.postman.taken) == 1


def test_a_server_that_goes_down_and_comes_back_between_mails_gets_the_rest(office: Office) -> None:
    office.hear("ord_half", (dispatch.RiderAssigned, {}))
    with open_at(office.port, office.postman):
        assert office.mailing._send_next()
    assert office.send() == 0
    with open_at(office.port, office.postman):
        assert office.send() == 1
    assert len({mail["Message-ID"] for mail in office.postman.taken}) == len(office.postman.taken) == 2


def test_a_hesitating_server_is_asked_again_after_a_pause(office: Office) -> None:
    office.hear("ord_later")
    office.postman.answers = ["451 try again", "421 busy"]
    with open_at(office.port, office.postman):
        assert office.send() == 1
        assert office.send() == 0, "not before its time"
        office.later(31)
        assert office.send() == 1
        office.later(61)
        assert office.send() == 1
    assert len(office.postman.taken) == 1
    assert office.events("ord_later") == {
        "NotificationRequested": 1,
        "NotificationDelayed": 2,
        "NotificationSent": 1,
    }


def test_a_server_that_hesitates_for_too_long_has_failed_the_mail(office: Office) -> None:
    office.hear("ord_never")
    office.postman.answers = ["451 try again"] * 50
    with open_at(office.port, office.postman):
        for _ in range(50):
            office.send()
            office.later(office.parts.policy.mail_longest_retry_seconds + 1)
    events = office.events("ord_never")
    assert events["NotificationFailed"] == 1
    assert events["NotificationDelayed"] < 50
    assert office.postman.asked == events["NotificationDelayed"] + 1
    assert office.ask("SELECT 1 FROM mail_queue") == []


def test_a_refused_mail_has_failed_at_once_and_its_reason_names_nobody(office: Office) -> None:
    office.hear("ord_refused")
    office.postman.answers = ["550 li@example.org is unknown here"]
    with open_at(office.port, office.postman):
        assert office.send() == 1
    assert office.events("ord_refused") == {"NotificationRequested": 1, "NotificationFailed": 1}
    (row,) = office.ask(
        "SELECT data::text FROM events WHERE type = 'NotificationFailed' AND data->>'order_id' = 'ord_refused'"
    )
    assert "550" in row[0]
    assert "li@example.org" not in row[0]


def test_the_contact_is_gone_once_the_last_mail_after_the_end_has_gone(office: Office) -> None:
    office.hear("ord_end", (order.OrderCompleted, {}), (order.DeliveryContactWithdrawn, {}))
    over = office.later(office.parts.policy.contact_grace_seconds + 1)
    office.parts.store.take_due(over, lambda tx, due: on_deadline(tx, due, over, office.parts.policy))
    office.plan()
    contact = "SELECT 1 FROM contacts WHERE order_id = 'ord_end'"
    assert len(office.ask(contact)) == 1
    with open_at(office.port, office.postman):
        assert office.mailing._send_next()
        assert len(office.ask(contact)) == 1
        assert office.mailing._send_next()
    assert office.ask(contact) == []
    assert [mail["Subject"] for mail in office.postman.taken] == ["订单 RD_END 已接单", "订单 RD_END 体验如何？"]


def test_two_senders_at_once_send_each_mail_once(office: Office) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(6):
        office.hear(f"ord_pair{number}")
    senders = [office.mailing, office._sender(), office._sender()]
    with open_at(office.port, office.postman), ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(lambda sender: sender.send_due(), senders)) == 6
    assert len({mail["Message-ID"] for mail in office.postman.taken}) == len(office.postman.taken) == 6


def test_an_address_that_no_mail_can_have_fails_and_holds_up_nobody(office: Office) -> None:
    odd = order.ContactPerson(name="Odd", phone="1", email="odd\nBcc: all@example.org", language="en")
    office.hear("ord_odd", (order.DeliveryContactShared, {"customer": odd}), (order.OrderReady, {}))
    office.hear("ord_even")
    with open_at(office.port, office.postman):
        while office.send():
            pass
    assert office.events("ord_odd")["NotificationFailed"] >= 1
    assert {mail["To"] for mail in office.postman.taken} == {"li@example.org"}
