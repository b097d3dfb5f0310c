"""The simulated agent holds the requests of a Deployment's pods to the policy made from its manifest."""

import pytest

from rehearsal.kubelet.agent import Agent, GuestError
from rehearsal.kubelet.shim import Container, Shim, Volume, exec_process
from tests.unit.crio_requests import changed, create, run, sandbox
from tests.unit.workload_manifests import DEPLOYMENT, NODE, pod, policy

CREATE, EXEC = "CreateContainerRequest", "ExecProcessRequest"
DRAIN = ["/bin/drain", "now"]


def _denied(agent: Agent, request: str, document: object) -> bool:
    assert isinstance(document, dict)
    try:
        agent.demand(request, document)
    except GuestError:
        return True
    return False


def test_pods_of_a_deployment_start_and_only_their_probes_run_in_them() -> None:
    agent = Agent(policy(), "")
    shop = create(DEPLOYMENT, "shop", NODE)

    assert _denied(agent, EXEC, run(shop, DRAIN))
    agent.demand(CREATE, sandbox())
    agent.demand(CREATE, shop)
    agent.demand(EXEC, run(shop, DRAIN))
    assert _denied(agent, EXEC, run(shop, ["/bin/sh"]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("OCI/Process/Args/0", "/bin/sh"),
        ("OCI/Process/Env/-", "LD_PRELOAD=/scratch/x.so"),
        # What the base of the policy denies stays denied, although the container is the manifest's.
        ("OCI/Hooks", {"Prestart": [{"Path": "/bin/sh"}]}),
        ("OCI/Root/Path", "/"),
        ("devices", [{"container_path": "/dev/sda"}]),
    ],
)
def test_a_changed_container_is_denied_and_nothing_runs_in_it(place: str, value: object) -> None:
    agent = Agent(policy(), "")
    shop = create(DEPLOYMENT, "shop", NODE)

    assert _denied(agent, CREATE, changed(shop, (place, value)))
    assert _denied(agent, EXEC, run(shop, DRAIN))


def test_the_shim_of_the_rehearsal_asks_for_what_the_manifest_has() -> None:
    volumes = [{"name": "scratch", "emptyDir": {}}, {"name": "config", "configMap": {"name": "c"}}]
    mounts = [{"name": "scratch", "mountPath": "/scratch"}, {"name": "config", "mountPath": "/etc/app"}]
    manifest = pod(
        spec={"volumes": volumes},
        volumeMounts=mounts,
        env=[{"name": "A", "value": "b"}],
        livenessProbe={"exec": {"command": DRAIN}},
    )
    shim, agent = Shim("app-1", "default", copies_named=True), Agent(policy(manifest), "")
    container = Container(
        name="app",
        image="quay.io/my-org/app:1",
        command=("/bin/app",),
        environment={"A": "b"},
        pod="app-1",
        namespace="default",
        volumes=(
            Volume(name="scratch", destination="/scratch", kind="disk"),
            Volume(name="config", destination="/etc/app", read_only=True),
        ),
    )

    agent.demand(CREATE, shim.create(shim.pause))
    agent.demand(CREATE, shim.create(container))
    agent.demand(EXEC, exec_process(container, DRAIN))
    assert _denied(agent, EXEC, exec_process(container, ["/bin/sh"]))
