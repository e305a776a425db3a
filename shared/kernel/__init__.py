"""Plain values that every room understands: money, places, ids, time and errors. Standard library only."""
