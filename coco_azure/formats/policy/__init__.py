"""Policies: the texts that are deployed, and what the engine that enforces them makes of any text."""
