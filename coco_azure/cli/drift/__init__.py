"""Drift: where the cluster or Azure is no longer what the stack deployed, who changed it, and what would be done.

``./coco-azure drift`` asks the engine (``pulumi preview --refresh``), which changes nothing, and explains its answer.
No
part of the program that deploys: it imports neither pulumi nor the components, and reads only what the engine says.
"""
