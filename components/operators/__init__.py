"""Operators by OLM: which version there will be, and its installation."""
