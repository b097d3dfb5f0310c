"""Commands of probes and hooks: each runs in its own container only, and nothing else in any."""

import json
from typing import Any

import pytest

from coco_azure.formats.policy.policies import agent_policy
from coco_azure.formats.policy.policy_engine import Policy, PolicyFacts
from tests.unit.crio_mounts import IDENTITY, Document
from tests.unit.crio_requests import changed, create, run
from tests.unit.workload_manifests import DEPLOYMENT, NODE, SHOP, allows, pod, policy, read

dialects = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])


@dialects
def test_commands_of_probes_and_hooks_run_in_their_container_only(*, v1: bool) -> None:
    text, shop, proxy = policy(), create(DEPLOYMENT, "shop", NODE), create(DEPLOYMENT, "proxy", NODE)
    proxy = json.loads(json.dumps(proxy).replace(IDENTITY, "d1" * 32))
    state = _state(text, [shop, proxy], v1=v1)
    # The kubelet knows only values of the container's own in the commands of probes.
    check = ["/bin/check", "--url", "$(CFG_LOG_LEVEL)"]

    def runs(document: Document) -> bool:
        return Policy(text, v1=v1).value("agent_policy.ExecProcessRequest", document, PolicyFacts(data=state)) is True

    assert runs(run(shop, check))
    assert runs(run(shop, ["/bin/drain", "now"]))
    assert not runs(run(shop, ["/bin/sh"]))
    assert not runs(run(shop, [*check, "more"]))
    assert not runs(run(proxy, check))
    assert not runs({**run(shop, check), "container_id": "e2" * 32})
    for name, value in {"string_user": {"uid": "0"}, "stdin_port": 1, "stdout_port": 1, "stderr_port": 1}.items():
        assert not runs({**run(shop, check), name: value})
    for place, value in {
        "process/Env/-": "LD_PRELOAD=x",
        "process/Cwd": "/scratch",
        "process/User/UID": 0,
        "process/Terminal": True,
        "process/SelinuxLabel": "system_u:system_r:spc_t:s0",
        "process/Capabilities": {"Bounding": ["CAP_SYS_ADMIN"]},
    }.items():
        assert not runs(changed(run(shop, check), (place, value))), place


def _state(text: str, documents: list[Document], *, v1: bool) -> dict[str, Any]:
    """Return the data of the agent after it has created the containers."""
    state: dict[str, Any] = {"pstate": {}}
    for document in documents:
        answer = Policy(text, v1=v1).value("agent_policy.CreateContainerRequest", document, PolicyFacts(data=state))
        assert answer["allowed"]
        for operation in answer["ops"]:
            assert operation["op"] == "add"
            state["pstate"][operation["path"].removeprefix("/pstate/")] = operation["value"]
    return json.loads(json.dumps(state))  # type: ignore[no-any-return]


def test_a_container_that_is_there_does_not_become_another_one() -> None:
    text, shop, proxy = policy(), create(DEPLOYMENT, "shop", NODE), create(DEPLOYMENT, "proxy", NODE)
    state = _state(text, [shop], v1=False)

    def answer(document: Document) -> Any:
        return Policy(text, v1=False).value("agent_policy.CreateContainerRequest", document, PolicyFacts(data=state))

    assert answer(proxy) is False
    assert answer(shop) is False
    assert answer(json.loads(json.dumps(proxy).replace(IDENTITY, "d1" * 32)))["allowed"]


def test_where_no_command_is_to_be_run_none_runs() -> None:
    manifest = pod()
    text = policy(manifest)

    assert allows(text, create(manifest, "app"))
    assert "ExecProcessRequest if" not in text


def test_a_command_in_a_container_may_no_more_than_the_container() -> None:
    manifest = pod(
        securityContext={"capabilities": {"drop": ["ALL"]}}, livenessProbe={"exec": {"command": ["/bin/check"]}}
    )
    text, document = policy(manifest), create(manifest, "app")
    state = _state(text, [document], v1=False)

    def runs(*capabilities: str) -> bool:
        command = changed(run(document, ["/bin/check"]), ("process/Capabilities", {"Effective": list(capabilities)}))
        return Policy(text, v1=False).value("agent_policy.ExecProcessRequest", command, PolicyFacts(data=state)) is True

    assert runs()
    assert not runs("CAP_CHOWN")


def test_development_runs_any_command_and_keeps_no_state() -> None:
    text = agent_policy("development", workload=read(SHOP))

    assert "pstate" not in text
    assert Policy(text, v1=False).value("agent_policy.ExecProcessRequest", {}, PolicyFacts(data={})) is True
