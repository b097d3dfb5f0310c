"""Trustee: its operator, what it reads, its keys and certificates, and the trust chain behind it."""
