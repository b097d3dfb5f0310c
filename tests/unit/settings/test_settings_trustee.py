"""What a stack may say of Trustee: reference values, places, names of secrets, images; and how problems are told."""

from pathlib import Path
from typing import Any

import pytest

from coco_azure import names
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.settings import client_secrets
from tests.unit.trust_stacks import CHECK_IMAGE, IMAGE, KEYS, MEASURED, file, refused, stack

RULE = {"publicKeyFile": f"{KEYS}/cosign.pub", "images": ["quay.io/org/app"]}
LOGIN = {"registries": {"quay.io": {"username": "robot", "password": "x"}}}


def _problems(config: dict[str, Any]) -> list[str]:
    head, *problems = refused(config).splitlines()
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    assert head == f"{count} in the settings of this stack (nothing was changed):"
    return problems


def _values(**values: Any) -> dict[str, Any]:
    return {"trustee": {"referenceValues": values}}


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a date that is a number": (_values(expires=20270630), ["referenceValues.expires: found 20270630", "quoted"]),
    "a date that is none": (_values(expires="2027-13-30"), ['"2027-13-30"', "such as 2027-06-30"]),
    "a time without a zone": (_values(expires="2027-06-30T12:00:00"), ["a time in UTC such as"]),
    "too many days": (_values(warnDays=4000), ["referenceValues.warnDays: found 4000; needed 3650 or less"]),
    "another stack's initdata without a date": (
        _values(alsoAccept=["ab" * 32]),
        ["alsoAccept needs expires", "pulumi config set --path coco-azure:trustee.referenceValues.expires YYYY-MM-DD"],
    ),
    "initdata without a date": (_values(initdata=True), ["initdata needs expires", "or nothing is registered"]),
    "a value that is no PCR 8": (
        _values(expires="2099-12-31", alsoAccept=["zz"]),
        ['alsoAccept[0]: found "zz"', "64 hexadecimal digits", "pulumi stack output initdataPcr8"],
    ),
    "measurements that nobody signed": (
        _values(expires="2099-12-31", measurementsFile=f"{IMAGE}/measurements.json"),
        ["measurementsFile needs measurementsSignatureFile and measurementsPublicKeyFile", "cosign sign-blob"],
    ),
    "measurements without a date": (
        _values(**{**MEASURED, "expires": None}),
        ["measurementsFile needs expires, the date until which its values hold"],
    ),
    "a signature of another key": (
        _values(**{**MEASURED, "measurementsPublicKeyFile": f"{KEYS}/cosign.pub"}),
        ["the signature does not belong to this file and this key", "cosign sign-blob"],
    ),
    "a signature that is none": (
        _values(**{**MEASURED, "measurementsSignatureFile": f"{IMAGE}/measurements.json"}),
        ["the signature is not base64", "cosign sign-blob"],
    ),
    "a signature without measurements": (
        _values(measurementsSignatureFile=f"{IMAGE}/measurements.sig"),
        ["is set without measurementsFile, so nothing is registered", "add the file, or remove them"],
    ),
    "PCRs that were not measured": (
        _values(**{**MEASURED, "pcrs": [3, 23]}),
        [
            "measurementsFile has no PCR 23 (it has 3, 4, 7, 9, 11, 12)",
            "sign it anew, or set pcrs to those that it has",
        ],
    ),
    **{
        f"no {part} of SNP": (
            {"trustee": {"snpTcb": {part: 0}}},
            [f"trustee.snpTcb.{part}: found 0; needed 1 or more"],
        )
        for part in ("bootloader", "snp", "microcode")
    },
    **{
        f"a {part} that no report has": (
            {"trustee": {"snpTcb": {part: 256}}},
            [f"snpTcb.{part}: found 256; needed 255 or"],
        )
        for part in ("bootloader", "tee", "snp", "microcode")
    },
    "less than no tee": ({"trustee": {"snpTcb": {"tee": -1}}}, ["trustee.snpTcb.tee: found -1; needed 0 or more"]),
    "the PCR of initdata": (_values(pcrs=[3, 8]), ["PCR 8 is measured of initdata", "referenceValues.initdata"]),
    "no PCR": (_values(pcrs=[]), ["referenceValues.pcrs: found []; needed at least 1 of them"]),
    "a PCR that no TPM has": (_values(pcrs=[24]), ["referenceValues.pcrs[0]: found 24; needed 23 or less"]),
    "a stack's short name": ({"trustee": {"stack": "dev"}}, ['trustee.stack: found "dev"', "pulumi stack ls -a"]),
    "a Trustee in two places": (
        {"trustee": {"stack": "o/p/s", "cluster": {"context": "trusted"}}},
        ["stack and cluster are both set", "Remove the other"],
    ),
    "a trusted cluster that is the same": (
        {"trustee": {"cluster": {}}},
        ["trustee.cluster is the cluster of the peer pods", "coco-azure:trustee.cluster.context CONTEXT"],
    ),
    "nothing to deploy": (
        {"trustee": {"stack": "o/p/s"}, "peerPods": {"enabled": False}},
        ["nothing is left to deploy; remove one of the two"],
    ),
    "two purposes for a secret": (
        {"trustee": {"imageSignature": RULE, "registryCredentials": {**LOGIN, "secret": "img-sig"}}},
        ["imageSignature and registryCredentials both need the secret img-sig", "to another name"],
    ),
    "a key in the place of the image policy": (
        {"trustee": {"imageSignature": {**RULE, "secret": "security-policy"}}},
        ["the image policy and imageSignature both need the secret security-policy"],
    ),
    "a client secret in the place of credentials": (
        {
            "clientSecrets": {"kbsres1": {"key1": "v"}, "credential": {"x": "v"}},
            "trustee": {"registryCredentials": LOGIN},
        },
        ["clientSecrets.credential: default/credential/osc has a purpose of its own", "choose another secret name"],
    ),
    "a sealed secret of nothing": (
        {"sealedSecrets": {"apps": {"db": {"password": "default/db/password"}}}},
        [
            "sealedSecrets.apps.db.password names kbs:///default/db/password, which no secret serves",
            "default/kbsres1/key1",
            "'coco-azure:clientSecrets.db[\"password\"]' VALUE",
        ],
    ),
    "a check that pulls a rejected image": (
        {"trustee": {"securityPolicyDefault": "reject"}},
        ["rejects registry.access.redhat.com/ubi9/ubi:9.3, which the program itself runs", "trustee.acceptedImages"],
    ),
    "an image of the check that is none": (
        {"attestationCheck": {"image": "::"}},
        ['attestationCheck.image: found "::"', "such as quay.io/my-org/my-image:1.0"],
    ),
    "a workload's name with a space": (
        {"initdata": {"workloads": {"A b": {}}}},
        ['initdata.workloads["A b"]', "a DNS label", "'coco-azure:initdata.workloads[\"A b\"]'"],
    ),
    "workloads in a list": (
        {"initdata": {"workloads": ["web"]}},
        [
            'found ["web"]; needed an object, name: value',
            "pulumi config rm --path 'coco-azure:initdata.workloads'; pulumi config set --path",
            "'coco-azure:initdata.workloads.NAME' VALUE",
        ],
    ),
    "a list that is a text": (
        {"initdata": {"secrets": "mail"}},
        [
            'initdata.secrets: found "mail"; needed a list, one value per item',
            "pulumi config rm --path 'coco-azure:initdata.secrets'; pulumi config set --path",
            "'coco-azure:initdata.secrets[0]' VALUE",
        ],
    ),
    "a name that stands for a PCR 8": (
        {"trustee": {"referenceValues": {"expires": "2099-12-31", "alsoServe": {"PCR8": []}}}},
        [
            "needed a value of PCR 8: 64 hexadecimal digits",
            "Remove it, and set the right name: pulumi config rm --path",
            "'coco-azure:trustee.referenceValues.alsoServe.PCR8'",
        ],
    ),
    "a PCR 8 in capitals and in small letters": (
        {"trustee": {"referenceValues": {"expires": "2099-12-31", "alsoServe": {"A" * 64: [], "a" * 64: []}}}},
        [f"trustee.referenceValues.alsoServe: {'a' * 64} stands there twice", "keep one of them"],
    ),
    "an environment that is none": ({"environment": "prod"}, ['environment: found "prod"', "'development' or 'prod"]),
    "an object in a list": (
        {"trustee": {"imageSignature": [[RULE]]}},
        ["trustee.imageSignature[0]", "needed an object of settings", "'coco-azure:trustee.imageSignature[0].NAME'"],
    ),
    "a rule without its key": (
        {"trustee": {"imageSignature": {"images": ["quay.io/a/b"]}}},
        ["trustee.imageSignature.publicKeyFile: needed, and not set. Set it: pulumi config set --path"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_it_is_one_problem_with_a_way_out(case: str) -> None:
    config, texts = BAD[case]

    (problem,) = _problems(config)

    for text in texts:
        assert text in problem, problem


def test_a_date_holds_until_its_end_and_a_time_until_its_second() -> None:
    day, time = (
        stack(_values(expires=item)).trustee.reference_values.expires for item in ("2027-06-30", "2027-06-30T12:00:00Z")
    )

    assert str(day) == "2027-06-30 23:59:59+00:00"
    assert str(time) == "2027-06-30 12:00:00+00:00"


def test_every_wrong_entry_of_a_list_is_told_and_not_that_the_list_is_short() -> None:
    messages = _problems(
        {"trustee": {"imageSignature": {**RULE, "images": ["a b", 5]}, "referenceValues": {"pcrs": ["a"]}}}
    )

    assert [problem.partition(": ")[0].strip(" -") for problem in messages] == [
        "trustee.referenceValues.pcrs[0]",
        "trustee.imageSignature.images[0]",
        "trustee.imageSignature.images[1]",
    ]


def test_paths_are_as_the_user_wrote_them_for_one_rule_and_for_a_list() -> None:
    one, several = (
        _problems({"trustee": {"imageSignature": {**RULE, "key": "."}}}),
        _problems({"trustee": {"imageSignature": [RULE, {**RULE, "key": "."}]}}),
    )

    assert "'coco-azure:trustee.imageSignature.key' VALUE" in one[0]
    assert "'coco-azure:trustee.imageSignature[1].key' VALUE" in several[0]


def test_one_rule_is_a_list_of_one() -> None:
    one, several = stack({"trustee": {"imageSignature": RULE}}), stack({"trustee": {"imageSignature": [RULE]}})

    assert one == several
    assert stack({"trustee": {"imageSignature": [RULE, CHECK_IMAGE]}}).trustee.image_signature[1].images


def test_problems_about_the_whole_are_counted_one_by_one() -> None:
    config = {
        "peerPods": {"tee": "tdx"},
        "attestationCheck": {"resource": "default/kbsres1/nothing"},
        "sealedSecrets": {"apps": {"db": {"a": "default/db/a", "b": "default/db/b"}}},
    }

    assert len(_problems(config)) == 4


def test_a_client_secret_with_two_purposes_is_one_problem() -> None:
    rules = [RULE, {**RULE, "key": "other", "images": ["quay.io/org/other"]}]

    config = {"clientSecrets": {"kbsres1": {"key1": "v"}, "img-sig": {"x": "v"}}, "trustee": {"imageSignature": rules}}

    assert len(_problems(config)) == 1


@pytest.mark.parametrize(
    "config",
    [
        lambda name: {"clientSecrets": {"kbsres1": {"key1": "v"}, name: {"x": "v"}}},
        lambda name: {"trustee": {"imageSignature": {**RULE, "secret": name}}},
        lambda name: {"trustee": {"registryCredentials": {**LOGIN, "secret": name}}},
    ],
)
@pytest.mark.parametrize("name", sorted(client_secrets.OWN_SECRETS))
def test_nothing_takes_the_place_of_the_secrets_of_kbs_itself(config: Any, name: str) -> None:
    (problem,) = _problems(config(name))

    assert f"{name} holds keys of KBS itself; choose another secret name" in problem


def test_the_secrets_of_kbs_itself_are_those_that_the_program_makes() -> None:
    assert {
        names.ADMIN_SECRET,
        names.TLS_KEY_SECRET,
        names.TLS_CERTIFICATE_SECRET,
        sealed_secrets.SIGNING_KEY.secret,
        client_secrets.CHECK_SECRET.secret,
    } == client_secrets.OWN_SECRETS


def test_a_spoke_may_seal_what_the_other_stack_serves() -> None:
    values = {"trustee": {"stack": "o/p/s"}, "sealedSecrets": {"apps": {"db": {"password": "default/db/password"}}}}

    assert not stack(values).deploys_trustee


def test_a_stack_without_peer_pods_runs_no_check_and_needs_no_image_for_it() -> None:
    assert stack({"peerPods": {"enabled": False}, "trustee": {"securityPolicyDefault": "reject"}}).deploys_trustee


def test_an_accepted_image_is_not_locked_out() -> None:
    accepted = {"securityPolicyDefault": "reject", "acceptedImages": ["registry.access.redhat.com"]}

    assert stack({"trustee": accepted}).image_default == "reject"


def test_reference_values_that_are_wrong_are_all_told(tmp_path: Path) -> None:
    own = file(tmp_path, "own.json", [{"name": "snp_pcr03", "expiration": "soon", "value": ["x"]}, 5])

    (problem,) = _problems({"trustee": {"referenceValuesFile": own}})

    for text in ('entry 0 (snp_pcr03) has expiration "soon"', "needed a digest in hex", "entry 1 is a number"):
        assert text in problem
