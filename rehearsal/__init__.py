"""The local stand-in for an OpenShift cluster on Azure: real control plane, simulated operators, nodes and cloud.

Nothing in the program imports from here; the rehearsal may import from ``rendering``.
"""
