"""One JSON object a line for every log of the process, ours and the libraries', with secrets struck out."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

STRUCK = "[secret]"
_SECRET_NAME = re.compile(
    r"(authorization|cookie|password|passwd|secret|token|master_key|private_key|api_key|dsn|"
    r"postgres_url|amqp_url|phone|email|address)$",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), STRUCK),
    (re.compile(r"(?i)\b(bearer)\s+\S+"), rf"\1 {STRUCK}"),
    (re.compile(r"(\w+://[^\s:/@]+):[^\s@]+@"), rf"\1:{STRUCK}@"),
    (re.compile(r"(?i)\b(password|token|secret)=\S+"), rf"\1={STRUCK}"),
)
_MAX_DEPTH = 6


def configure_logging(service: str, level: str = "info") -> None:
    """Sends structlog's and the standard library's records to standard output, once, in the same form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _named(service),
                strike_secrets,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    handler.addFilter(_not_told_twice)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("nameko", "amqp", "kombu", "pika", "psycopg", "urllib3"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> Any:
    """A structlog logger; its first argument is a stable event name, the rest are fields."""
    return structlog.stdlib.get_logger(name)


def strike_secrets(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strikes out fields that are secret by name, and tokens and passwords inside any text."""
    return {key: _without_secrets(key, value, 0) for key, value in entry.items()}


def _without_secrets(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAME.search(name):
        return STRUCK
    if isinstance(value, str):
        for pattern, replacement in _SECRET_TEXT:
            value = pattern.sub(replacement, value)
        return value
    if depth >= _MAX_DEPTH:
        return "[deep]"
    if isinstance(value, Mapping):
        return {str(key): _without_secrets(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets("", inner, depth + 1) for inner in value]
    return _without_secrets("", str(value), depth + 1)


def _named(service: str) -> Any:
    def add(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["service"] = service
        return entry

    return add


def _not_told_twice(record: logging.LogRecord) -> bool:
    """Our own entrypoints log their failures, with the trace; nameko's second telling is noise. So is its telling of
    each idle connection that ends with the process."""
    if record.name != "nameko.containers" or not isinstance(record.args, tuple) or not record.args:
        return True
    if "http connection" in record.args:
        return False
    entrypoint = getattr(record.args[0], "entrypoint", None)
    return not getattr(entrypoint, "logs_its_failures", False)
