"""Tests of rehearsal."""
