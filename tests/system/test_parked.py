"""Messages that could not be handled, on a running platform: who may touch them, and what an operator can do."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pika
import psycopg
import pytest

from deploy.local.platform import Platform
from shared.contracts.message import SERVICES
from shared.eventstore.model import StoredEvent
from shared.gateway.auth import Role
from shared.messaging.outgoing import Outgoing, envelope_of
from shared.messaging.topology import PARTITION_HEADER, dead_queue_of, intake_of
from tests.contract.publishing import NOW, order_placed
from tests.support.waiting import wait_until
from tests.system.test_platform_processes import doorstep

GARBAGE = b"\xff\xfe not an envelope"
REASON = {"reason": "somebody tried things out"}


def send(platform: Platform, exchange: str, *bodies: bytes) -> None:
    """Puts messages where a service reads, as a broken publisher would."""
    with pika.BlockingConnection(pika.URLParameters(platform.environment.amqp_urls["admin"])) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(headers={PARTITION_HEADER: "same"}, delivery_mode=2)
        for body in bodies:
            channel.basic_publish(exchange, "OrderPlaced", body, properties, mandatory=True)


def placed(order_id: str, sequence: int) -> bytes:
    stored = StoredEvent(
        stream_id=order_id,
        version=sequence,
        event_id=f"evt_{order_id}_{sequence}",
        type="OrderPlaced",
        schema_version=1,
        data={},
        actor="customer:cus_1",
        occurred_at=NOW,
        recorded_at=NOW,
        correlation_id="cor_1",
    )
    return envelope_of(stored, Outgoing(order_placed(order_id), order_id)).to_bytes()


class Operator:
    """Somebody at one service's gateway."""

    def __init__(self, platform: Platform, service: str, *roles: str, name: str = "olga") -> None:
        headers = {"Authorization": f"Bearer {platform.token(roles, (name,))}"} if roles else {}
        self._client = httpx.Client(base_url=platform.url(service), headers=headers, timeout=20)

    def calls(self, parked_id: int) -> dict[str, int]:
        """The answers to all that can be done about parked messages; the one that ends them last."""
        return {
            "list": self._client.get("/v1/parked").status_code,
            "show": self._client.get(f"/v1/parked/{parked_id}").status_code,
            "retry": self._client.post(f"/v1/parked/{parked_id}/retry").status_code,
            "skip": self._client.post(f"/v1/parked/{parked_id}/skip", json=REASON).status_code,
        }

    def parked(self) -> dict[str, dict[str, Any]]:
        """What stands still, by stream."""
        return {each["stream_id"]: each for each in self._client.get("/v1/parked").json()["items"]}

    def wait_for(self, stream_id: str) -> dict[str, Any]:
        """The sequence of a stream, once it stands still."""
        return wait_until(lambda: self.parked().get(stream_id, {}), 20, f"{stream_id} is parked")

    def show(self, parked_id: int) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self._client.get(f"/v1/parked/{parked_id}").json()
        return shown

    def retry(self, parked_id: int) -> dict[str, Any]:
        retried: dict[str, Any] = self._client.post(f"/v1/parked/{parked_id}/retry").json()
        return retried

    def skip(self, parked_id: int) -> int:
        return self._client.post(f"/v1/parked/{parked_id}/skip", json=REASON).status_code


@pytest.mark.parametrize("service", SERVICES)
def test_only_operators_may_look_at_parked_messages_or_do_anything_about_them(
    platform: Platform, service: str
) -> None:
    send(platform, intake_of(service), GARBAGE)
    operator = Operator(platform, service, Role.OPERATOR)
    found = wait_until(
        lambda: [each for each in operator.parked().values() if each["cause"] == "unreadable"], 20, "it is parked"
    )
    parked_id = found[0]["parked_id"]
    for role in Role:
        if role is not Role.OPERATOR:
            answers = Operator(platform, service, role).calls(parked_id)
            assert answers == dict.fromkeys(answers, 403), role
    nobody = Operator(platform, service).calls(parked_id)
    assert nobody == dict.fromkeys(nobody, 401)
    everybody_else = Operator(platform, service, *(role for role in Role if role is not Role.OPERATOR))
    assert set(everybody_else.calls(parked_id).values()) == {403}
    assert operator.parked() == {each["stream_id"]: each for each in found}, "nothing has changed"
    assert operator.calls(parked_id) == {"list": 200, "show": 200, "retry": 200, "skip": 204}
    assert operator.parked() == {}


