"""How long riders need for their ways: what a city assumes at first, and what it learns from the ways they went."""
