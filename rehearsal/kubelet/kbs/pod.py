"""What a KBS pod finds in its files at start: mounts, and from 1.2 the secrets that an init container copies.

Sources: openshift/trustee-operator v1.2.1 ``cmd/secret-converter``; kubelet, ``pkg/volume/util/subpath`` (a subPath
that does not exist becomes a folder).
"""

from rehearsal.api import Api, Object
from rehearsal.kubelet import mounts

SECRETS = "/tmp/kbs-secrets"  # noqa: S108 - a path in a container that does not exist
REPOSITORY = "/opt/confidential-containers/storage/repository"
CONVERTER = "secret-converter"


async def files(api: Api, namespace: str, spec: Object, container: Object) -> dict[str, str]:
    """Return the files of a KBS container by absolute path, as they are when it starts.

    What ``secret-converter`` copied is as it was at the start: a changed secret reaches KBS with the next pod only.

    Raises:
        mounts.MissingError: something that is mounted is not there.
    """
    mounted = await mounts.files(api, namespace, spec, container)
    for mount in container.get("volumeMounts", []):
        if "subPath" in mount and mount["mountPath"] not in mounted:
            mounted[f"{mount['mountPath']}/"] = ""
    for init in spec.get("initContainers", []):
        if init["name"] == CONVERTER:
            mounted |= converted(await mounts.files(api, namespace, spec, init))
    return mounted


def converted(mounted: dict[str, str]) -> dict[str, str]:
    r"""Return what the converter writes: ``<secret>/<key>`` becomes ``default\x2F<secret>\x2F<key>``."""
    copied = {}
    for path, content in mounted.items():
        secret, _, key = path.removeprefix(f"{SECRETS}/").partition("/")
        if path.startswith(f"{SECRETS}/") and key and not key.startswith("."):
            copied[f"{REPOSITORY}/default\\x2F{secret}\\x2F{key}"] = content
    return copied
