"""Every message there is, by its service and type, so that readers, docs and checks share one list."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from shared.contracts import analytics, dispatch, notify, order, support
from shared.contracts.message import Message

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"

_MODULES: tuple[ModuleType, ...] = (order, dispatch, notify, support, analytics)


def messages() -> Iterator[type[Message]]:
    """All concrete messages, in the order in which their modules tell them."""
    for module in _MODULES:
        for thing in vars(module).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, Message)
                and thing.__module__ == module.__name__
                and not thing.__subclasses__()
            ):
                yield thing


_BY_TYPE = {(message.source(), message.type_name()): message for message in messages()}


def message_class(source: str, type_name: str) -> type[Message] | None:
    """The class of a message, or None when this release does not know it."""
    return _BY_TYPE.get((source, type_name))


def key_of(message: type[Message]) -> str:
    """How documents name a message: `order.events/OrderPlaced`."""
    return f"{message.exchange()}/{message.type_name()}"


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message's `data`. Required is what every publisher of this version tells."""
    schema = message.model_json_schema()
    # Pydantic takes the docstring of a base class for one's own.
    doc = message.__dict__.get("__doc__")
    schema.pop("description", None)
    head = {"$schema": JSON_SCHEMA, "$id": message.schema_urn(), "title": message.type_name()}
    return head | ({"description": " ".join(doc.split())} if doc else {}) | schema


def catalogue() -> dict[str, Any]:
    """All that a subscriber may rely on, in the shape that a release keeps and later ones are compared with."""
    return {
        "messages": {
            key_of(message): {
                "exchange": message.exchange(),
                "routing_key": message.type_name(),
                "schema": schema_of(message),
            }
            for message in sorted(messages(), key=key_of)
        }
    }
