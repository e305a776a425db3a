"""`make bench-positions`: riders' devices that say where they are, beside the whole platform."""
