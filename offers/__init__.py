"""Versions that catalogs offer of the two operators, and that this release has no profile for."""
