"""The pre-flight: pure judgements of an Azure subscription and a cluster, before anything is changed.

``facts`` and ``cluster_facts`` are what was asked, ``model`` is what is said about it; each other module is one part of
the judgement. Nothing here imports pulumi or asks anybody.
"""
