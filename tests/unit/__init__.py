"""Tests without an engine: pure functions, and the program under a recording monitor."""
