"""Which weaknesses of a stack are meant."""

from coco_azure.risks import Risk
from coco_azure.settings.base import Model


class AcceptedRisks(Model):
    """What a run does not warn about, because it is meant so; the proof report has it in any case."""

    any_reboot: bool = False
    """``peerPods.kataConfig.allowReboot`` stays true in a production stack."""
    same_cluster: bool = False
    """Trustee runs on the cluster of the pods that it judges."""
    any_command: bool = False
    """Pods without a workload's own policy run any command, with any environment and files of the host's."""
    shared_secrets: bool = False
    """Whoever may create pods gets the secrets of an initdata document that allows any image."""

    def advice(self, warning: str) -> str:
        """Return what a run says for a warning: empty for a risk that is meant."""
        if not isinstance(warning, Risk):
            return warning
        return "" if getattr(self, warning.name) else warning.advice
