"""A customer who asks for it is gone from everything that the platform keeps, and the log stays whole."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pika
import psycopg
import pytest

from deploy.commands.rebuild import projection_of
from deploy.local.backends import Backends, private_home
from deploy.local.environment import ROOT
from deploy.local.platform import Platform
from services.order.reactors import decoded
from services.order.wiring import PROJECTIONS
from shared.contracts.message import SERVICES
from shared.eventstore.verify import verify_log
from tests.support.waiting import wait_until
from tests.system.personal import Search, contents, drained, streamed, whole_log
from tests.system.planting import COMMENT, EMAIL, NAME, SAID_TO_SUPPORT, SECRETS, TASK, Customer, accepted, delivered
from tests.system.test_one_order import Person, town

__all__ = ["town"]

SEARCH = Search(SECRETS)


@dataclass
class Planted:
    """A customer with an order that was delivered, reviewed and complained about, one that is brought elsewhere than
    was said first, and an errand."""

    platform: Platform
    customer: Customer
    ended: str
    under_way: str
    errand: str
    case_id: str
    before: list[Path] = field(default_factory=list)

    @property
    def about_them(self) -> Search:
        """Finds what is known of the customer without any key, which shows that a place was looked into at all."""
        return Search([self.customer.customer_id])

    def doorstep(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", *words, "--run-dir", str(self.platform.run_dir)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def exports(planted: Planted, folder: Path) -> list[Path]:
    """The logs of all services, in both formats."""
    files = [folder / f"{service}.{form}" for service in SERVICES for form in ("jsonl", "parquet")]
    for file in files:
        planted.doorstep("log", "export", file.stem, "--file", str(file))
    return files


@pytest.fixture(scope="module")
def planted(platform: Platform, town: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Everything that can be known of a customer is, wherever it can be."""
    customer, merchant_id = Customer(platform), town["merchant_id"]
    ended = customer.place(merchant_id)
    accepted(platform, merchant_id, ended)
    delivered(platform, town, ended)
    customer.reaches(ended, "delivered")
    customer.post(f"/v1/orders/{ended}/confirm", {})
    customer.reaches(ended, "completed")
    customer.post(f"/v1/orders/{ended}/review", {"merchant": 5, "rider": 5, "platform": 4, "comment": COMMENT})
    under_way = customer.place(merchant_id)
    accepted(platform, merchant_id, under_way)
    customer.says_what_nobody_understands(merchant_id, under_way)
    customer.moves(under_way)
    errand = customer.sends_for()
    complaint = {"order_id": ended, "reason": "cold_food", "note": SAID_TO_SUPPORT}
    agent = Person(platform, "support", "agt_1")
    case_id = agent.post("support", "/v1/cases", complaint)["case_id"]
    made = Planted(platform, customer, ended, under_way, errand, case_id)
    wait_until(lambda: EMAIL in mails(platform), timeout=60, message="no mail was sent")
    wait_until(lambda: noted(made) == SAID_TO_SUPPORT, timeout=30, message="the case is in no list")
    wanted = {(service, order_id) for service in ("dispatch", "notify") for order_id in (under_way, errand)}
    wait_until(lambda: contacts(made) >= wanted, 30, "no contact came")
    made.before = exports(made, tmp_path_factory.mktemp("before"))
    return made


def mails(platform: Platform) -> str:
    return "".join(path.read_text(errors="replace") for path in platform.mail_dir.rglob("*") if path.is_file())


def noted(planted: Planted) -> str:
    agent = Person(planted.platform, "support", "agt_1")
    return "".join(case["note"] for case in agent.get("support", f"/v1/cases?order_id={planted.ended}")["items"])


def contacts(planted: Planted) -> set[tuple[str, str]]:
    """Who keeps a contact, and of which order."""
    with psycopg.connect(planted.platform.admin_url) as connection:
        return {
            (service, order_id)
            for service in ("dispatch", "notify")
            for (order_id,) in connection.execute(f"SELECT order_id FROM {service}.contacts".encode())
        }


