"""The simulated KBS, CAA and pod VM say no where the real ones do."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from rehearsal.azure.subscription import NotThereError, Subscription
from rehearsal.kubelet import evidence
from rehearsal.kubelet.caa import Caa, CaaStartError, PodVm, SandboxError
from rehearsal.kubelet.guest import Guest, GuestError, UnreachableError
from rehearsal.kubelet.kbs import DeniedError, Kbs, StartError, flatten
from rendering import image_policy, initdata, kbs_config, rego

CONFIG = "/etc/kbs-config/kbs-config.toml"
ROOT = "/opt/confidential-containers"
POLICY, VALUES = f"{ROOT}/opa/policy.rego", f"{ROOT}/rvps/reference-values/reference-values.json"
RESOURCE = "default/kbsres1/key1"
FILES = {
    CONFIG: kbs_config.render_toml(kbs_config.KbsConfig(token_duration=5)),
    "/etc/auth-secret/publicKey": "a key",
    POLICY: rego.load("resource_policy"),
    VALUES: "[]",
    f"{ROOT}/kbs/repository/{RESOURCE}": "res1val1",
    f"{ROOT}/kbs/repository/default/security-policy/osc": image_policy.render("insecureAcceptAnything", {}),
}
SNP = evidence.of("Standard_DC2as_v5", "ab" * 48)
AZURE = Subscription.described()
ENVIRONMENT = {
    **dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"), "x"),
    "AZURE_RESOURCE_GROUP": AZURE.resource_groups()[0],
    "AZURE_REGION": "eastus",
    "AZURE_SUBNET_ID": list(AZURE.subnet_ids())[1],
    "AZURE_NSG_ID": next(AZURE.nsg_ids()),
    "AZURE_IMAGE_ID": "/subscriptions/x/image",
    "AZURE_INSTANCE_SIZE": "Standard_DC2as_v5",
    "AZURE_INSTANCE_SIZES": "Standard_DC2as_v5,Standard_DC4as_v5",
    "DISABLECVM": "false",
}


def _kbs(changes: Mapping[str, str] | None = None) -> Kbs:
    files = {**FILES, **(changes or {})}
    return Kbs.start(CONFIG, lambda: files)


def _value(name: str, value: str, expiration: str = "2999-01-01T00:00:00Z") -> str:
    return json.dumps([{"name": name, "expiration": expiration, "hash-value": [{"alg": "sha256", "value": value}]}])


def test_kbs_releases_the_secret_to_a_genuine_pod_vm() -> None:
    assert SNP is not None
    assert _kbs().release(RESOURCE, SNP) == b"res1val1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({POLICY: "package policy\ndefault allow = false"}, "PolicyDeny"),
        ({POLICY: "package policy\nallow {"}, "PolicyEngineError"),
        ({VALUES: _value("az-snp-vtpm.tpm.pcr08", "00")}, "attestation policy denies"),
        ({VALUES: "not json"}, "reference values"),
    ],
    ids=["policy denies", "policy malformed", "wrong reference value", "malformed reference values"],
)
def test_kbs_denies(changes: dict[str, str], said: str) -> None:
    assert SNP is not None
    with pytest.raises(DeniedError, match=said):
        _kbs(changes).release(RESOURCE, SNP)


def test_a_reference_value_that_has_expired_demands_nothing_as_with_the_real_one() -> None:
    assert SNP is not None
    expired = _value("az-snp-vtpm.tpm.pcr08", "00", "2001-01-01T00:00:00Z")

    assert _kbs({VALUES: expired}).release(RESOURCE, SNP) == b"res1val1"


def test_the_measured_initdata_can_be_demanded() -> None:
    assert SNP is not None
    demanded = _value("az-snp-vtpm.tpm.pcr08", initdata.pcr8("ab" * 48))
    other = evidence.of("Standard_DC2as_v5", "cd" * 48)
    assert other is not None

    assert _kbs({VALUES: demanded}).release(RESOURCE, SNP) == b"res1val1"
    with pytest.raises(DeniedError):
        _kbs({VALUES: demanded}).release(RESOURCE, other)


def test_a_resource_that_does_not_exist_is_not_found() -> None:
    assert SNP is not None
    with pytest.raises(DeniedError) as denied:
        _kbs().release("default/none/such", SNP)

    assert denied.value.status == 404


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('type = "coco_as_builtin"', "", "missing field `type`"),
        ("insecure_key = true", "", "trusted cert is empty"),
        ("insecure_http = true", "", "HTTPS needs"),
        ("[http_server]", "[http_server", "invalid config"),
    ],
)
def test_kbs_does_not_start_on_what_the_real_one_refuses(old: str, new: str, said: str) -> None:
    assert old in FILES[CONFIG]
    with pytest.raises(StartError, match=said):
        _kbs({CONFIG: FILES[CONFIG].replace(old, new, 1)})


def test_kbs_does_not_start_without_its_configuration_or_its_administrators_key() -> None:
    with pytest.raises(StartError, match="not found"):
        Kbs.start("/etc/kbs-config/kbs-config.json", lambda: FILES)
    without = {path: text for path, text in FILES.items() if "auth-secret" not in path}
    with pytest.raises(StartError, match="admin public key"):
        Kbs.start(CONFIG, lambda: without)


def test_claims_are_named_as_the_simple_token_names_them() -> None:
    assert SNP is not None
    flat = flatten(SNP)

    assert {"az-snp-vtpm.tpm.pcr08", "az-snp-vtpm.measurement", "init_data", "report_data"} <= flat.keys()


@pytest.mark.parametrize(
    ("size", "tee"),
    [
        ("Standard_DC2as_v5", "az-snp-vtpm"),
        ("Standard_EC4as_v5", "az-snp-vtpm"),
        ("Standard_EC4eds_v5", "az-tdx-vtpm"),
        ("Standard_DC2es_v5", "az-tdx-vtpm"),
        ("Standard_D2s_v5", None),
        ("", None),
    ],
)
def test_the_vm_size_decides_the_tee(size: str, tee: str | None) -> None:
    assert evidence.tee_of(size) == tee


def test_caa_does_not_start_before_an_image_is_there() -> None:
    with pytest.raises(CaaStartError, match="AZURE_IMAGE_ID"):
        Caa({**ENVIRONMENT, "AZURE_IMAGE_ID": ""}, AZURE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AZURE_INSTANCE_SIZES": "Standard_DC4as_v5, Standard_DC2as_v5"}, "not part of supported instance types"),
        ({"AZURE_SUBNET_ID": "/subscriptions/x/subnets/none"}, "AZURE_SUBNET_ID"),
        ({"AZURE_RESOURCE_GROUP": "none"}, "ResourceGroupNotFound"),
        ({"AZURE_REGION": "westeurope"}, "InvalidResourceLocation"),
        ({"INITDATA": "%%%"}, "base64 decode"),
        ({"INITDATA": base64.b64encode(b"= no toml").decode()}, "unmarshalling"),
        ({"INITDATA": base64.b64encode(b'algorithm = "md5"').decode()}, "md5 not supported"),
        ({"INITDATA": base64.b64encode(b'a = "' + b"x" * 60000 + b'"').decode()}, "64KB"),
    ],
)
def test_caa_refuses_a_pod_vm(changes: dict[str, str], said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        Caa({**ENVIRONMENT, **changes}, AZURE).create({})


def test_with_the_gate_off_a_pod_vm_has_nothing_to_prove() -> None:
    assert Caa({**ENVIRONMENT, "DISABLECVM": "true"}, AZURE).create({}).evidence is None
    assert Caa(ENVIRONMENT, AZURE).create({}).evidence is not None


def test_the_annotation_on_a_pod_comes_before_the_global_initdata() -> None:
    pod = initdata.render(initdata.Initdata(kbs_url="https://pod.example.com"))
    everywhere = initdata.render(initdata.Initdata(kbs_url="https://global.example.com"))
    caa = Caa({**ENVIRONMENT, "INITDATA": initdata.encode(everywhere)}, AZURE)

    assert "global.example.com" in caa.create({}).files["cdh.toml"]
    assert "pod.example.com" in caa.create({initdata.ANNOTATION: initdata.encode(pod)}).files["cdh.toml"]


def _guest(files: Mapping[str, str] | None = None, policy: str | None = None, kbs: Kbs | None = None) -> Guest:
    document = initdata.Initdata(kbs_url="https://kbs.example.com", agent_policy=policy)
    encoded = initdata.encode(initdata.render(document))
    machine = Caa({**ENVIRONMENT, "INITDATA": encoded}, AZURE).create({})

    async def reach(url: str) -> Kbs:
        assert url == "https://kbs.example.com"
        return kbs or _kbs()

    return Guest(PodVm(machine.size, {**machine.files, **(files or {})}, machine.evidence), reach)


def _start(guest: Guest, annotations: Mapping[str, str] | None = None, image: str = "quay.io/org/app:1") -> Any:
    return asyncio.run(guest.start(annotations or {}, [image]))


def test_a_pod_vm_starts_and_gets_its_secret() -> None:
    guest = _guest(policy=rego.load("agent_allow_all"))
    _start(guest)

    assert asyncio.run(guest.resource(RESOURCE)) == b"res1val1"


def test_an_agent_policy_that_does_not_name_a_request_denies_it() -> None:
    with pytest.raises(GuestError, match="CreateContainerRequest is blocked"):
        _start(_guest(policy="package agent_policy\ndefault CreateSandboxRequest := true"))


def test_the_policy_of_initdata_comes_before_that_of_the_annotation() -> None:
    deny = base64.b64encode(b"package agent_policy").decode()

    _start(_guest(policy=rego.load("agent_allow_all")), {"io.katacontainers.config.agent.policy": deny})
    with pytest.raises(GuestError, match="blocked"):
        _start(_guest(), {"io.katacontainers.config.agent.policy": deny})


def test_a_malformed_agent_policy_is_refused() -> None:
    with pytest.raises(GuestError, match="refuses its policy"):
        _start(_guest(policy="package agent_policy\nallow {"))


@pytest.mark.parametrize(
    ("policy", "image", "starts"),
    [
        (image_policy.render("reject", {}), "quay.io/org/app:1", False),
        (image_policy.render("insecureAcceptAnything", {}), "quay.io/org/app:1", True),
        (image_policy.render("reject", {"quay.io/org": RESOURCE}), "quay.io/org/app:1", True),
        (image_policy.render("reject", {"quay.io/org": "default/none/such"}), "quay.io/org/app:1", False),
        ("not json", "quay.io/org/app:1", False),
    ],
    ids=["rejected", "accepted", "signed, key there", "signed, key missing", "malformed"],
)
def test_the_image_policy_is_kept(policy: str, image: str, *, starts: bool) -> None:
    guest = _guest(kbs=_kbs({f"{ROOT}/kbs/repository/default/security-policy/osc": policy}))
    if starts:
        _start(guest, image=image)
    else:
        with pytest.raises(GuestError, match="failed to pull image"):
            _start(guest, image=image)


def test_without_initdata_no_kbs_is_configured() -> None:
    async def reach(_: str) -> Kbs:
        raise AssertionError

    guest = Guest(Caa(ENVIRONMENT, AZURE).create({}), reach)
    with pytest.raises(UnreachableError, match="no KBS is configured"):
        asyncio.run(guest.resource(RESOURCE))


def test_azure_says_which_resource_it_does_not_have() -> None:
    group = AZURE.resource_groups()[0]

    with pytest.raises(NotThereError, match="'none' could not be found"):
        AZURE.virtual_network("none", "x")
    with pytest.raises(NotThereError, match="virtualNetworks/none"):
        AZURE.virtual_network(group, "none")
    with pytest.raises(NotThereError, match="subnets/none"):
        AZURE.subnet(group, "rehearsal-x7k2p-vnet", "none")
    with pytest.raises(NotThereError, match="networkSecurityGroups/none"):
        AZURE.network_security_group(group, "none")
