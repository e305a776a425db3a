"""Faults on purpose: the backbone under load while its parts are killed and frozen, and proof of what held."""
