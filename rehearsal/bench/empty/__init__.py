"""A program with the same providers as coco-azure and one read, and nothing else."""
