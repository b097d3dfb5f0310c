"""The simulated key broker service (KBS): see ``server``."""

from rehearsal.kubelet.kbs.claims import flatten
from rehearsal.kubelet.kbs.model import DeniedError, Evidence, StartError
from rehearsal.kubelet.kbs.server import Kbs
from rehearsal.kubelet.kbs.versions import of_image

__all__ = ["DeniedError", "Evidence", "Kbs", "StartError", "flatten", "of_image"]
