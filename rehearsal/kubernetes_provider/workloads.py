"""Whether a Deployment has rolled out, a Job has ended, and what keeps their pods.

Pure functions on objects as the API server gives them, after ``await/deployment.go`` and ``await/job.go``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.kubernetes_provider.notes import Note
from rehearsal.kubernetes_provider.objects import annotation, dig, display_name, integer, owned_by, text

REVISION = "deployment.kubernetes.io/revision"
_QUIET = ("ContainerCreating",)
_JOB_FAILURES = ("BackoffLimitExceeded", "DeadlineExceeded")


@dataclass(frozen=True)
class Rollout:
    """How far a workload has come.

    Attributes:
        done: whether it is where it should be.
        notes: what to tell while it is on its way.
        reasons: why it is not there.
        failed: whether it will never get there.
    """

    done: bool
    notes: tuple[Note, ...] = ()
    reasons: tuple[str, ...] = ()
    failed: bool = False


def reconciled(deployment: Mapping[str, Any]) -> bool:
    """Return whether the Deployment's controller has seen its present spec."""
    observed = integer(deployment, "status", "observedGeneration")
    return observed is not None and observed == integer(deployment, "metadata", "generation")


def deployment(seen: Mapping[str, Any], replica_sets: Iterable[Mapping[str, Any]]) -> Rollout:
    """Return how far the roll-out of a Deployment has come (``checkAndLogStatus``, ``errorMessages``).

    Args:
        seen: the Deployment.
        replica_sets: all ReplicaSets of its namespace.
    """
    revision = annotation(seen, REVISION)
    available, complaint = _condition(seen, "Available")
    progressing, stuck = _condition(seen, "Progressing", reason="NewReplicaSetAvailable")
    current = next((one for one in replica_sets if owned_by(one, seen) and annotation(one, REVISION) == revision), None)
    wanted = _count(current, "spec", default=1)
    ready = _count(current, "status", default=0)
    updated = bool(revision) and current is not None and ready >= wanted
    if available and updated and (progressing or revision == "1"):
        return Rollout(done=True, notes=(Note.info("Deployment initialization complete"),))
    problems = [text for text in (stuck, complaint) if text]
    notes = [Note.warning(problem) for problem in problems]
    if current is not None and not updated:
        notes.append(Note.info(f"Waiting for app ReplicaSet to be available ({ready}/{wanted} Pods available)"))
    if not available:
        problems.append("Minimum number of live Pods was not attained")
    elif revision == "1" or not progressing:
        problems.append("Minimum number of Pods to consider the application live was not attained")
    else:
        problems.append("Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live")
    return Rollout(done=False, notes=tuple(notes), reasons=tuple(problems))


def job(seen: Mapping[str, Any]) -> Rollout:
    """Return how far a Job has come (``checker/job/check.go``)."""
    title = display_name(seen)
    if not dig(seen, "status", "startTime"):
        return Rollout(done=False, notes=(Note.info(f'Waiting for Job "{title}" to start'),))
    counts = " | ".join(
        f"{label}: {integer(seen, 'status', label.lower()) or 0}" for label in ("Active", "Succeeded", "Failed")
    )
    note = Note.info(f'Waiting for Job "{title}" to succeed ({counts})')
    conditions = {text(one, "type"): one for one in dig(seen, "status", "conditions") or []}
    failure = conditions.get("Failed", {})
    if failure.get("status") == "True" and failure.get("reason") in _JOB_FAILURES:
        reason = f"[{failure['reason']}] {text(failure, 'message')}"
        return Rollout(done=False, notes=(note,), reasons=(reason,), failed=True)
    return Rollout(done=conditions.get("Complete", {}).get("status") == "True", notes=(note,))


def pod_problem(pod: Mapping[str, Any]) -> str | None:
    """Return what keeps a pod from being ready, in one text, or None (``checker/pod/check.go``)."""
    for kind in ("PodScheduled", "Initialized", "Ready"):
        condition = next((one for one in dig(pod, "status", "conditions") or [] if one.get("type") == kind), None)
        if condition is None:
            return None
        finished = kind == "Ready" and text(pod, "status", "phase") == "Succeeded"
        if condition.get("status") == "True" or finished:
            continue
        said = text(condition, "message") if text(condition, "reason") else ""
        if kind == "PodScheduled":
            return None
        problems = [problem for one in dig(pod, "status", "containerStatuses") or [] for problem in _container(one)]
        if not problems and not text(condition, "message"):
            return None
        return f"[Pod {display_name(pod)}]: {said}" + "\n".join(problems)
    return None


def _container(status: Mapping[str, Any]) -> list[str]:
    if status.get("ready"):
        return []
    problems: list[str] = []
    waiting = dig(status, "state", "waiting")
    if waiting and waiting.get("reason") not in _QUIET:
        problems.append(f"[{text(waiting, 'reason')}] {_trimmed(text(waiting, 'message'))}")
    ended = dig(status, "state", "terminated")
    if ended and ended.get("reason"):
        if ended.get("message"):
            problems.append(f"[{ended['reason']}] {_trimmed(ended['message'])}")
        else:
            problems.append(f'container "{text(status, "name")}" completed with exit code {ended.get("exitCode", 0)}')
    last = dig(status, "lastState", "terminated")
    if last:
        code = f"{text(last, 'reason')}: exit code {last.get('exitCode', 0)}"
        problems.append(f'container "{text(status, "name")}" terminated at {text(last, "finishedAt")} ({code})')
        problems += [str(last["message"])] if last.get("message") else []
    return problems


def _trimmed(message: str) -> str:
    return message.removeprefix("rpc error: code = Unknown desc = Error response from daemon: ").removesuffix(
        ": manifest unknown"
    )


def _condition(seen: Mapping[str, Any], kind: str, reason: str | None = None) -> tuple[bool, str | None]:
    """Return whether a condition holds (with a reason), and its complaint where it does not."""
    for condition in dig(seen, "status", "conditions") or []:
        if condition.get("type") != kind:
            continue
        true = condition.get("status") == "True"
        said = condition.get("reason"), condition.get("message")
        complaint = f"[{said[0]}] {said[1]}" if not true and None not in said else None
        return true and reason in (None, said[0]), complaint
    return False, None


def _count(replica_set: Mapping[str, Any] | None, part: str, *, default: int) -> int:
    if replica_set is None:
        return default
    found = integer(replica_set, part, "replicas" if part == "spec" else "readyReplicas")
    return default if found is None else found
