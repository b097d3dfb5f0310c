"""What a maintainer needs of a stack and its clusters, in one file, with no secret in it."""
