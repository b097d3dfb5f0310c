"""What operators leave behind in Azure and in the cluster, and what stands in the way of a deletion.

``python -m leftovers`` lists it, each with the command that removes it; on its own it removes nothing. ``model``,
``azure_names``, ``azure_found`` and ``cluster_found`` decide and do not import pulumi; the others ask: ``arm`` and
``sign_in`` Azure, ``cluster`` the API server, ``stack`` the stack's settings.
"""
