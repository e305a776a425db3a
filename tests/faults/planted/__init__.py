"""Bugs on purpose: parts of the backbone as somebody might have written them, to show that the checker sees it."""
