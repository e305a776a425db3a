"""The append-only event store of a service: append, load, sequence, replay, project, forget."""
