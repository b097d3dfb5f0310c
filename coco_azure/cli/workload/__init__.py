"""``coco-azure workload``: from a plain manifest to pods that get their secrets, without reading code.

``prepare`` writes what is needed into a manifest, ``check`` says beforehand what would stop it, ``status`` says what
became of each pod.
"""
