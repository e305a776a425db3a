"""Proves from the stores, the subscribers' own notes and the wire that nothing was lost, doubled or put out of order.

Every check reads what is there and names each thing that is not as it must be. Call it at rest: what is under way
counts as lost.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.faults.load import Promises
from deploy.faults.synthetic import CODEC, HEARD, MASTER_KEY, PUBLISHERS, answers, messages_for, rebuilt_totals
from shared.contracts.envelope import Envelope
from shared.eventstore.connecting import connect
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.verify import verify_log
from shared.messaging.outbox import Outbox

READ_LIMIT = 1000

KINDS = (
    "missing",
    "not_dense",
    "broken_chain",
    "out_of_order",
    "not_published",
    "not_heard",
    "doubled",
    "projection",
)


@dataclass(frozen=True, slots=True)
class Published:
    """A message that an event in the log must have led to."""

    message_id: str
    source: str
    type: str
    subject: str
    sequence: int


@dataclass
class Verdict:
    """What was counted, and every anomaly by kind."""

    events: int = 0
    messages: int = 0
    effects: int = 0
    heard_on_wire: int = 0
    anomalies: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    @property
    def count(self) -> int:
        return sum(len(found) for found in self.anomalies.values())

    def found(self, kind: str, sentence: str) -> None:
        self.anomalies[kind].append(sentence)

    def kinds(self) -> set[str]:
        """The kinds of anomalies that were found."""
        return {kind for kind, found in self.anomalies.items() if found}


def check_everything(urls: Mapping[str, str], wire: Path, promises: Promises) -> Verdict:
    """All checks over all synthetic services; `urls` are the DSNs of their roles."""
    verdict = Verdict()
    published: list[Published] = []
    for service in PUBLISHERS:
        check_log(service, urls[service], verdict)
        check_projection(service, urls[service], verdict)
        published += published_by(urls[service])
    check_promises(urls["order"], promises, verdict)
    check_wire(published, wire, verdict)
    for service in HEARD:
        check_effects(service, urls[service], published, verdict)
    check_answers(urls["dispatch"], published, verdict)
    return verdict


def check_log(service: str, url: str, verdict: Verdict) -> None:
    """Every event is in the log once, positions are dense, streams in order, the hash chain whole."""
    rows = _rows(
        url,
        """SELECT e.stream_id, e.version, l.position FROM events e LEFT JOIN log l USING (stream_id, version)
            ORDER BY l.position NULLS LAST, e.stream_id, e.version""",
    )
    verdict.events += len(rows)
    placed = [row for row in rows if row["position"] is not None]
    for row in rows[len(placed) :]:
        verdict.found("missing", f"{service}: {row['stream_id']} {row['version']} is not in the log")
    [logged] = _rows(url, "SELECT count(*) AS count FROM log")
    if [row["position"] for row in placed] != list(range(1, len(placed) + 1)) or logged["count"] != len(placed):
        verdict.found("not_dense", f"{service}: the positions of the log are not 1 to {len(placed)}")
    last: dict[str, int] = {}
    for row in placed:
        if row["version"] != last.get(row["stream_id"], 0) + 1:
            verdict.found("out_of_order", f"{service}: log position {row['position']} of {row['stream_id']}")
        last[row["stream_id"]] = row["version"]
    for problem in verify_log(url).problems:
        verdict.found("broken_chain", f"{service}: {problem.where}: {problem.reason}")


def check_promises(url: str, promises: Promises, verdict: Verdict) -> None:
    """What a writer was promised is in the store, once; what was left unanswered is there once or not at all."""
    rows = _rows(url, "SELECT (data->>'number')::bigint AS number, count(*) AS times FROM events GROUP BY 1")
    times = {row["number"]: row["times"] for row in rows}
    for number in promises.kept - times.keys():
        verdict.found("missing", f"order: event number {number} was promised and is not in the store")
    for number, count in times.items():
        if count > 1:
            verdict.found("doubled", f"order: event number {number} is {count} times in the store")


def check_projection(service: str, url: str, verdict: Verdict) -> None:
    """The live read model is the same, row for row, as one that is built now from the start of the log."""
    store, position = PostgresStore(url, MASTER_KEY, pool_size=2), 0
    rebuilt: dict[str, tuple[int, str]] = {}
    try:
        while events := store.log_after(position, READ_LIMIT):
            rebuilt_totals(events, rebuilt)
            position = events[-1].position
    finally:
        store.close()
    live = {row["stream_id"]: (row["events"], row["digest"]) for row in _rows(url, "SELECT * FROM totals")}
    for stream_id in rebuilt.keys() | live.keys():
        if rebuilt.get(stream_id) != live.get(stream_id):
            verdict.found("projection", f"{service}: {stream_id} differs from its rebuilt row")


def published_by(url: str) -> Iterator[Published]:
    """What the relay has to have said: the log through the service's own outbound mapping."""
    store = PostgresStore(url, MASTER_KEY, pool_size=2)
    try:
        outbox, position = Outbox(store, (CODEC,), messages_for), 0
        while publications := outbox.read(position, READ_LIMIT):
            for publication in publications:
                for wire in publication.wires:
                    told = Envelope.from_bytes(wire.body)
                    yield Published(told.id, told.source, told.type, told.subject, told.sequence)
            position = publications[-1].position
    finally:
        store.close()


