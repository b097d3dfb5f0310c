"""The fault bench: runs of ``pulumi`` are struck at seeded moments, repeated until they succeed, and counted.

``python -m rehearsal.fault_bench --help``; ``make faults``.
"""
