"""Profiles of the versions of OSC and Trustee, and what a catalog offers."""
