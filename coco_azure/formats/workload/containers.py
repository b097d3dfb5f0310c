"""The containers of a manifest, as the agent policy and the checks know them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from coco_azure.formats.images import image_reference
from coco_azure.formats.workload import environment, process, reading
from coco_azure.formats.workload.environment import Value
from coco_azure.formats.workload.image_config import MAKE, ImageConfig
from coco_azure.formats.workload.process import Mount
from coco_azure.formats.workload.reading import ManifestError, Template, templates

_Part = TypeVar("_Part")
_HOST = ("hostNetwork", "hostPID", "hostIPC")


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container.

    Attributes:
        label: the object and the container, for messages.
        image: the image as the guest pulls it: with its registry, and a tag or a digest.
        arguments: of its process, the program first.
        image_known: whether the image's own settings are known, and with them every variable.
        folder: working directory; None where it is the image's and not known.
        service_links: whether the kubelet adds variables for every Service of the namespace.
        shares_processes: whether the pod's containers see each other's processes.
        commands: what may be run in it beside its process.
        rights: facts about user and privileges, as ``process.rights`` returns them.
    """

    label: str
    name: str
    image: str
    arguments: Sequence[Value]
    environment: Mapping[str, Value]
    image_known: bool
    folder: str | None
    terminal: bool
    service_links: bool
    shares_processes: bool
    mounts: Mapping[str, Mount]
    commands: Sequence[Sequence[str]]
    rights: Mapping[str, object] = field(default_factory=dict)


def containers(text: str, images: Mapping[str, ImageConfig], only: Collection[str] = ()) -> list[Container]:
    """Return every container of a manifest's pod templates, those that run first or beside included.

    Args:
        images: what images say of their containers, by the name that the manifest gives them.
        only: places of the templates that are meant, as ``Template`` has them; none: all.

    Raises:
        ValueError: some of it cannot be held to; one line for each problem.
    """
    pod_containers, problems, used = list[Container](), list[str](), set[str]()
    for template in templates(text):
        if only and template.label not in only:
            continue
        problems += [f"{template.label}: {problem}" for problem in _of_pod(template)]
        for key in ("initContainers", "containers"):
            for each in reading.objects(template.spec, key):
                label = f"{template.label}, container {each.get('name')}"
                used.add(str(each.get("image")))
                try:
                    pod_containers.append(_container(each, template, label, images))
                except ManifestError as error:
                    problems.append(str(error))
    problems += [
        f"imageConfigFiles names {image}, which no container has (images: {', '.join(sorted(used))}); name it as the "
        "manifest does, or remove it"
        for image in images
        if image not in used
    ]
    if problems:
        raise ManifestError("\n".join(problems))
    return pod_containers


def warnings(pod_containers: Sequence[Container]) -> Iterator[str]:
    """Return what a policy of these containers cannot hold the host to, one sentence a topic."""
    tags = sorted({container.image for container in pod_containers if "@" not in container.image})
    if tags:
        yield (
            f"{', '.join(tags)}: a tag may mean another image tomorrow, and the policy would let it run; name images "
            "by digest (REPOSITORY@sha256:...)"
        )
    unknown = sorted({container.image for container in pod_containers if not container.image_known})
    if unknown:
        yield (
            f"{', '.join(unknown)}: folder and user of the image are not known, so any is allowed, and of its "
            "variables none but PATH, LANG, TZ and such; a pod with others does not start. Name the image's "
            f"configuration in imageConfigFiles: {MAKE.format(image=unknown[0])}"
        )
    homeless = [container.label for container in pod_containers if "HOME" not in container.environment]
    if homeless:
        yield (
            f"{'; '.join(homeless)}: HOME is not set, so it would stand in /etc/passwd, which the node makes where the "
            "image does not know the user (OpenShift's own user ids), and with which the pods' cluster could run code; "
            "such a pod does not start. Add HOME to env (value: /tmp, or the image's own folder)"
        )
    chosen = [
        f"{container.label}: {', '.join(names)}"
        for container in pod_containers
        if (names := sorted(name for name, value in container.environment.items() if value.open))
    ]
    if chosen:
        yield (
            f"the pods' cluster chooses the values of variables that are read from Secrets and ConfigMaps outside of "
            f"the file ({'; '.join(chosen)}); add ConfigMaps and sealed Secrets to the file"
        )


def _of_pod(template: Template) -> Iterator[str]:
    for key in _HOST:
        if template.spec.get(key):
            yield f"{key}: a pod VM shares nothing with its node; remove it"
    if not template.spec.get("containers"):
        yield "no containers; needed is at least one"


def _container(each: Mapping[str, Any], template: Template, label: str, images: Mapping[str, ImageConfig]) -> Container:
    name, named = reading.optional(each, "name", str), reading.optional(each, "image", str)
    if not name or not named:
        raise ManifestError(f"{label}: name is {reading.shown(name)} and image {reading.shown(named)}; needed are both")
    config, attempt = images.get(named), _Attempts()
    image = attempt(named, lambda: image_name(named))
    none: dict[str, Value] = {}
    variables = attempt(none, lambda: environment.environment(each, template, config.environment if config else ()))
    made = Container(
        label=label,
        name=name,
        image=image,
        arguments=attempt((), lambda: process.arguments(each, config, named, variables)),
        environment=variables,
        image_known=config is not None,
        folder=attempt(None, lambda: reading.optional(each, "workingDir", str)) or (config.folder if config else None),
        terminal=bool(attempt(None, lambda: reading.optional(each, "tty", bool))),
        service_links=template.spec.get("enableServiceLinks") is not False,
        shares_processes=template.spec.get("shareProcessNamespace") is True,
        mounts=attempt({}, lambda: process.mounts(each, template)),
        commands=attempt((), lambda: process.commands(each)),
        rights=attempt({}, lambda: process.rights(each, template, config)),
    )
    if attempt.problems:
        raise ManifestError("\n".join(f"{label}: {problem}" for problem in attempt.problems))
    return made


class _Attempts:
    """Calls functions, and keeps what keeps them from an answer."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def __call__(self, otherwise: _Part, read: Callable[[], _Part]) -> _Part:
        try:
            return read()
        except ManifestError as error:
            self.problems.append(str(error))
            return otherwise


def image_name(named: str) -> str:
    """Return an image's name as the guest pulls it.

    Raises:
        ManifestError: which registry is meant is up to the node.
    """
    try:
        kinds = image_reference.sort_images([named])
    except ValueError:
        kinds = None
    if kinds is None or kinds.registries:
        raise ManifestError(
            f"image {named}: which registry is meant is up to the node; write the whole name, such as "
            f"docker.io/library/nginx:1.27, best with @sha256:DIGEST"
        )
    registry, _, path = named.partition("/")
    if registry == "docker.io" and "/" not in path:
        named = f"{registry}/library/{path}"
    return named if kinds.exact else f"{named}:latest"
