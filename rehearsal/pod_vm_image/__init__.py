"""The pod VM image of a rehearsal, as far as a stack has to know it: its signed measurements.

``measurements.json`` has the PCRs that the simulated pod VM boots with, in the form of the file of the same name in
osc-dm-verity-image; ``measurements.sig`` is its signature, as ``cosign sign-blob`` writes it, and ``signing-key.pub``
what it is verified with. ``python -m rehearsal.pod_vm_image`` makes all three anew, with a key that nobody keeps.
"""
