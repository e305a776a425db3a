"""When a delivery will be at its ends: forecasts as ranges, what they are learned from, and when they are told."""
