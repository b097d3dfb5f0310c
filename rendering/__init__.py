"""Formats of Trustee, OpenShift sandboxed containers and the pod VM, as pure functions.

Nothing in here imports pulumi, reads a file of the user's or talks to a cluster: text in, text out.
"""
