"""The simulated operators: OLM, machine config, OpenShift sandboxed containers, Trustee, the router."""
