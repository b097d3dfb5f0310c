"""A KBS in a simulated pod judges by the clock that it is given, and shows the certificate that it was started with."""

import asyncio
from typing import cast

import pytest

from rehearsal.api import Api, Object
from rehearsal.kinds import CONFIG_MAP
from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError, StartError
from rehearsal.kubelet.running_kbs import RunningKbs
from rehearsal.operators.faults import Faults
from tests.unit.kbs_versions import CONFIG, RESOURCE, SETUPS
from tests.unit.rehearsal.test_rehearsal_network import CERTIFICATE, KEY, Objects

SETUP, NEWEST = SETUPS["0.3.0"], SETUPS["1.1.0"]
NAME = f"{SETUP.snp}.tpm.pcr08"


def _pod(version: str) -> Object:
    container = {
        "name": "kbs",
        "image": f"registry.example.com/trustee:{version}",
        "command": ["/usr/local/bin/kbs", "--config-file", CONFIG],
        "volumeMounts": [],
    }
    return {"metadata": {"namespace": "trustee-operator-system"}, "spec": {"containers": [container]}}


def _running(files: dict[str, str], objects: Objects, version: str = SETUP.version) -> RunningKbs:
    api = cast("Api", objects)
    return RunningKbs(_pod(version), files, api, Faults(api))


def test_the_clock_decides_whether_a_reference_value_has_expired() -> None:
    result = evidence.of("Standard_DC2as_v5", "ab" * 48)
    assert result is not None
    files = SETUP.files({SETUP.values: SETUP.reference_values({NAME: "00"}, "2900-01-01T00:00:00Z")})
    objects = Objects({})
    running = _running(files, objects)
    with pytest.raises(DeniedError):
        asyncio.run(running.served()).kbs.release(RESOURCE, result)
    objects.held[CONFIG_MAP, "faults"] = {"data": {"kbs-clock": "2950-01-01T00:00:00Z"}}

    # With the chapter's attestation policy, what has expired demands nothing any more.
    assert asyncio.run(running.served()).kbs.release(RESOURCE, result) == b"res1val1"


def test_kbs_that_serves_https_shows_its_certificate() -> None:
    text = 'private_key = "/etc/https-key/tls.key"\ncertificate = "/etc/https-cert/tls.crt"'
    config = SETUP.config.replace("insecure_http = true", text)
    files = {**SETUP.files({CONFIG: config}), "/etc/https-key/tls.key": KEY, "/etc/https-cert/tls.crt": CERTIFICATE}
    served = asyncio.run(_running(files, Objects({})).served())

    assert (served.https, served.certificate, served.unreachable) == (True, CERTIFICATE, None)
    plain = asyncio.run(_running(SETUP.files(), Objects({})).served())
    assert (plain.https, plain.certificate) == (False, None)


def test_the_tag_of_the_image_decides_which_kbs_it_is() -> None:
    with pytest.raises(StartError):
        _running(SETUP.files(), Objects({}), NEWEST.version)
    assert asyncio.run(_running(NEWEST.files(), Objects({}), NEWEST.version).served())
