"""The runtime beside a real PostgreSQL: a waiting query must not stop the process."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.backends import Backends

ROOT = Path(__file__).parents[2]
SCRIPT = """
from shared.runtime import process
import os, time, eventlet, psycopg
process.check_runtime()

def query(_):
    with psycopg.connect(os.environ["DSN"]) as connection:
        connection.execute("SELECT pg_sleep(0.5)")

started = time.monotonic()
list(eventlet.GreenPool(10).imap(query, range(10)))
print(time.monotonic() - started)
"""


def test_ten_queries_wait_side_by_side_in_one_process(backends: Backends) -> None:
    environment = {**os.environ, "DSN": backends.postgres_url}
    environment.pop("PSYCOPG_WAIT_FUNC", None)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 2.5, "one after the other they would take 5 s"
