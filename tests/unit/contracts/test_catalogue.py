"""The generated catalogue is what other teams' tools can read, and it is true of what is sent."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.contracts import docs
from shared.contracts.asyncapi import document
from shared.contracts.catalogue import messages, schema_of
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.contracts.order import PaymentFailed

MESSAGES = list(messages())


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def resolve(root: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        root = root[part]
    return root


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    whole = document("1.0.0")
    found = list(references(whole))
    assert found
    for reference in found:
        assert resolve(whole, reference), reference


def test_the_asyncapi_document_tells_every_message_once_on_its_exchange() -> None:
    whole = document("1.0.0")
    told = {
        (channel["bindings"]["amqp"]["exchange"]["name"], name)
        for channel in whole["channels"].values()
        for name in channel["messages"]
    }
    assert whole["asyncapi"] == "3.0.0"
    assert told == {(message.exchange(), message.type_name()) for message in MESSAGES}
    assert sum(len(operation["messages"]) for operation in whole["operations"].values()) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.schema_urn())
def test_a_schema_is_a_json_schema_named_as_the_envelope_says(message: type[Message]) -> None:
    schema = schema_of(message)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == message.schema_urn()


def test_a_message_on_the_wire_is_what_the_asyncapi_document_says() -> None:
    whole = document("1.0.0")
    now = datetime(2026, 5, 1, tzinfo=UTC)
    message = PaymentFailed(order_id="ord_1", payment_id="pay_1", reason="declined")
    envelope = Envelope(
        id="evt_1",
        source=message.source(),
        type=message.type_name(),
        subject="pay_1",
        time=now,
        dataschema=message.schema_urn(),
        sequence=1,
        partitionkey="ord_1",
        correlationid="cor_1",
        actor="system:payment",
        recordedat=now,
        data=message.model_dump(mode="json"),
    )
    wire = json.loads(envelope.to_bytes())
    payload = whole["components"]["messages"]["order.PaymentFailed"]["payload"]
    judge = Draft202012Validator({**payload, "components": whole["components"]}, format_checker=FormatChecker())

    judge.validate(wire)
    assert not judge.is_valid({**wire, "type": "PaymentAuthorized"})
    assert not judge.is_valid({**wire, "data": {"order_id": 1}})


def test_a_document_that_is_missing_old_or_left_over_is_stale(tmp_path: Path) -> None:
    assert docs.main([], tmp_path) == 0
    assert docs.main(["--check"], tmp_path) == 0
    left_over = tmp_path / docs.SCHEMAS / "order" / "OrderVanished.v1.json"
    left_over.write_text("{}")
    (tmp_path / docs.PAGE).write_text("old")
    (tmp_path / docs.ASYNCAPI).unlink()

    wanted = docs.files(docs.version_of(Path(__file__).parents[3] / "pyproject.toml"))
    found = docs.stale(tmp_path, wanted)

    assert found == [docs.ASYNCAPI, docs.PAGE, docs.SCHEMAS / "order" / "OrderVanished.v1.json"]
    assert docs.main([], tmp_path) == 0
    assert not left_over.exists()
