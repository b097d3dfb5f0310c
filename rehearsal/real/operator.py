"""A real operator in the pod that OLM makes for it: the files and the environment of its container.

What each operator reads: openshift/sandboxed-containers-operator ``main.go``, ``controllers/image_generator.go``;
openshift/trustee-operator ``cmd/main.go``; where OLM puts a webhook's certificate: operator-lifecycle-manager
``pkg/controller/install/certresources.go``.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from rehearsal import pki
from rehearsal.api import Object
from rehearsal.processes import free_port
from rehearsal.real.brought import OSC_OPERATOR, Program
from rehearsal.real.own_root import OwnRoot
from rehearsal.real.process import EndedError, RealProcess, taken

WEBHOOKS = 9443
"""Where operators serve webhooks; the OSC operator has no option for another port."""
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_CERTIFICATES = {
    "/tmp/k8s-webhook-server/serving-certs": ("tls.crt", "tls.key"),  # noqa: S108 - a path in its own root
    "/apiserver.local.config/certificates": ("apiserver.crt", "apiserver.key"),
}
_LOOKS, _LOOK_EVERY = 100, 0.1  # seconds of this machine
_OWN_CONFIG = Path(__file__).with_name("config")


async def started(
    program: Program, path: Path, cluster: Path, pod: Object, environment: Mapping[str, str]
) -> RealProcess:
    """Start an operator and return it once it serves.

    Args:
        program: which operator it is.
        path: of the program.
        cluster: folder of the cluster.
        pod: its pod.
        environment: of its container.

    Raises:
        EndedError: it does not start.
    """
    serves_webhooks = program is OSC_OPERATOR
    if serves_webhooks and not await _free(WEBHOOKS):
        raise EndedError(
            f"port {WEBHOOKS} of this machine is taken, and the {program.title} has no option for another: "
            f"`ss -tlnp 'sport = :{WEBHOOKS}'` shows by what"
        )
    # A folder for each pod: the next one starts while the last one still ends.
    root = OwnRoot(cluster / "real" / str(pod["metadata"]["name"]), own_proc=True)
    root.write("/proc/sys/crypto/fips_enabled", "0\n")
    root.bind("/config", config_of(path))
    root.write(f"{_ACCOUNT}/token", pki.tokens(cluster)["rehearsal-operators"])
    root.write(f"{_ACCOUNT}/ca.crt", (cluster / "pki" / "ca.crt").read_bytes())
    root.write(f"{_ACCOUNT}/namespace", pod["metadata"]["namespace"])
    for folder, names in _CERTIFICATES.items():
        for name, own in zip(names, ("server.crt", "server.key"), strict=True):
            root.write(f"{folder}/{name}", (cluster / "pki" / own).read_bytes())
    port = WEBHOOKS if serves_webhooks else free_port()
    arguments = ["--metrics-bind-address=0", *([] if serves_webhooks else [f"--health-probe-bind-address=:{port}"])]
    process = RealProcess(program, path, root, arguments, {**environment, **_in_cluster(cluster)})
    try:
        await process.answers_on(port)
    except BaseException:
        await process.stop()
        raise
    return process


async def _free(port: int) -> bool:
    """Return whether a port is free, also where a pod that ends has it for a moment."""
    for _ in range(_LOOKS):
        if not taken(port):
            return True
        await asyncio.sleep(_LOOK_EVERY)
    return False


def config_of(path: Path) -> Path:
    """Return the folder that the image has at ``/config``: what was taken out of it beside the program, else ours.

    Ours has the least of it: manifests of the image jobs, of the MachineConfigs and of the credentials' request.
    """
    beside = (path.parent / "config", path.parent.parent / "config")
    return next((each for each in beside if (each / "peerpods").is_dir() or (each / "templates").is_dir()), _OWN_CONFIG)


def _in_cluster(cluster: Path) -> Mapping[str, str]:
    port = json.loads((cluster / "ports.json").read_text(encoding="ascii"))["api"]
    return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port), "TMPDIR": "/tmp"}  # noqa: S108
