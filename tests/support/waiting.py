"""Tests wait on progress: a bounded poll that says what it was waiting for when it gives up."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.02


def wait_until(predicate: Callable[[], T], timeout: float = 10, message: str = "") -> T:
    """Polls until the predicate answers something true, and answers that; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{message or predicate} did not happen in {timeout} s; last answer: {answer!r}")
        time.sleep(POLL_SECONDS)