@contextmanager
def poison(platform: Platform, order_id: str, *sequences: int) -> Iterator[None]:
    """Facts that analytics cannot take in, whatever it does."""
    wrong = ", ".join(str(sequence) for sequence in sequences)
    with psycopg.connect(platform.admin_url, autocommit=True) as admin:
        admin.execute(
            f"""CREATE OR REPLACE FUNCTION analytics.poison() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'cannot digest it'; END $$;
                CREATE TRIGGER poison BEFORE INSERT ON analytics.events FOR EACH ROW
                WHEN (NEW.stream_id = '{order_id}' AND (NEW.data->>'sequence')::int IN ({wrong}))
                EXECUTE FUNCTION analytics.poison()""".encode()
        )
        try:
            yield
        finally:
            admin.execute("DROP TRIGGER poison ON analytics.events")


def wait_for_facts(platform: Platform, order_id: str, *sequences: int) -> None:
    """Until the archive tells just these facts of an order: they are numbered shortly after they are written."""
    wait_until(
        lambda: taken_in(platform, order_id) == list(sequences), 30, f"the archive tells {sequences} of {order_id}"
    )


def taken_in(platform: Platform, order_id: str) -> list[int]:
    """The facts of an order, as analytics' archive tells them, page by page."""
    headers = {"Authorization": f"Bearer {platform.token((Role.ANALYST,))}"}
    found, after = [], 0
    while after is not None:
        page = httpx.get(
            f"{platform.url('analytics')}/v1/facts", params={"after": after}, headers=headers, timeout=20
        ).json()
        found += [each["fact"]["sequence"] for each in page["items"] if each["fact"]["subject"] == order_id]
        after = page["next"]
    return found


def evidence(platform: Platform, parked_id: int) -> list[tuple[str, str, dict[str, Any]]]:
    """What the service's log says of a parked message."""
    with psycopg.connect(platform.admin_url) as connection:
        return connection.execute(
            """SELECT e.type, e.metadata->>'actor', e.data FROM analytics.events e
                JOIN analytics.log USING (stream_id, version) WHERE stream_id = %s ORDER BY version""",
            (f"parked-{parked_id}",),
        ).fetchall()


def parked_in(page: str) -> dict[str, float]:
    """The figures of analytics' parked messages on a page of metrics."""
    lines = (line.rpartition(" ") for line in page.splitlines() if line.startswith("doorstep_parked"))
    return {name.partition("{")[0]: float(value) for name, _, value in lines if 'handler="analytics"' in name}


def test_a_poison_message_holds_up_its_own_stream_until_an_operator_has_dealt_with_it(platform: Platform) -> None:
    operator = Operator(platform, "analytics", Role.OPERATOR)
    with poison(platform, "ord_bad", 2, 4, 5):
        bodies = [placed(name, sequence) for sequence in range(1, 7) for name in ("ord_bad", "ord_good")]
        send(platform, intake_of("analytics"), *bodies)
        wait_for_facts(platform, "ord_good", 1, 2, 3, 4, 5, 6)
        head = operator.wait_for("ord_bad")
        assert (head["sequence"], head["waiting"], head["cause"]) == (2, 5, "failed")
        assert "cannot digest it" in head["error"]
        assert [(each["sequence"], each["cause"]) for each in operator.show(head["parked_id"])] == [
            (2, "failed"),
            *((sequence, "behind") for sequence in (3, 4, 5, 6)),
        ]
        assert taken_in(platform, "ord_bad") == [1]
        figures = parked_in(httpx.get(f"{platform.url('analytics')}/metrics", timeout=10).text)
        assert figures["doorstep_parked_waiting"] == 5
        assert 0 <= figures["doorstep_parked_oldest_seconds"] < 120
    with poison(platform, "ord_bad", 4, 5):
        retried = operator.retry(head["parked_id"])
        assert (retried["handled"], retried["left"]) == (2, 3), "head first, up to the first that fails again"
        wait_for_facts(platform, "ord_bad", 1, 2, 3)
        fourth = operator.parked()["ord_bad"]
        assert fourth["sequence"] == 4
        fifth = operator.show(fourth["parked_id"])[1]["parked_id"]
        assert operator.skip(fifth) == 409, "only the first may be skipped"
        assert operator.skip(fourth["parked_id"]) == 204
        assert operator.retry(fifth)["left"] == 2
    assert operator.retry(fifth) == {"handled": 2, "left": 0, "error": None}
    wait_for_facts(platform, "ord_bad", 1, 2, 3, 5, 6)
    assert operator.parked() == {}
    figures = parked_in(httpx.get(f"{platform.url('analytics')}/metrics", timeout=10).text)
    assert figures == {}, "what was settled is counted no more"
    wait_until(lambda: len(evidence(platform, fifth)) == 2, 10, "the log has it")
    told = [*evidence(platform, head["parked_id"]), *evidence(platform, fourth["parked_id"])]
    assert [(kind, actor) for kind, actor, _ in told] == [
        ("ParkedMessageRetried", "operator:olga"),
        ("ParkedMessageRetried", "operator:olga"),
        ("ParkedMessageSkipped", "operator:olga"),
    ]
    assert [data.get("outcome") or data["reason"] for _, _, data in told] == ["handled", "failed", REASON["reason"]]
    assert [data["outcome"] for _, _, data in evidence(platform, fifth)] == ["failed", "handled"]


