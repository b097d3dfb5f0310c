"""One way to each outside: the Kubernetes API, Azure Resource Manager, the ``pulumi`` command line."""
