"""A report of a run of ``pulumi`` for people: one HTML file that needs no network, from the engine's event log.

``./coco-azure report`` makes it. Everything but ``command`` is pure: texts in, texts out.
"""
