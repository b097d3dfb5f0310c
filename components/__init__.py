"""The resources of the program and their order: one ComponentResource a file, in a folder by what it is about."""
