"""Whether pod VMs and CAA get where a cluster without the Internet lets its nodes go: mirrors and a proxy.

Whether a mirror has an image, nobody asks here: only whether something says where it is. What nodes have of their own,
pod VMs have not: they pull by initdata, and CAA of OSC up to 1.13 has no proxy but that of ``peer-pods-cm``
(openshift/sandboxed-containers-operator pull request 2839).
"""

from collections.abc import Iterable, Iterator

from coco_azure.inventory.cluster_facts import ClusterFacts, RegistryAccess
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding

_SHOWN = 4
_GUIDE = "docs/howto/disconnected.md"


def problems(facts: ClusterFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what has no way to its images or to Azure (check ``mirrors``); warnings, for there may be another way."""
    access = facts.registries
    if access is None:
        return
    for package, images in access.images.items():
        if access.disconnected and (missing := [each for each in images if not _reached(each, access)]):
            yield _finding(
                f"no mirror for {len(missing)} of the images of {package}: {', '.join(missing[:_SHOWN])}"
                + (", ..." if len(missing) > _SHOWN else ""),
                "an ImageDigestMirrorSet or ImageTagMirrorSet for each: the default catalogs are switched off",
                f"oc mirror, with the package in its ImageSetConfiguration, and oc apply of what it writes ({_GUIDE})",
            )
    for image in requirements.pulled:
        if (source := _covering(image, access.mirrors)) is not None:
            key = f'"{image.partition("/")[0] if source.startswith("*.") else source}"'
            yield _finding(
                f"nodes pull {image} from {access.mirrors[source]}, pod VMs from the registry itself",
                "the mirror in the settings, too: pod VMs know nothing of the cluster's mirror sets",
                f"pulumi config set --path 'coco-azure:trustee.registryMirrors[{key}]' {access.mirrors[source]}",
            )
    yield from _proxy(access, requirements)


def _proxy(access: RegistryAccess, requirements: Requirements) -> Iterator[Finding]:
    if not access.proxy:
        return
    if not requirements.peer_pods.caa_environment.keys() & {"HTTPS_PROXY", "https_proxy"}:
        way = "pulumi config set --path coco-azure:peerPods.caaEnvironment"
        yield _finding(
            f"the cluster's proxy is {access.proxy}, and CAA does not take it",
            "the proxy in CAA's environment, or a way to management.azure.com without it",
            f"{way}.HTTPS_PROXY {access.proxy}\n"
            f'{way}.NO_PROXY "$(oc get proxy cluster -o jsonpath={{.status.noProxy}})"',
        )
    if not requirements.pulls_by_proxy:
        yield _finding(
            f"the cluster's proxy is {access.proxy}, and pod VMs pull images without it",
            "the proxy in initdata, or a way to the registries without it",
            f"pulumi config set --path coco-azure:initdata.imagePull.proxy {access.proxy}",
        )


def _finding(found: str, needed: str, fix: str) -> Finding:
    return Finding(check="mirrors", level="warning", found=found, needed=needed, fix=fix)


def _reached(image: str, access: RegistryAccess) -> bool:
    own = {mirror.partition("/")[0] for mirror in access.mirrors.values()}
    return image.partition("/")[0] in own or _covering(image, access.mirrors) is not None


def _covering(image: str, sources: Iterable[str]) -> str | None:
    """Return the longest of the sources that an image lies in; ``*.example.com`` is every host of that domain."""
    host = image.partition("/")[0].partition(":")[0]
    fitting = [
        each
        for each in sources
        if (image.startswith(each) and image.removeprefix(each)[:1] in ("", *"/:@"))
        or (each.startswith("*.") and host.endswith(each[1:]))
    ]
    return max(fitting, key=len, default=None)
