"""The simulated pod VM denies what its agent policy denies, and gets from KBS what it is entitled to."""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from coco_azure.formats.kbs import sealed_secrets
from rehearsal.kubelet.agent import ANNOTATION, GuestError, image_policy
from rehearsal.kubelet.caa import Caa
from rehearsal.kubelet.guest import Guest, Started
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.shim import Container
from tests.unit.pod_vm import AZURE, ENVIRONMENT, Safe, document, guest, machine

RESOURCE = "default/kbsres1/key1"
EVERYTHING = image_policy(())
DENY_ALL = "package agent_policy"
IMAGE = "quay.io/org/app:1"
POLICY = "default/security-policy/osc"
SEALED = sealed_secrets.seal_vault(f"kbs:///{RESOURCE}")
SIGNED = {"type": "sigstoreSigned", "keyPath": f"kbs:///{RESOURCE}"}


def _policy(**changes: bool) -> str:
    text = EVERYTHING
    for name, value in changes.items():
        text = text.replace(f"default {name} := true", f"default {name} := {str(value).lower()}")
    return text


def _annotation(text: str) -> dict[str, str]:
    return {ANNOTATION: base64.b64encode(text.encode()).decode()}


def _start(inside: Guest, annotations: Mapping[str, str] | None = None, **values: Any) -> Sequence[Started]:
    container = Container(**{"name": "app", "image": IMAGE, **values})
    return asyncio.run(inside.start(annotations or {}, [container]))


def test_a_pod_vm_starts_and_gets_its_secret() -> None:
    inside = guest(document(), Safe({RESOURCE: b"res1val1"}))
    _start(inside)

    assert asyncio.run(inside.resource(RESOURCE)) == b"res1val1"


def test_an_agent_policy_that_does_not_name_a_request_denies_it() -> None:
    only = "package agent_policy\ndefault CreateSandboxRequest := true\ndefault CopyFileRequest := true"
    with pytest.raises(GuestError, match='"CreateContainerRequest is blocked by policy": permission denied'):
        _start(guest(document(policy=only)))


def test_a_policy_may_ask_to_let_everything_through() -> None:
    _start(guest(document(policy=f"{DENY_ALL}\ndefault AllowRequestsFailingPolicy := true")))


def test_the_policy_of_the_annotation_replaces_that_of_initdata_where_set_policy_is_allowed() -> None:
    inside = guest(document(policy=_policy(ExecProcessRequest=False)))
    _start(inside, _annotation(EVERYTHING))

    inside.exec("app", ["sh"])
    with pytest.raises(GuestError, match="blocked"):
        _start(guest(document(policy=EVERYTHING)), _annotation(DENY_ALL))


def test_the_policy_of_the_annotation_replaces_that_of_the_image() -> None:
    inside = guest(document())
    _start(inside, _annotation(EVERYTHING))

    inside.exec("app", ["sh"])
    with pytest.raises(GuestError, match="blocked"):
        _start(guest(document()), _annotation(DENY_ALL))


def test_where_set_policy_is_denied_a_pod_with_the_annotation_does_not_start() -> None:
    closed = document(policy=_policy(SetPolicyRequest=False))

    _start(guest(closed))
    with pytest.raises(GuestError, match="SetPolicyRequest is blocked"):
        _start(guest(closed), _annotation(EVERYTHING))


def test_the_image_of_osc_1_11_denies_set_policy_by_itself() -> None:
    newest = Caa(ENVIRONMENT, AZURE, "1.11.0").create({})

    _start(guest(vm=newest))
    with pytest.raises(GuestError, match="SetPolicyRequest is blocked"):
        _start(guest(vm=newest), _annotation(EVERYTHING))


@pytest.mark.parametrize("encoded", ["no base64", base64.b64encode(b"\xff").decode()])
def test_an_annotation_that_is_no_text_is_refused(encoded: str) -> None:
    with pytest.raises(GuestError, match="illegal base64"):
        _start(guest(document()), {ANNOTATION: encoded})


def test_the_image_denies_exec_and_logs_by_itself() -> None:
    inside = guest(document())
    _start(inside)

    with pytest.raises(GuestError, match='"ExecProcessRequest is blocked by policy": permission denied'):
        inside.exec("app", ["sh"])
    with pytest.raises(GuestError, match="ReadStreamRequest is blocked"):
        inside.logs("app")


def test_a_policy_can_allow_one_command_and_no_other() -> None:
    rule = '\nExecProcessRequest { input.process.Args == ["date", "-u"] }'
    inside = guest(document(policy=_policy(ExecProcessRequest=False) + rule))
    _start(inside)

    inside.exec("app", ["date", "-u"])
    inside.logs("app")
    with pytest.raises(GuestError, match="ExecProcessRequest"):
        inside.exec("app", ["date"])


def _listed(kind: str, image: str) -> str:
    rules = f"""
        CreateContainerRequest {{ {kind} == "sandbox" }}
        CreateContainerRequest {{ {image} == "{IMAGE}" }}
    """
    return _policy(CreateContainerRequest=False) + rules


