"""The messages as an AsyncAPI 3.0 document, so that other teams' tools can read what we publish."""

from typing import Any

from shared.contracts.catalogue import messages, schema_of
from shared.contracts.envelope import Envelope
from shared.contracts.message import SERVICES, Channel, Message, exchange_name

BINDING_VERSION = "0.3.0"
_SCHEMAS = "#/components/schemas/"

_ABOUT = {
    Channel.PUBLIC: "Facts for everybody, without personal data. Keep the last `sequence` of each `subject`.",
    Channel.PRIVATE: "Names, phones and doors; only services whose broker users may bind it hear them.",
    Channel.TELEMETRY: "Transient: heard from now on, nothing is kept for later.",
}


def document(version: str) -> dict[str, Any]:
    """The whole document; `version` is the release that it describes."""
    by_exchange: dict[str, list[type[Message]]] = {}
    for message in sorted(
        messages(), key=lambda each: (SERVICES.index(each.service), list(Channel).index(each.channel))
    ):
        by_exchange.setdefault(message.exchange(), []).append(message)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Doorstep",
            "version": version,
            "description": "Everything that the services of Doorstep tell each other and you. "
            "The routing key of a message is its name; the body is a CloudEvents 1.0 event in structured JSON.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {exchange: _channel(exchange, group) for exchange, group in by_exchange.items()},
        "operations": {f"publish.{exchange}": _operation(exchange, group) for exchange, group in by_exchange.items()},
        "components": {
            "messages": {_name(message): _message(message) for group in by_exchange.values() for message in group},
            "schemas": _schemas(),
        },
    }


def _name(message: type[Message]) -> str:
    return f"{message.service}.{message.type_name()}"


def _channel(exchange: str, group: list[type[Message]]) -> dict[str, Any]:
    first = group[0]
    return {
        "address": exchange_name(first.service, first.channel),
        "title": exchange,
        "description": _ABOUT[first.channel],
        "messages": {each.type_name(): {"$ref": f"#/components/messages/{_name(each)}"} for each in group},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": BINDING_VERSION,
            }
        },
    }


def _operation(exchange: str, group: list[type[Message]]) -> dict[str, Any]:
    transient = group[0].channel is Channel.TELEMETRY
    delivery = {"deliveryMode": 1 if transient else 2, "mandatory": not transient}
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{exchange}"},
        "messages": [{"$ref": f"#/channels/{exchange}/messages/{each.type_name()}"} for each in group],
        "bindings": {"amqp": {**delivery, "bindingVersion": BINDING_VERSION}},
    }


def _message(message: type[Message]) -> dict[str, Any]:
    doc = message.__dict__.get("__doc__")
    narrowed = {
        "type": {"const": message.type_name()},
        "source": {"const": message.source()},
        "dataschema": {"const": message.schema_urn()},
        "data": {"$ref": f"{_SCHEMAS}{_name(message)}"},
    }
    return {
        "name": message.type_name(),
        "title": message.type_name(),
        **({"summary": " ".join(doc.split())} if doc else {}),
        "contentType": "application/json",
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {"allOf": [{"$ref": f"{_SCHEMAS}Envelope"}, {"type": "object", "properties": narrowed}]},
        "bindings": {"amqp": {"messageType": message.type_name(), "bindingVersion": BINDING_VERSION}},
    }


def _schemas() -> dict[str, Any]:
    """Every schema under one roof: what a message holds beside plain values is named once for all messages."""
    found: dict[str, Any] = {"Envelope": Envelope.model_json_schema()}
    for message in messages():
        own = schema_of(message)
        parts = own.pop("$defs", {})
        del own["$schema"], own["$id"]
        for name, part in {**parts, _name(message): own}.items():
            moved = _moved(part)
            if found.setdefault(name, moved) != moved:
                raise ValueError(f"two parts of messages are named {name}")
    return dict(sorted(found.items()))


def _moved(schema: Any) -> Any:
    """The schema with its references pointed at the common roof."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", _SCHEMAS) if key == "$ref" and isinstance(value, str) else _moved(value)
            for key, value in schema.items()
        }
    return [_moved(each) for each in schema] if isinstance(schema, list) else schema
