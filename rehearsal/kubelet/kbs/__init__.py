"""The simulated key broker service (KBS): see ``server``."""

from rehearsal.kubelet.kbs.claims import flatten
from rehearsal.kubelet.kbs.model import DeniedError, Evidence, Releases, StartError
from rehearsal.kubelet.kbs.server import Kbs
from rehearsal.kubelet.kbs.versions import of_image

__all__ = ["DeniedError", "Evidence", "Kbs", "Releases", "StartError", "flatten", "of_image"]