@pytest.mark.parametrize(
    "image", ['input.OCI.Annotations["io.kubernetes.cri-o.ImageName"]', "input.storages[_].source"]
)
def test_an_allow_list_of_images_bites(image: str) -> None:
    policy = _listed('input.OCI.Annotations["io.kubernetes.cri-o.ContainerType"]', image)

    _start(guest(document(policy=policy)))
    with pytest.raises(GuestError, match="CreateContainerRequest"):
        _start(guest(document(policy=policy)), image="quay.io/org/other:1")


def test_an_allow_list_by_the_annotations_of_containerd_denies_everything() -> None:
    kind, image = (f'input.OCI.Annotations["io.kubernetes.cri.{name}"]' for name in ("container-type", "image-name"))

    with pytest.raises(GuestError, match="CreateContainerRequest"):
        _start(guest(document(policy=_listed(kind, image))))


def test_a_policy_sees_command_and_environment() -> None:
    rule = '\nCreateContainerRequest { input.OCI.Process.Args == ["/usr/bin/pod"] }\n'
    rule += 'CreateContainerRequest { input.OCI.Process.Args == ["run"]; input.OCI.Process.Env == ["A=1"] }'
    policy = _policy(CreateContainerRequest=False) + rule

    _start(guest(document(policy=policy)), command=("run",), environment={"A": "1"})
    with pytest.raises(GuestError, match="CreateContainerRequest"):
        _start(guest(document(policy=policy)), command=("run",), environment={"A": "2"})


def test_a_malformed_agent_policy_is_refused() -> None:
    with pytest.raises(GuestError, match="refuses its policy"):
        _start(guest(document(policy="package agent_policy\nallow {")))


def _image_policy(default: str, *, signed: bool = False) -> bytes:
    transports = {"docker": {"quay.io/org": [SIGNED]}} if signed else {}
    return json.dumps({"default": [{"type": default}], "transports": transports}).encode()


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ({POLICY: _image_policy("insecureAcceptAnything")}, None),
        ({POLICY: _image_policy("reject")}, "rejects it"),
        ({POLICY: _image_policy("reject", signed=True)}, "not found"),
        ({}, "security-policy/osc not found"),
    ],
    ids=["accepted", "rejected", "signed, key missing", "no policy"],
)
def test_the_image_policy_is_kept(resources: Mapping[str, bytes], text: str | None) -> None:
    inside = guest(document(image_security_policy_uri=f"kbs:///{POLICY}"), Safe(resources))
    if text is None:
        _start(inside)
    else:
        with pytest.raises(GuestError, match=f"failed to pull image {IMAGE}.*{text}"):
            _start(inside)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'{"auths": {"quay.io": {"auth": "eDp5"}}}', None),
        (b"not json", "Invalid registry auth file"),
        (None, "not found"),
    ],
)
def test_the_registry_credentials_come_from_kbs(content: bytes | None, text: str | None) -> None:
    resources = {} if content is None else {"default/credential/osc": content}
    uri = "kbs:///default/credential/osc"
    inside = guest(document(authenticated_registry_credentials_uri=uri), Safe(resources))
    if text is None:
        _start(inside)
    else:
        with pytest.raises(GuestError, match=text):
            _start(inside)


def test_a_sealed_secret_is_unsealed_before_its_container_starts() -> None:
    inside = guest(document(), Safe({RESOURCE: b"res1val1"}))
    (started,) = _start(inside, environment={"PASSWORD": SEALED, "PLAIN": "x"})

    assert started.container.environment == {"PASSWORD": "res1val1", "PLAIN": "x"}
    assert started.unsealed == ("PASSWORD",)


def test_what_cannot_be_unsealed_reaches_the_container_as_it_is() -> None:
    (started,) = _start(guest(document()), environment={"PASSWORD": SEALED})

    assert started.container.environment["PASSWORD"] == SEALED
    assert "not found" in started.still_sealed["PASSWORD"]


def test_what_initdata_names_outside_of_kbs_is_not_in_the_image() -> None:
    with pytest.raises(GuestError, match="needed is kbs:///"):
        _start(guest(document(image_security_policy_uri="file:///etc/policy.json")))


def test_without_initdata_no_kbs_is_configured() -> None:
    with pytest.raises(UnreachableError, match="no KBS is configured"):
        asyncio.run(guest().resource(RESOURCE))


def test_a_vm_without_a_tee_shows_the_evidence_of_the_sample_attester() -> None:
    safe = Safe({RESOURCE: b"res1val1"})
    inside = guest(vm=replace(machine(document()), evidence=None), safe=safe)

    asyncio.run(inside.resource(RESOURCE))
    assert [each.tee for each in safe.seen] == ["sample"]


@pytest.mark.parametrize(
    ("hub", "text"), [("[kbc", "cdh.toml"), ("socket = 'x'", "missing field `name`"), ("[kbc]\nurl = 'x'", "`name`")]
)
def test_a_cdh_that_cannot_read_its_configuration_does_not_start(hub: str, text: str) -> None:
    with pytest.raises(GuestError, match=text):
        guest(vm=replace(machine(), files={"cdh.toml": hub}))
