"""The two operators and nothing else."""
