"""Finds free loopback ports, so that private backends and gateways never meet those of the machine."""

import secrets
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


# Below the ports that the kernel gives to outgoing connections: those can be taken by anybody at any moment, also
# between the choice of a port and the start of its server.
FIRST_PORT, LAST_PORT = 15_000, 32_000
MOST_TRIES = 1_000


def free_ports(count: int) -> list[int]:
    """Different ports that were free a moment ago; all are held open until the last is found.

    They are drawn at random, so that two platforms that start at the same time hardly draw the same.
    """
    with ExitStack() as held:
        found: list[int] = []
        for _ in range(MOST_TRIES):
            if len(found) == count:
                return found
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            found.append(port)
    raise OSError(f"no {count} free ports between {FIRST_PORT} and {LAST_PORT}")


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port whose last connections linger in TIME_WAIT is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
