"""The HTTP kit of every service: typed routes, callers, problem documents, idempotency, OpenAPI, live streams."""
