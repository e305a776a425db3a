"""The figures by which an on-call operator sees whether messages flow."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# A registry of its own, which a process adds to the one it shows: messaging knows no process.
REGISTRY = CollectorRegistry()

LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Seconds; from the poll of an idle tail to a backlog after an outage."""

PUBLISHED = Counter(
    "doorstep_relay_published", "Messages handed to the broker, resends included", ["service"], registry=REGISTRY
)
CONFIRMED = Counter(
    "doorstep_relay_confirmed", "Messages the broker took responsibility for", ["service"], registry=REGISTRY
)
UNROUTABLE = Counter(
    "doorstep_relay_unroutable", "Messages that no queue was bound for", ["service", "type"], registry=REGISTRY
)
RESENT = Counter(
    "doorstep_relay_resent", "Messages that had to be sent again", ["service", "cause"], registry=REGISTRY
)
CONFIRM_SECONDS = Histogram(
    "doorstep_relay_confirm_seconds",
    "From handing a message to the broker to its confirm",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
RELAY_POSITION = Gauge(
    "doorstep_relay_position", "Log position up to which all is confirmed", ["service"], registry=REGISTRY
)
LOG_POSITION = Gauge(
    "doorstep_log_position", "Last position that the sequencer has given", ["service"], registry=REGISTRY
)
SEQUENCE_LAG_SECONDS = Histogram(
    "doorstep_sequence_lag_seconds",
    "From the append of an event to its place in the log; the oldest of each turn",
    ["service"],
    buckets=LAG_BUCKETS,
    registry=REGISTRY,
)
RELAY_LAG_SECONDS = Histogram(
    "doorstep_relay_lag_seconds",
    "From a place in the log to the confirm of all up to it; once for each turn of the sequencer",
    ["service"],
    buckets=LAG_BUCKETS,
    registry=REGISTRY,
)
RELAY_STALLED = Gauge("doorstep_relay_stalled", "1 while the relay cannot go on", ["service"], registry=REGISTRY)
RELAY_BLOCKED = Gauge(
    "doorstep_relay_blocked",
    "1 while the broker, short of memory or disk, takes nothing from the relay",
    ["service"],
    registry=REGISTRY,
)
TAIL_LEADER = Gauge(
    "doorstep_tail_leader", "1 while this process sequences and publishes", ["service"], registry=REGISTRY
)

HANDLED = Counter("doorstep_inbox_handled", "Messages whose effects are committed", ["handler"], registry=REGISTRY)
DUPLICATES = Counter(
    "doorstep_inbox_duplicates", "Messages dropped because they were seen before", ["handler"], registry=REGISTRY
)
LATE = Counter(
    "doorstep_inbox_late",
    "Messages handled after their successor, the broker having been killed",
    ["handler"],
    registry=REGISTRY,
)
GAPS = Counter(
    "doorstep_inbox_gaps",
    "Messages handled although an earlier one of their stream was missing, after waiting in vain",
    ["handler"],
    registry=REGISTRY,
)
UNKNOWN = Counter(
    "doorstep_inbox_unknown", "Messages of a type that this release does not know", ["handler"], registry=REGISTRY
)
PARKED = Counter(
    "doorstep_inbox_parked", "Messages set aside for an operator", ["handler", "cause"], registry=REGISTRY
)
PARKED_WAITING = Gauge(
    "doorstep_parked_waiting", "Messages that wait for an operator", ["handler"], registry=REGISTRY
)
PARKED_OLDEST_SECONDS = Gauge(
    "doorstep_parked_oldest_seconds", "Age of the oldest message that waits", ["handler"], registry=REGISTRY
)
PAUSED = Gauge(
    "doorstep_subscription_paused", "1 while consumption waits for a backend", ["service"], registry=REGISTRY
)
HELD = Gauge(
    "doorstep_subscription_held",
    "Messages that wait for an earlier one of their stream, which the broker owes",
    ["service"],
    registry=REGISTRY,
)
HANDLE_LAG_SECONDS = Histogram(
    "doorstep_subscription_lag_seconds",
    "From handing a message to the broker to the commit of its effects",
    ["service"],
    buckets=LAG_BUCKETS,
    registry=REGISTRY,
)
BATCH_SIZE = Histogram(
    "doorstep_subscription_batch_size",
    "Messages in a batch",
    ["service"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200),
    registry=REGISTRY,
)

TELEMETRY_SENT = Counter("doorstep_telemetry_sent", "Transient messages sent", ["service"], registry=REGISTRY)
TELEMETRY_LOST = Counter(
    "doorstep_telemetry_lost",
    "Transient messages dropped, the broker being away or blocked",
    ["service"],
    registry=REGISTRY,
)
