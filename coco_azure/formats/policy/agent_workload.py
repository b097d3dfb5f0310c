"""The facts about a workload's containers that ``parts/agent_workload.rego`` holds requests to.

What is added to a container's environment: kubernetes 1.34 ``pkg/kubelet/envvars/envvars.go`` (Services), cri-o 1.34
``server/container_create.go`` (HOSTNAME, TERM), OpenShift's ``crio.conf`` (``default_env``). genpolicy of
kata-containers 3.25 allows the same names.
"""

import json
from collections.abc import Mapping, Sequence

from coco_azure.formats.workload.containers import Container
from coco_azure.formats.workload.environment import ADDRESS, Value

_WIDTH = 600
_SHORT = 100
_PROTOCOL = "(TCP|UDP|SCTP)"
_PORT = "[0-9]{1,5}"
_OF_SERVICE = (
    f"_(SERVICE_HOST|PORT_{_PORT}_{_PROTOCOL}_ADDR)=({ADDRESS})",
    f"_(SERVICE_PORT(_[A-Z0-9_]+)?|PORT_{_PORT}_{_PROTOCOL}_PORT)={_PORT}",
    rf"_PORT(_{_PORT}_{_PROTOCOL})?=(tcp|udp|sctp)://\[?({ADDRESS})\]?:{_PORT}",
    f"_PORT_{_PORT}_{_PROTOCOL}_PROTO=(tcp|udp|sctp)",
)
_FOLDER = "/(usr/(local/)?)?s?bin"
_ADDED: Mapping[str, Sequence[str]] = {
    "runtime": ("HOSTNAME=[A-Za-z0-9.-]{1,64}", "NSS_SDB_USE_CACHE=no"),
    "terminal": ("TERM=xterm",),
    # A pod without links to Services still has those of the API server.
    "kubernetes": tuple(f"KUBERNETES{pattern}" for pattern in _OF_SERVICE),
    "services": tuple(f"[A-Z][A-Z0-9_]*{pattern}" for pattern in _OF_SERVICE),
    # Of an image that is not known: what cannot change which code runs.
    "image": (
        f"PATH={_FOLDER}(:{_FOLDER})*",
        "(LANG|LANGUAGE|LC_[A-Z]+)=[A-Za-z0-9_.@:-]{0,40}",
        "TZ=[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*",
        "container=oci",
    ),
}
"""Variables by who adds them, each a regular expression for ``NAME=VALUE``.

None is long enough for a sealed secret, which the agent would replace with what it stands for.
"""


def facts(containers: Sequence[Container]) -> dict[str, str]:
    """Return the constants of the part as Rego, by name; the same containers always give the same text."""
    made: list[dict[str, object]] = []
    for container in containers:
        each = _facts(container)
        if each not in made:
            made.append(each)
    groups = {group for container in containers for group in _groups(container)}
    added = {group: patterns for group, patterns in _ADDED.items() if group in groups}
    return {"workload": _rego(made), "added_env": _rego(added)}


def _rego(value: object) -> str:
    """Return a value on one line where it is short; engines take no line of more than 1024 columns."""
    if isinstance(value, str) and len(json.dumps(value)) > _WIDTH:
        # Escapes make a text twelve times as long at most.
        step = _WIDTH // 12
        chunks = ",\n".join(json.dumps(value[at : at + step]) for at in range(0, len(value), step))
        return f'concat("", [\n{chunks},\n])'
    if isinstance(value, Mapping):
        parts = [f"{json.dumps(key)}: {_rego(each)}" for key, each in value.items()]
        return _enclosed("{", parts, "}")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _enclosed("[", [_rego(each) for each in value], "]")
    return json.dumps(value)


def _enclosed(start: str, parts: Sequence[str], end: str) -> str:
    line = f"{start}{', '.join(parts)}{end}"
    if len(line) <= _SHORT and "\n" not in line:
        return line
    lines = ",\n".join(parts)
    return f"{start}\n{lines},\n{end}"


def _facts(container: Container) -> dict[str, object]:
    variables = container.environment
    return {
        "name": container.name,
        "images": _names(container.image),
        "args": [_text(value) for value in container.arguments],
        "env": [f"{name}={value.text}" for name, value in variables.items() if not value.pattern],
        "like": {name: _anchored(value) for name, value in variables.items() if value.pattern},
        "optional": [name for name, value in variables.items() if value.pattern and not value.required],
        "added": _groups(container),
        **({} if container.folder is None else {"folder": container.folder}),
        "tty": container.terminal,
        "pidns": container.shares_processes,
        **container.rights,
        "mounts": {
            path: " ".join(filter(None, [mount.source, mount.volume, "ro" if mount.read_only else ""]))
            for path, mount in container.mounts.items()
        },
        "needs": [path for path, mount in container.mounts.items() if mount.required],
        **({"commands": container.commands} if container.commands else {}),
    }


def _groups(container: Container) -> list[str]:
    groups = ["runtime", "services" if container.service_links else "kubernetes"]
    groups += ["terminal"] if container.terminal else []
    return groups if container.image_known else [*groups, "image"]


def _names(image: str) -> list[str]:
    """Return the names under which an image is pulled; of a tag beside a digest, CRI-O drops the tag."""
    name, _, digest = image.partition("@")
    place, slash, last = name.rpartition("/")
    tagless = f"{place}{slash}{last.partition(':')[0]}"
    return [image] if not digest or tagless == name else [image, f"{tagless}@{digest}"]


def _text(value: Value) -> object:
    return {"like": _anchored(value)} if value.pattern else value.text


def _anchored(value: Value) -> str:
    return f"^(?:{value.text})$"
