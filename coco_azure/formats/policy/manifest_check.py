"""Judges a manifest by the terms of its workload, without a cluster: what would stop it, each with its remediation."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from coco_azure.formats import initdata
from coco_azure.formats.images import image_policy
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.policy import agent_workload_check
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.formats.workload import containers, reading
from coco_azure.formats.workload.containers import Container
from coco_azure.formats.workload.image_config import MAKE, ImageConfig
from coco_azure.formats.workload.reading import ManifestError, Template, templates
from coco_azure.formats.workload.terms import Terms
from coco_azure.names import POD_VM_SIZE

Level = Literal["problem", "warning"]
_RESOURCE = re.compile(r"(?:/cdh/resource/|kbs:///)(?P<path>[\w.-]+/[\w.-]+/[\w.-]+)")
_SEALED = re.compile(r"sealed\.[\w-]+\.[\w-]+\.[\w-]+")
_OWN_IMAGE = ImageConfig(entrypoint=("(what the image runs)",))
_PREPARE = "coco-azure workload prepare FILE --workload {workload}"
_SETTING = "coco-azure:initdata.workloads.{workload}"


@dataclass(frozen=True, kw_only=True)
class ManifestFinding:
    """What is wrong with a manifest.

    Attributes:
        level: ``problem`` stops a pod or its secret; a ``warning`` does not.
        place: the object, or the container in it.
        text: what it is, what it does, and what to do.
    """

    level: Level
    place: str
    text: str


_problem, _warning = partial(ManifestFinding, level="problem"), partial(ManifestFinding, level="warning")


def check(
    text: str, terms: Terms, *, images: Mapping[str, ImageConfig] | None = None, only: Collection[str] = ()
) -> list[ManifestFinding]:
    """Return what would keep the pods of a manifest from starting confidentially or from their secrets.

    Args:
        images: what images say of their containers, by the name that the manifest gives them.
        only: the objects that are meant, as KIND/NAME; none: all with a pod template.

    Raises:
        ManifestError: the text is no manifest, or has no pod template of these names.
    """
    meant = [each for each in templates(text) if not only or each.label.replace(" ", "/") in only]
    if not meant:
        raise ManifestError(f"no pod template in {', '.join(only)}")
    findings = [finding for template in meant for finding in _of_template(template, terms)]
    known, opened = dict(images or {}), _unknown(meant, images or {})
    try:
        places = [template.label for template in meant]
        pod_containers = containers.containers(text, {**known, **dict.fromkeys(opened, _OWN_IMAGE)}, places)
    except ManifestError as error:
        pod_containers = []
        findings += [_problem(place="", text=line) for line in str(error).splitlines()]
    findings += _of_containers(pod_containers, terms, opened)
    findings += _secrets(text, meant, terms)
    return findings


def _of_template(template: Template, terms: Terms) -> Iterator[ManifestFinding]:
    label, prepare = template.label, _PREPARE.format(workload=terms.workload)
    annotations = reading.object_of(template.metadata, "annotations")
    runtime = template.spec.get("runtimeClassName")
    if runtime != terms.runtime_class:
        yield _problem(
            place=label,
            text=f"runtimeClassName is {runtime or 'not set'}, needed {terms.runtime_class}: its pods would run on the "
            f"node, in no confidential VM, and get no secret; {prepare}",
        )
    yield from _annotation(label, annotations.get(terms.annotation), terms, prepare)
    size = annotations.get(POD_VM_SIZE)
    if size is not None and size not in terms.sizes:
        yield _problem(
            place=label,
            text=f"VM size {size} is none that pods may ask for, and no VM is made; name one of "
            f"{', '.join(terms.sizes)} ({prepare} --size SIZE), or add it to the stack: coco-azure:peerPods."
            "instanceSizes",
        )


def _annotation(label: str, value: object, terms: Terms, prepare: str) -> Iterator[ManifestFinding]:
    if value == terms.initdata:
        return
    if value is not None and value == terms.previous:
        yield _warning(
            place=label,
            text=f"it has the initdata of the run before, which is accepted until the next `pulumi up`; {prepare}",
        )
        return
    text = (
        f"annotation {terms.annotation} is not set: its pods get the global initdata, and not this workload's secrets"
    )
    if value is not None:
        text = f"annotation {terms.annotation} holds initdata that is no longer this workload's: KBS denies its secrets"
    yield _problem(place=label, text=f"{text}; {prepare}")


def _unknown(meant: Sequence[Template], images: Mapping[str, ImageConfig]) -> set[str]:
    """Return the images that decide themselves what runs, and of which nothing is known."""
    return {
        str(each.get("image"))
        for template in meant
        for key in ("initContainers", "containers")
        for each in reading.objects(template.spec, key)
        if not each.get("command") and each.get("image") not in images
    }


def _of_containers(
    pod_containers: Sequence[Container], terms: Terms, opened: Collection[str]
) -> Iterator[ManifestFinding]:
    policy = initdata.decode(terms.initdata).get("policy.rego")
    for container in pod_containers:
        yield from _image(container, terms)
        if policy is not None:
            yield from _agent(container, policy, terms, own_command=container.image in opened)


def _image(container: Container, terms: Terms) -> Iterator[ManifestFinding]:
    name = container.image
    if terms.image_policy is not None:
        verdict = image_policy.admits(terms.image_policy, name)
        if verdict is False:
            yield _problem(
                place=container.label,
                text=f"the image policy rejects {name}: it is neither listed nor one that a signature is asked of; add "
                "it to coco-azure:trustee.imageSignature (signed) or coco-azure:trustee.acceptedImages, then pulumi up",
            )
        if verdict == "signed":
            yield _warning(
                place=container.label,
                text=f"{name} has to be signed with the stack's key, which is not looked up: cosign verify --key "
                f"cosign.pub {name}",
            )
    if "@" not in name:
        yield _warning(
            place=container.label,
            text=f"{name} has a tag, which may mean another image tomorrow; name it by digest: skopeo inspect "
            f"--format '{{{{.Digest}}}}' docker://{name}",
        )


def _agent(container: Container, policy: str, terms: Terms, *, own_command: bool) -> Iterator[ManifestFinding]:
    """Yield what an agent policy denies; of a container whose image has the command, only whether it may be any."""
    request, way = agent_workload_check.request(container), _SETTING.format(workload=terms.workload)
    problem = partial(_problem, place=container.label)
    try:
        if not judge_agent(policy, "CreateContainerRequest", request):
            if own_command:
                text = "what it runs is up to its image, so whether the agent policy allows it cannot be told; name "
                text += f"the image's configuration: --image-config IMAGE=FILE ({MAKE.format(image=container.image)})"
                yield _warning(place=container.label, text=text)
                return
            yield problem(
                text="the agent policy in initdata denies it as it stands here: another image, command, variable or "
                f"mount than in the file that the policy was made from; name this file in {way}.manifestFile (or its "
                f"image in {way}.allowedImages), then pulumi up",
            )
            return
        for command in container.commands:
            asked = agent_workload_check.execution(request, command)
            if not judge_agent(policy, "ExecProcessRequest", asked, after=[request]):
                yield problem(
                    text=f"the agent policy denies the probe or hook `{' '.join(command)}`, so the pod never becomes "
                    f"ready; use httpGet, tcpSocket or grpc, or name this file in {way}.manifestFile, then pulumi up",
                )
    except PolicyError as error:
        yield problem(text=f"the agent policy in initdata cannot be evaluated: {error}; mend {way}.agentPolicyFile")


def _secrets(text: str, meant: Sequence[Template], terms: Terms) -> Iterator[ManifestFinding]:
    """Yield Secrets in the clear, and the resources of KBS that a manifest names and its pods may not have."""
    secrets = {name: data for template in meant for name, data in template.secrets.items()}
    for name, data in secrets.items():
        if clear := [key for key, value in data.items() if value is None]:
            yield _warning(
                place=f"Secret {name}",
                text=f"{', '.join(clear)} in the clear: whoever administers the pods' cluster can read it; make it a "
                f"client secret of the stack (coco-azure:clientSecrets.{name}), and seal it: "
                f"{_PREPARE.format(workload=terms.workload)}",
            )
    if terms.secrets is None:
        return
    paths = {match["path"]: None for match in _RESOURCE.finditer(text)}
    sealed = {value: None for data in secrets.values() for value in data.values() if value is not None}
    for reference in {**sealed, **dict.fromkeys(_SEALED.findall(text))}:
        try:
            paths[sealed_secrets.parse(sealed_secrets.unseal(reference)).path] = None
        except ValueError as error:
            yield _problem(place="", text=f"{error}; make it anew: coco-azure workload prepare FILE")
    yield from (_unserved(path, terms) for path in paths if path not in terms.secrets)


def _unserved(path: str, terms: Terms) -> ManifestFinding:
    secret, key = path.split("/")[1:]
    return _problem(
        place="",
        text=f"KBS gives pods of {terms.workload} no {path} (it gives: {', '.join(terms.secrets or ()) or 'none'}); "
        f"set it: pulumi config set --secret --path 'coco-azure:clientSecrets.{secret}[\"{key}\"]' VALUE, and list it: "
        f"pulumi config set --path '{_SETTING.format(workload=terms.workload)}.secrets[0]' {secret}, then pulumi up",
    )
