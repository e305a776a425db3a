"""What every process needs around its work: settings, logs, traces, metrics, health, and a careful start and end."""
