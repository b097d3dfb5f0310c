"""The OpenShift cluster: its providers and client, what it says of itself, and whose its objects are."""
