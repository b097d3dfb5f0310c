"""The benchmark (``make bench``): ratios of runs measured side by side, on rehearsal clusters of this machine."""
