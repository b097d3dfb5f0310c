"""Real programs in place of simulated ones: the operators that will be installed, and KBS (docs/rehearsal.md)."""