def test_bytes_that_are_no_message_are_shown_as_they_came_and_a_retry_says_why_it_cannot_help(
    platform: Platform,
) -> None:
    operator = Operator(platform, "support", Role.OPERATOR)
    send(platform, intake_of("support"), GARBAGE + b" again")
    [head] = wait_until(lambda: list(operator.parked().values()), 20, "it is parked")
    [shown] = operator.show(head["parked_id"])
    assert base64.b64decode(shown["body_base64"]) == GARBAGE + b" again"
    assert shown["body"].endswith("not an envelope again")
    retried = operator.retry(head["parked_id"])
    assert (retried["handled"], retried["left"]) == (0, 1)
    assert "it cannot be read" in retried["error"]
    assert operator.skip(head["parked_id"]) == 204


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_parks_what_the_broker_gave_up_delivering_to_it(platform: Platform, service: str) -> None:
    operator = Operator(platform, service, Role.OPERATOR)
    send(platform, dead_queue_of(service), placed(f"ord_dead_{service}", 3))
    found = operator.wait_for(f"ord_dead_{service}")
    assert (found["cause"], found["sequence"], found["waiting"]) == ("dead", 3, 1)
    assert operator.skip(found["parked_id"]) == 204
    assert operator.parked() == {}


def test_the_command_line_does_the_same_in_the_name_of_an_operator(platform: Platform) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = doorstep(*words, run_dir=platform.run_dir)
        return done.returncode, done.stdout or done.stderr

    with poison(platform, "ord_cli", 1):
        send(platform, intake_of("analytics"), placed("ord_cli", 1), placed("ord_cli", 2))
        operator = Operator(platform, "analytics", Role.OPERATOR)
        wait_until(lambda: operator.parked().get("ord_cli", {}).get("waiting") == 2, 20, "both are parked")
        code, listed = run("parked", "list", "analytics")
        parked_id = json.loads(listed)["parked_id"]
        assert run("parked", "show", "analytics", str(parked_id))[1].count("body_base64") == 2
        code, refused = run("parked", "retry", "analytics", str(parked_id))
        assert (code, "DOORSTEP_OPERATOR" in refused) == (2, True)
        code, said = run("parked", "retry", "analytics", str(parked_id), "--operator", "olga")
        assert (code, json.loads(said)["left"]) == (1, 2)
        assert run("parked", "skip", "analytics", str(parked_id), "--operator", "olga")[0] == 2, "it needs a reason"
        reason = ("--reason", "known", "--operator", "olga")
        assert run("parked", "skip", "analytics", str(parked_id), *reason) == (0, "")
        code, said = run("parked", "retry", "analytics", str(parked_id + 1), "--operator", "otto")
        assert (code, json.loads(said)) == (0, {"handled": 1, "left": 0, "error": None})
    wait_until(lambda: len(evidence(platform, parked_id)) == 2, 10, "the log has it")
    code, shown = run("stream", "show", f"parked-{parked_id}", "--service", "analytics")
    assert json.loads(shown)["state"]["standing"] == "skipped"
    assert [event["actor"] for event in json.loads(shown)["events"]] == ["operator:olga"] * 2
    code, verified = run("log", "verify", "analytics")
    assert code == 0, verified


def test_the_command_line_shows_and_changes_the_partitions_of_a_running_service(platform: Platform) -> None:
    def queues() -> list[dict[str, Any]]:
        shown = doorstep("partitions", "show", "support", run_dir=platform.run_dir)
        return [json.loads(line) for line in shown.stdout.splitlines()]

    assert [(each["queue"], each["consumers"]) for each in queues()] == [
        (f"support.inbox.{number}", 1) for number in range(4)
    ]
    changed = doorstep("partitions", "set", "support", "6", run_dir=platform.run_dir)
    assert (changed.returncode, changed.stdout) == (0, "support reads 6 queues (generation 2)\n"), changed.stderr
    wait_until(
        lambda: (
            [(each["queue"], each["consumers"]) for each in queues()]
            == [(f"support.inbox.g2.{number}", 1) for number in range(6)]
        ),
        20,
        "the service reads the new queues without being started again",
    )
