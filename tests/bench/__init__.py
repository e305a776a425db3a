"""Measurements of the backbone beside its peers, all in one run; started by `make bench-backbone`."""
