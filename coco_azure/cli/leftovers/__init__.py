"""What operators leave behind in Azure and in the cluster, and what stands in the way of a deletion.

``./coco-azure leftovers`` lists it, each with the command that removes it; on its own it removes nothing. ``model``,
``azure_names``, ``azure_found`` and ``cluster_found`` decide and do not import pulumi; the others ask:
``azure_listing`` Azure, ``cluster_facts`` the API server, ``stack`` the stack's settings.
"""
