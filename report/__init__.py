"""A report of a run of ``pulumi`` for people: one HTML file that needs no network, from the engine's event log.

``python -m report`` makes it. Everything but ``engine`` and ``drawing`` is pure: texts in, texts out.
"""
