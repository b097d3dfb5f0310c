"""Tests: unit (no engine), contract (upstream parts), engine (real engine and rehearsal cluster)."""
