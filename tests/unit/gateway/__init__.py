"""Tests of the HTTP kit and of what runs it."""