def check_wire(published: Sequence[Published], wire: Path, verdict: Verdict) -> None:
    """What was heard on the wire is what the logs lead to, no more and no less, each stream in order."""
    expected = {message.message_id: message for message in published}
    verdict.messages = len(expected)
    heard, last = set[str](), dict[tuple[str, str], int]()
    for line in _whole_lines(wire):
        message_id, source, _, subject, sequence = json.loads(line)
        verdict.heard_on_wire += 1
        if message_id in heard:
            continue
        heard.add(message_id)
        if sequence <= last.get((source, subject), 0):
            verdict.found("out_of_order", f"on the wire: {subject} {sequence} came after a later one")
        last[source, subject] = max(sequence, last.get((source, subject), 0))
    for message_id in expected.keys() - heard:
        verdict.found("not_published", f"{expected[message_id].subject} {message_id} was never heard on the wire")
    for message_id in heard - expected.keys():
        verdict.found("not_published", f"{message_id} was heard on the wire and no event leads to it")


def check_effects(service: str, url: str, published: Sequence[Published], verdict: Verdict) -> None:
    """Each message that the service listens to had exactly one effect, each stream's in order; nothing is parked."""
    wanted = {(message.source(), message.type_name()) for message in HEARD[service]}
    expected = {each.message_id: each for each in published if (each.source, each.type) in wanted}
    times = Counter[str]()
    last: dict[tuple[str, str], int] = defaultdict(int)
    for row in _rows(url, "SELECT source, stream_id, version, message_id FROM effects ORDER BY seq"):
        verdict.effects += 1
        times[row["message_id"]] += 1
        stream = (row["source"], row["stream_id"])
        if times[row["message_id"]] == 1 and row["version"] < last[stream]:
            verdict.found(
                "out_of_order", f"{service}: {row['stream_id']} {row['version']} was handled after {last[stream]}"
            )
        last[stream] = max(last[stream], row["version"])
    for message_id in expected.keys() - times.keys():
        verdict.found("not_heard", f"{service}: {expected[message_id].subject} {message_id} had no effect")
    for message_id, count in times.items():
        if count > 1:
            verdict.found("doubled", f"{service}: {message_id} had {count} effects")
        if message_id not in expected:
            verdict.found("doubled", f"{service}: {message_id} had an effect and no event leads to it")
    for row in _rows(url, "SELECT stream_id, sequence, error FROM parked WHERE state = 'parked'"):
        verdict.found("not_heard", f"{service}: {row['stream_id']} {row['sequence']} is parked: {row['error']}")


def check_answers(url: str, published: Sequence[Published], verdict: Verdict) -> None:
    """Each message that dispatch answers led to exactly one event of its own."""
    expected = {each.message_id for each in published if answers("dispatch", each.source, each.sequence)}
    rows = _rows(url, "SELECT metadata->>'causation_id' AS cause, count(*) AS times FROM events GROUP BY 1")
    times = {row["cause"]: row["times"] for row in rows}
    for cause in expected - times.keys():
        verdict.found("not_heard", f"dispatch: {cause} was not answered")
    for cause, count in times.items():
        if count > 1 or cause not in expected:
            verdict.found("doubled", f"dispatch: {cause} was answered {count} times")


def _whole_lines(path: Path) -> Iterator[str]:
    """Lines that were written to their end."""
    with path.open(encoding="utf-8") as lines:
        yield from (line for line in lines if line.endswith("\n"))


def _rows(url: str, query: str) -> list[dict[str, Any]]:
    with connect(url) as connection:
        connection.execute("SET statement_timeout = 0")
        return connection.execute(query.encode()).fetchall()