def test_what_is_personal_is_in_no_table_and_no_public_place_even_before(planted: Planted) -> None:
    assert planted.customer.order(planted.under_way)["recipient"]["name"] == NAME
    assert planted.customer.order(planted.errand)["errand"]["task"] == TASK
    assert SEARCH.in_tables(planted.platform.admin_url) == []
    assert [path for path in planted.before if SEARCH.in_bytes(contents(path))] == []
    assert planted.about_them.in_tables(planted.platform.admin_url)


@pytest.mark.parametrize("role", ["customer", "merchant", "rider", "dispatcher", "support", "operations", "analyst"])
def test_nobody_but_an_operator_may_forget_a_customer(planted: Planted, role: str) -> None:
    customer_id, platform = planted.customer.customer_id, planted.platform
    url = f"{platform.url('order')}/v1/customers/{customer_id}/forget"
    token = platform.token((role,), (customer_id,))
    answer = httpx.post(url, json={"even_with_open_orders": True}, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")
    assert httpx.post(url, json={}).status_code == 401
    assert planted.customer.order(planted.under_way)["recipient"]["name"] == NAME


@pytest.fixture(scope="module")
def forgotten(planted: Planted) -> Planted:
    """Forgotten once by the command, once over HTTP, and heard of by everybody."""
    customer_id, platform = planted.customer.customer_id, planted.platform
    forget = f"/v1/customers/{customer_id}/forget"
    operator = Person(platform, "operator")
    with pytest.raises(AssertionError, match=r"customer\.has_open_orders"):
        operator.post("order", forget)
    told = planted.doorstep("forget", customer_id, "--even-with-open-orders")
    assert planted.under_way in told
    again = operator.post("order", forget, {"even_with_open_orders": True})
    assert (again["customer_id"], again["answers"]) == (customer_id, 0)

    def every_service_has_heard() -> bool:
        return key_holders(platform, customer_id) == dict.fromkeys(SERVICES, False) and not contacts(planted)

    wait_until(every_service_has_heard, timeout=60, message="a service kept the key or the contact")
    return planted


def key_holders(platform: Platform, customer_id: str) -> dict[str, bool]:
    """Of each service that has ever known of the person as a data subject, whether it still has the key."""
    with psycopg.connect(platform.admin_url) as connection:
        return {
            service: kept
            for service in SERVICES
            for (kept,) in connection.execute(
                f'SELECT wrapped_key IS NOT NULL FROM "{service}".subjects WHERE subject_id = %s'.encode(),
                (customer_id,),
            )
        }


def test_a_forgotten_customer_is_in_no_table(forgotten: Planted) -> None:
    assert SEARCH.in_tables(forgotten.platform.admin_url) == []
    assert forgotten.about_them.in_tables(forgotten.platform.admin_url)


def test_a_forgotten_customer_is_in_no_answer(forgotten: Planted) -> None:
    platform = forgotten.platform
    for order_id in (forgotten.ended, forgotten.under_way, forgotten.errand):
        order = Person(platform, "support", "agt_1").get("order", f"/v1/orders/{order_id}")
        assert (order["recipient"], order["note"], order["errand"]) == (None, "", None)
        assert order["review"] is None or order["review"]["comment"] is None
    assert noted(forgotten) == ""
    assert Person(platform, "support", "agt_1").get("support", f"/v1/cases/{forgotten.case_id}")["note"] == ""


def test_the_very_request_whose_answer_was_recorded_is_answered_again_without_the_person(
    forgotten: Planted, town: dict[str, Any]
) -> None:
    customer = forgotten.customer
    customer.sent = 0
    answer = customer.ask("POST", "/v1/orders", json=customer.wish(town["merchant_id"]))
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert (answer.json()["order_id"], answer.json()["recipient"]) == (forgotten.ended, None)
    assert not SEARCH.in_bytes(answer.content)


def test_a_forgotten_customer_is_in_no_queue_and_not_in_the_log_stream(forgotten: Planted) -> None:
    # An inbox is for its one consumer: what nobody may look into must be empty.
    wait_until(lambda: drained(forgotten.platform), timeout=60, message="messages wait in a queue")
    stream = streamed(forgotten.platform, until=b'"CustomerForgotten"')
    assert forgotten.about_them.in_messages(stream)
    assert SEARCH.in_messages(stream) == []


def test_a_forgotten_customer_is_in_no_export_and_in_none_made_before(forgotten: Planted, tmp_path: Path) -> None:
    files = [*forgotten.before, *exports(forgotten, tmp_path)]
    assert len(files) == 20
    assert [path for path in files if SEARCH.in_bytes(contents(path))] == []
    assert sum(forgotten.about_them.in_bytes(contents(path)) for path in files) >= 12


def test_a_forgotten_customer_is_in_no_log_line(forgotten: Planted, session_folder: Path, backends: Backends) -> None:
    platform = forgotten.platform
    # What has left already: mails that were sent lie in other people's inboxes.
    assert SEARCH.in_files(platform.run_dir, platform.mail_dir) == []
    logs = list((platform.run_dir / "log").glob("*.log"))
    assert {path.stem for path in logs} >= {*SERVICES, "tail"}
    assert SEARCH.in_files(platform.mail_dir), "the search finds nothing at all"
    if backends.is_private:
        home = private_home(session_folder / "backends")
        assert [path for path in home.rglob("*.log") if SEARCH.in_bytes(contents(path))] == []


@contextmanager
def channel_of(platform: Platform) -> Iterator[Any]:
    """A short visit: a connection that is left alone while commands run is cut off."""
    url = platform.environment.everything()["DOORSTEP_AMQP_URL"]
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        yield connection.channel()


@pytest.fixture
def replayed(forgotten: Planted) -> list[bytes]:
    """What all services' logs say when they are sent again."""
    bodies: list[bytes] = []
    with channel_of(forgotten.platform) as channel:
        channel.queue_declare("partner.again", durable=True)
    for service in SERVICES:
        forgotten.doorstep("log", "replay", service, "--queue", "partner.again")
    with channel_of(forgotten.platform) as channel:
        while (got := channel.basic_get("partner.again", auto_ack=True))[0] is not None:
            bodies.append(got[2])
        channel.queue_delete("partner.again")
    return bodies


def test_a_forgotten_customer_is_in_no_replay(forgotten: Planted, replayed: list[bytes]) -> None:
    assert forgotten.about_them.in_messages(replayed)
    assert SEARCH.in_messages(replayed) == []


def test_a_forgotten_customer_is_nothing_to_whoever_reads_every_log_with_all_keys(forgotten: Planted) -> None:
    for service in SERVICES:
        for store, events in whole_log(forgotten.platform, service):
            with store.reading() as tx:
                shown = [
                    str(event.data) + (repr(decoded(tx, event)) if service == "order" else "") for event in events
                ]
            assert [text for text in shown if SEARCH.in_bytes(text.encode())] == []
    shown = [forgotten.doorstep("stream", "show", forgotten.ended, "--personal")]
    shown += [forgotten.doorstep("stream", "show", forgotten.case_id, "--personal")]
    assert [text for text in shown if SEARCH.in_bytes(text.encode())] == []


def test_rebuilt_read_models_do_not_bring_a_forgotten_customer_back(forgotten: Planted) -> None:
    for projection in PROJECTIONS:
        forgotten.doorstep("rebuild", "order", projection.name)
    forgotten.doorstep("rebuild", "support", projection_of("support", "cases").name)
    assert SEARCH.in_tables(forgotten.platform.admin_url) == []


def test_every_log_is_whole_after_a_forgetting(forgotten: Planted) -> None:
    for service in SERVICES:
        assert verify_log(forgotten.platform.settings[service].postgres_url).is_whole


def test_not_even_the_disk_of_the_database_shows_a_forgotten_customer(
    forgotten: Planted, session_folder: Path, backends: Backends
) -> None:
    """Deleted rows, indexes and the write-ahead log of the server, as somebody who steals the disk reads them."""
    if not backends.is_private:
        pytest.skip("the files of a given server cannot be read from here")
    with psycopg.connect(forgotten.platform.admin_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute("SELECT current_setting('data_directory')").fetchone()
    assert row is not None
    disk = Path(row[0])
    assert disk.is_relative_to(private_home(session_folder / "backends"))
    assert SEARCH.in_files(disk) == []
    assert forgotten.about_them.in_files(disk)
