"""Under eventlet a query lets the others go on, however it waits: for an answer, for room to send, or for nothing."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.backends import Backends

ROOT = Path(__file__).parents[2]
PROGRAM = """
from shared.runtime import process

import sys
import time

import eventlet
import psycopg

from shared.eventstore.connecting import connect

process.check_runtime()
connections = [connect(sys.argv[1]) for _ in range(10)]
started = time.monotonic()
list(eventlet.GreenPool(10).imap(lambda each: each.execute("SELECT pg_sleep(0.3)"), connections))
assert time.monotonic() - started < 1.5, "ten queries of 0.3 s wait together"

one, other = connections[:2]
text = "茶" * 3_000_000
assert one.execute("SELECT %s::text AS text", (text,)).fetchone()["text"] == text, "more than a socket holds"
with one.pipeline():
    answers = [one.execute("SELECT %s::int AS number", (number,)) for number in range(2_000)]
    assert sum(answer.fetchone()["number"] for answer in answers) == sum(range(2_000))

try:
    with eventlet.Timeout(0.2):
        one.execute("SELECT pg_sleep(30)")
except eventlet.Timeout:
    pass
assert one.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE, "it was left in the middle of a query"

victim = connections[2]
eventlet.spawn_after(0.2, other.execute, "SELECT pg_terminate_backend(%s)", (victim.info.backend_pid,))
try:
    victim.execute("SELECT pg_sleep(30)")
except psycopg.OperationalError:
    print("fine")
"""


def test_queries_under_eventlet_wait_in_the_hub_and_see_what_psycopg_would_see(backends: Backends) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, backends.postgres_url],
        cwd=ROOT,
        env={**os.environ, "PSYCOPG_WAIT_FUNC": "wait_selector"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "fine\n"
