"""Surges: zones in which more orders wait than there are riders for, noticed with hysteresis and told once."""
