"""What happens to nodes before it happens: from facts of a cluster to a plan, its approval and its text.

Knows KataConfig, nodes and machine config pools as JSON; imports neither pulumi nor a client.
"""
