"""Contracts with upstream: the real KBS and the upstream CRDs, where a checkout has them beside it in ``../shared``."""
