"""Contracts with upstream: the real KBS, CRDs, claims and requests that ``tests.reality`` names."""
