"""The carrying of one order, with all its attempts."""
