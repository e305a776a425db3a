"""`make bench-scale`: a store full of past orders, and how quickly the gateway still reads."""
