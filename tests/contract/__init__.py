"""Contracts with upstream: the real KBS that COCO_REAL_KBS names, and the upstream CRDs where ../shared has them."""
