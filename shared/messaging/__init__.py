"""The way of an event from one service's log to another's decision: relay, subscription, inbox, parked sequences."""
