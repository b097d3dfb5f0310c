"""The resources of the program and their order: one ComponentResource a file."""
