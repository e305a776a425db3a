"""The policy lab: days played off-line through the engine's own decisions, so that policies can be compared."""
