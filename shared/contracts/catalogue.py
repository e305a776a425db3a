"""Every message there is, by its service and type, so that readers, docs and checks share one list."""

from collections.abc import Iterator
from types import ModuleType

from shared.contracts import analytics, dispatch, notify, order, support
from shared.contracts.message import Message

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
