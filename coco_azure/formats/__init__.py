"""Formats and policies of each version, pure: texts in, texts out, and what judges them."""
