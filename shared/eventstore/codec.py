"""Stored JSON to domain events and back, by explicit type names, so that code can be renamed and history cannot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, cast

from pydantic import TypeAdapter

from shared.eventstore.model import E, Json

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the stored data of schema version n into that of n + 1."""


class Vault(Protocol):
    """Seals personal data per data subject; see `shared.eventstore.vault`."""

    def seal(self, subject_id: str, plain: Any) -> str:
        """Encrypts a JSON value under the subject's key, made on first use."""

    def open(self, subject_id: str, sealed: str) -> Any | None:
        """The JSON value, or None when the subject has been forgotten."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A field of an event that must be sealed: its name, and the field that names the data subject.

    The domain type of the field must admit None: that is what it reads as once the subject has been forgotten.
    """

    field: str
    subject: str


@dataclass(frozen=True, slots=True)
class EventType(Generic[E]):
    """One stored type: its explicit name, its class (a frozen dataclass), its current schema version, the upcasters
    from each older version, and its personal fields."""

    name: str
    cls: type[E]
    schema_version: int = 1
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)
    personal: Sequence[Personal] = ()


class Codec(Generic[E]):
    """All the stored types of one aggregate."""

    def __init__(self, types: Sequence[EventType[Any]]) -> None:
        self.types = tuple(types)
        self._by_name = {entry.name: entry for entry in types}
        self._by_class = {entry.cls: entry for entry in types}
        self._adapters: dict[str, TypeAdapter[Any]] = {entry.name: TypeAdapter(entry.cls) for entry in types}
        if len(self._by_name) != len(self.types) or len(self._by_class) != len(self.types):
            raise ValueError("an event type is listed twice")

    def knows(self, type_name: str) -> bool:
        return type_name in self._by_name

    def encode(self, event: E, vault: Vault) -> tuple[str, int, dict[str, Any]]:
        """An event as (type name, schema version, JSON data with personal fields sealed)."""
        entry = self._by_class[type(event)]
        data = self._adapters[entry.name].dump_python(event, mode="json")
        return entry.name, entry.schema_version, sealed_fields(data, entry.personal, vault)

    def decode(self, type_name: str, schema_version: int, data: Json, vault: Vault) -> E:
        """A stored event as today's class; raises KeyError for a type that was never listed."""
        entry = self._by_name[type_name]
        plain = dict(data)
        for version in range(schema_version, entry.schema_version):
            plain = entry.upcasters[version](plain)
        return cast(E, self._adapters[entry.name].validate_python(opened_fields(plain, entry.personal, vault)))


def sealed_fields(data: dict[str, Any], personal: Sequence[Personal], vault: Vault) -> dict[str, Any]:
    """Seals the personal fields of `data`, in place."""
    for each in personal:
        if data[each.field] is not None:
            data[each.field] = {"sealed": vault.seal(data[each.subject], data[each.field])}
    return data


def opened_fields(data: dict[str, Any], personal: Sequence[Personal], vault: Vault) -> dict[str, Any]:
    """Opens the personal fields of `data`, in place; None for a subject that has been forgotten.

    What an earlier version of the type kept in plain is read as it is.
    """
    for each in personal:
        kept = data[each.field]
        if isinstance(kept, Mapping) and kept.keys() == {"sealed"}:
            data[each.field] = vault.open(data[each.subject], kept["sealed"])
    return data
