"""The status that a kubelet writes of its pods (core/v1 PodStatus)."""

from rehearsal.api import Object


def running(pod: Object, restarts: int = 0, last: Object | None = None) -> Object:
    """Return the status of a pod whose containers all run."""
    return _status(pod, "Running", {"running": {}}, ready=True, restarts=restarts, last=last)


def waiting(pod: Object, reason: str, message: str, restarts: int = 0, last: Object | None = None) -> Object:
    """Return the status of a pod whose containers do not run, with the kubelet's reason for it."""
    phase = "Running" if restarts else "Pending"
    state = {"waiting": {"reason": reason, "message": message}}
    return _status(pod, phase, state, ready=False, restarts=restarts, last=last)


def ended(pod: Object, code: int, message: str) -> Object:
    """Return the status of a pod that has come to its end."""
    return _status(pod, "Failed" if code else "Succeeded", terminated(code, message), ready=False)


def terminated(code: int, message: str) -> Object:
    """Return the state of a container that has ended."""
    reason = "Error" if code else "Completed"
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def _status(
    pod: Object, phase: str, state: Object, *, ready: bool, restarts: int = 0, last: Object | None = None
) -> Object:
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": ready,
            "started": ready,
            "restartCount": restarts,
            "state": state,
            "lastState": last or {},
        }
        for container in pod["spec"]["containers"]
    ]
    truth = str(ready)
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Initialized", "status": "True"},
        {"type": "ContainersReady", "status": truth},
        {"type": "Ready", "status": truth},
    ]
    return {"phase": phase, "conditions": conditions, "containerStatuses": containers}
