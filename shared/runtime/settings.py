"""What a process is told by its environment, checked once at its start so that nothing fails late for want of it."""

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.kernel.clock import VirtualClock
from shared.runtime import tracing

P = TypeVar("P")
T = TypeVar("T")

LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingsError(Exception):
    """One or more variables are missing or wrong; the message names each of them."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process of one service is configured with. Secrets stay out of `repr` and so out of logs."""

    service: str
    postgres_url: str = field(repr=False)
    amqp_url: str = field(repr=False)
    http: Address
    master_key: bytes = field(repr=False)
    jwks: Path
    clock: VirtualClock
    jwt_issuer: str = "doorstep"
    log_level: str = "info"
    smtp: Address | None = None
    osrm_url: str = ""
    partitions: int = 4
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    traces: str = "none"

    @classmethod
    def from_environment(cls, service: str, variables: Mapping[str, str] = environ) -> "Settings":
        """Reads the `DOORSTEP_*` variables of one service; raises SettingsError naming every faulty one."""
        read = _Reader(variables)
        mine = f"DOORSTEP_{service.upper()}"
        values = {
            "postgres_url": read.required(f"{mine}_POSTGRES_URL", _url("postgresql", "postgres")),
            "amqp_url": read.required(f"{mine}_AMQP_URL", _url("amqp", "amqps")),
            "http": read.required(f"{mine}_HTTP", address),
            "master_key": _master_keys(read),
            "jwks": read.required("DOORSTEP_JWKS", _existing_file),
            "jwt_issuer": read.optional("DOORSTEP_JWT_ISSUER", str, "doorstep"),
            "log_level": read.optional("DOORSTEP_LOG_LEVEL", _log_level, "info"),
            "smtp": read.optional("DOORSTEP_SMTP", address, None),
            "osrm_url": read.optional("DOORSTEP_OSRM_URL", _url("http", "https"), ""),
            "partitions": read.optional("DOORSTEP_PARTITIONS", _positive_int, 4),
            "policies": read.optional("DOORSTEP_POLICIES", _policies, {}),
            "traces": read.optional(tracing.VARIABLE, _exporter, tracing.NONE),
        }
        started = read.optional("DOORSTEP_CLOCK_STARTED", _positive_float, time.time())
        values["clock"] = VirtualClock(
            speed=read.optional("DOORSTEP_CLOCK_SPEED", _positive_float, 1.0),
            started_unix=started,
            epoch=read.optional("DOORSTEP_CLOCK_EPOCH", _moment, datetime.fromtimestamp(started, UTC)),
        )
        read.finish()
        return cls(service=service, **values)

    def policy(self, policy_class: type[P]) -> P:
        """The service's policy: the class's defaults with the overrides of DOORSTEP_POLICIES for this service.

        `policy_class` is a frozen dataclass; an unknown name or a wrong type raises SettingsError.
        """
        if not is_dataclass(policy_class):
            raise TypeError(f"{policy_class.__name__} is not a dataclass")
        overrides = self.policies.get(self.service, {})
        unknown = set(overrides) - {entry.name for entry in fields(policy_class)}
        if unknown:
            raise SettingsError(f"DOORSTEP_POLICIES: {self.service} has no policy {', '.join(sorted(unknown))}")
        try:
            return TypeAdapter(policy_class).validate_python(dict(overrides))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SettingsError(f"DOORSTEP_POLICIES: {self.service}: {faults}") from error


class _Reader:
    """Collects every fault before it complains, so that one start tells all that is missing."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._faults: list[str] = []

    def required(self, name: str, parse: Callable[[str], T]) -> Any:
        if not self._variables.get(name, "").strip():
            self._faults.append(f"{name} is not set")
            return None
        return self.optional(name, parse, None)

    def optional(self, name: str, parse: Callable[[str], T], default: Any) -> Any:
        text = self._variables.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            # The value itself may be a secret: only what is wrong with it is told.
            self._faults.append(f"{name} is wrong: {error}")
            return default

    def finish(self) -> None:
        if self._faults:
            raise SettingsError("; ".join(self._faults))


def address(text: str) -> Address:
    """Reads `host:port`."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError("it should be host:port")
    return Address(host, int(port))


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.partition("://")[0] not in schemes:
            raise ValueError(f"it should start with {schemes[0]}://")
        return text

    return parse


def _master_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("it should be base64") from None
    if len(key) != 32:
        raise ValueError("it should be 32 bytes in base64")
    return key


def _master_keys(read: _Reader) -> bytes | None:
    """The master key; while keys are rotated, with the previous one behind it."""
    current: bytes | None = read.required("DOORSTEP_MASTER_KEY", _master_key)
    previous: bytes = read.optional("DOORSTEP_MASTER_KEY_PREVIOUS", _master_key, b"")
    return None if current is None else current + previous


def _existing_file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


def _log_level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"it should be one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def _exporter(text: str) -> str:
    if text.lower() not in tracing.EXPORTERS:
        raise ValueError(f"it should be one of {', '.join(tracing.EXPORTERS)}")
    return text.lower()


def _positive_int(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError("it should be a whole number of at least 1")
    return int(text)


def _positive_float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("it should be a number above 0")
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("it should be a time by RFC 3339") from None
    if moment.tzinfo is None:
        raise ValueError("it should name its offset from UTC")
    return moment.astimezone(UTC)


def _policies(text: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        content = json.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from None
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise ValueError("it should hold one JSON object per service")
    return content
