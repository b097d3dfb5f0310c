"""Stacks in which a secret stands in the open: as ``policy_faults``, for the rule of the pack against it."""

import base64

from policies.model import Resource
from tests.unit.policy_changes import Change, initdata, peer_pods_cm, props, with_one, workload

LOGIN = '{"auths": {"quay.io": {"auth": "b3BlbiBzZXNhbWU="}}}'
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n"  # no key: a beginning

SECRETS: list[tuple[str, str, Change, str]] = [
    (
        "no-secret-in-plain-objects",
        "value in a ConfigMap",
        props("trustee-content-resource-policy", data={"note": "it is correct horse battery"}),
        "data.note: the value of Secret trustee-operator-system/kbsres1, key1 in plain text",
    ),
    (
        "no-secret-in-plain-objects",
        "base64 in an annotation",
        props("check-job", metadata={"annotations": {"x": base64.b64encode(b"correct horse battery").decode()}}),
        "metadata.annotations.x: the value of Secret trustee-operator-system/kbsres1, key1",
    ),
    (
        "no-secret-in-plain-objects",
        "credentials of a registry",
        lambda stack: peer_pods_cm(LOGIN="robot:b3BlbiBzZXNhbWU=")(
            props("trustee-content-kbsres1", data={"key1": base64.b64encode(LOGIN.encode()).decode()})(stack)
        ),
        "data.LOGIN: the value of Secret trustee-operator-system/kbsres1, key1 in plain text",
    ),
    (
        "no-secret-in-plain-objects",
        "private key",
        peer_pods_cm(KEY=PRIVATE_KEY),
        "data.KEY: a private key (block 1, PRIVATE KEY, line 1) in plain text",
    ),
    (
        "no-secret-in-plain-objects",
        "private key in base64",
        peer_pods_cm(KEY=base64.b64encode(PRIVATE_KEY.encode() * 2).decode()),
        "data.KEY: a private key (PRIVATE KEY, in base64, line 1) in plain text",
    ),
    (
        "no-secret-in-plain-objects",
        "private key in initdata",
        initdata({"note": PRIVATE_KEY}),
        "INITDATA of ConfigMap openshift-sandboxed-containers-operator/peer-pods-cm, note: a private key (block 1",
    ),
    (
        "no-secret-in-plain-objects",
        "value in initdata",
        initdata({"note": "it is correct horse battery"}),
        "peer-pods-cm, note: the value of Secret trustee-operator-system/kbsres1, key1 in plain text",
    ),
    (
        "no-secret-in-plain-objects",
        "private key in the annotation of another object",
        props("trustee-route", metadata={"annotations": {"note": PRIVATE_KEY}}),
        "Route trustee-operator-system/kbs-service, metadata.annotations.note: a private key (block 1",
    ),
    (
        "no-secret-in-plain-objects",
        "private key in an output",
        with_one(Resource(kind="pulumi:pulumi:Stack", name="x", props={"proof": {"note": PRIVATE_KEY}})),
        "output proof.note: a private key (block 1",
    ),
]
SECRET_OF_WORKLOAD: tuple[str, str, Change, str] = (
    "no-secret-in-plain-objects",
    "private key in initdata of a workload",
    workload({"note": PRIVATE_KEY}),
    "initdata.workloads.shop, note: a private key (block 1, PRIVATE KEY, line 1) in plain text",
)
