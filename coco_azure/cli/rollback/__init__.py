"""Going back to the last attested configuration: which commit that was, and ``pulumi up`` of it.

``./coco-azure rollback`` reads the history of the stack, where the engine keeps the commit of each run, puts that
commit into a folder of its own and runs ``pulumi up`` there. No part of the program that deploys.
"""
