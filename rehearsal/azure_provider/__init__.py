"""A stand-in for pulumi-azure-native 3.29.0: a client of the rehearsal's ARM server.

It has the functions and resources that the program uses, with their properties as azure-native has them: what ARM keeps
under ``properties`` stands beside the rest, in camelCase.
"""
