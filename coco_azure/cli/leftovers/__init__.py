"""What operators leave behind in Azure and in the cluster, and what stands in the way of a deletion.

``./coco-azure leftovers`` lists it, each with the command that removes it; on its own it removes nothing, and CRDs only
where it is asked to.
"""
