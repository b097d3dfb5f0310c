"""Judges an agent policy on the containers of a workload: its own run, and none that a host has changed does."""

from collections.abc import Iterator, Sequence

from coco_azure.formats.policy import workload_requests
from coco_azure.formats.policy.agent_requests import Case
from coco_azure.formats.policy.policy_check import Outcome, PolicyReport
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.formats.workload import containers
from coco_azure.formats.workload.containers import Container

_REQUEST = "CreateContainerRequest"
_TYPES = ("io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri.container-type")


def foreign(case: Case) -> bool:
    """Return whether a case is, or comes after, a container of no workload's, which the policy of one denies."""
    if case.after:
        return True
    annotations = case.documents[0].get("OCI", {}).get("Annotations", {})
    return case.request == _REQUEST and all(annotations.get(key) != "sandbox" for key in _TYPES)


def judge(text: str, workload: Sequence[Container], report: PolicyReport) -> Iterator[Outcome]:
    """Yield what a policy says of the containers; what is wrong is added to the report.

    Args:
        text: the policy.
        workload: the containers that it is to keep to; none means any.
        report: gets the problems and warnings.
    """
    report.warnings.extend(containers.warnings(workload))
    for container in workload:
        allowed = judge_agent(text, _REQUEST, workload_requests.request(container))
        yield Outcome(case=container.place, expected=True, passed=allowed)
        if not allowed:
            report.problems.append(f"the agent policy denies {container.place}, as the manifest has it")
        for change, document in workload_requests.changes(container):
            let_in = judge_agent(text, _REQUEST, document)
            yield Outcome(case=change, expected=False, passed=let_in)
            if let_in:
                report.problems.append(f"the agent policy allows {change}")
        for command in container.commands:
            # No container of that name runs yet.
            let_in = judge_agent(text, "ExecProcessRequest", {"container_id": "0", "process": {"Args": command}})
            yield Outcome(case=f"{container.place}: {' '.join(command)} elsewhere", expected=False, passed=let_in)
            if let_in:
                report.problems.append(f"the agent policy allows {' '.join(command)} in any container")
