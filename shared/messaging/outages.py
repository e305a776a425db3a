"""Tells a backend that is away from a message that is bad, because the first pauses and the second parks."""

import amqp.exceptions
import kombu.exceptions
import psycopg
from psycopg import errors

_AWAY: tuple[type[BaseException], ...] = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    amqp.exceptions.AMQPError,
    kombu.exceptions.OperationalError,
    ConnectionError,
)

# PostgreSQL reports "this row is too large for its index" as an operational error; it is the message's own fault.
_OWN_FAULT: tuple[type[BaseException], ...] = (errors.ProgramLimitExceeded,)


def is_outage(error: BaseException) -> bool:
    """True when a backend is away or overloaded (or two transactions collided), so that waiting helps."""
    seen = error
    for _ in range(10):
        if isinstance(seen, _OWN_FAULT):
            return False
        if isinstance(seen, _AWAY):
            return True
        if seen.__cause__ is None:
            return False
        seen = seen.__cause__
    return False
