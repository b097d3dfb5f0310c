"""A stand-in for the pulumi-kubernetes provider 4.34.2, for machines where its binary cannot be had.

It answers the engine as the real provider does for the kinds of resources that this project's program declares, and it
works on a real API server. Names of files such as ``provider.go`` are those of pulumi/pulumi-kubernetes v4.34.2, in
``provider/pkg``.
"""
