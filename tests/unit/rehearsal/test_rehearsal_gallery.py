"""The simulated image job in the gallery: what it takes as it is, so the gate alone brings no image that starts."""

from typing import Any

import pytest
import yaml

from rehearsal.azure import description
from rehearsal.azure.arm_state import ArmState
from rehearsal.azure.subscription import Subscription
from rehearsal.kinds import CLUSTER_VERSION, CONFIG_MAP
from rehearsal.kubelet.caa import Caa, SandboxError
from rehearsal.kubelet.image_job import ImageJob
from rehearsal.operators.osc_peer_pods import _FROM_FILE, BUILDER, CREATE_JOB, DELETE_JOB, NAMESPACE
from tests.unit.pod_vm import ENVIRONMENT
from tests.unit.rehearsal.test_rehearsal_nodes import Workers, _peer_pods
from tests.unit.stack_files import ROOT

OWN = {"IMAGE_DEFINITION_NAME": "podvm-image-cvm", "IMAGE_DEFINITION_SKU": "cvm", "IMAGE_VERSION": "1.0.1"}


class Gallery:
    """An operator with its gate shut, and its image jobs in an empty subscription."""

    def __init__(self) -> None:
        self.workers = Workers()
        self.state = ArmState()
        self.peer_pods = _peer_pods(self.workers, "")
        version = {"metadata": {"name": "version"}, "spec": {"clusterID": "0123abcd-8f7a-4a63-9a0e-3c1f6d2b7e90"}}
        self.workers.do(self.workers.api.create(CLUSTER_VERSION, version))
        for confidential in (True, False):  # switched on, the operator makes the ConfigMap
            self.gate(confidential=confidential)

    def gate(self, *, confidential: bool) -> None:
        """Switch it."""
        self.workers.do(self.peer_pods.follow_gate(confidential=confidential))

    def job(self, name: str = CREATE_JOB) -> Any:
        """Run an image job to its end."""
        job = ImageJob(self.workers.context, name, NAMESPACE)
        job._azure = self.state
        while isinstance(ended := self.workers.do(job.look()), float):
            pass
        return ended

    def write(self, name: str, **data: str) -> None:
        """Write keys of a ConfigMap."""
        there = self.workers.do(self.workers.api.get(CONFIG_MAP, name, NAMESPACE))
        self.workers.do(self.workers.api.patch(CONFIG_MAP, there, {"data": data}))

    def image(self) -> str:
        """Return the id in ``peer-pods-cm``."""
        config = self.workers.do(self.workers.api.get(CONFIG_MAP, "peer-pods-cm", NAMESPACE))
        return str(config["data"]["AZURE_IMAGE_ID"])

    def start(self) -> None:
        """Start a confidential VM of the image; raises SandboxError."""
        azure = Subscription(description.load(description.path_of(description.DEFAULT)), self.state)
        Caa({**ENVIRONMENT, "AZURE_IMAGE_ID": self.image()}, azure).create({})


@pytest.fixture
def gallery() -> Gallery:
    made = Gallery()
    made.job()
    return made


def test_while_an_image_is_named_the_gate_changes_nothing_about_it(gallery: Gallery) -> None:
    gallery.gate(confidential=True)
    builder = gallery.workers.do(gallery.workers.api.get(CONFIG_MAP, BUILDER, NAMESPACE))

    assert builder["data"]["CONFIDENTIAL_COMPUTE_ENABLED"] == "no"


def test_an_emptied_id_alone_brings_the_same_image_whose_definition_no_confidential_vm_starts_from(
    gallery: Gallery,
) -> None:
    before = gallery.image()
    gallery.write("peer-pods-cm", AZURE_IMAGE_ID="")
    gallery.gate(confidential=True)
    ended = gallery.job()

    assert (ended.code, gallery.image()) == (0, before)
    with pytest.raises(SandboxError, match="does not support security type"):
        gallery.start()


def test_another_version_under_the_same_definition_does_not_help(gallery: Gallery) -> None:
    gallery.write(BUILDER, IMAGE_VERSION="1.0.1")
    gallery.write("peer-pods-cm", AZURE_IMAGE_ID="")
    gallery.gate(confidential=True)
    gallery.job()

    assert gallery.image().endswith("/images/podvm-image/versions/1.0.1")
    with pytest.raises(SandboxError, match="does not support security type"):
        gallery.start()


def test_another_definition_with_the_same_sku_is_refused_and_one_of_its_own_starts(gallery: Gallery) -> None:
    gallery.write(BUILDER, **{key: value for key, value in OWN.items() if key != "IMAGE_DEFINITION_SKU"})
    gallery.write("peer-pods-cm", AZURE_IMAGE_ID="")
    gallery.gate(confidential=True)
    refused = gallery.job()
    gallery.write(BUILDER, **OWN)
    made = gallery.job()

    assert refused.code == 1
    assert "(Conflict)" in refused.output
    assert made.code == 0
    gallery.start()


def test_what_another_definition_left_stays_when_the_job_deletes_its_own(gallery: Gallery) -> None:
    gallery.write(BUILDER, **OWN)
    gallery.write("peer-pods-cm", AZURE_IMAGE_ID="")
    gallery.job()
    gallery.job(DELETE_JOB)

    definitions = [
        each["name"] for each in gallery.state.resources.values() if each["type"].endswith("galleries/images")
    ]
    assert definitions == ["podvm-image"]


def test_a_job_without_the_operators_own_variables_ends(gallery: Gallery) -> None:
    gallery.write(BUILDER, IMAGE_DEFINITION_SKU="")

    assert gallery.job().output == "IMAGE_DEFINITION_SKU is empty"


def test_a_job_of_an_older_operator_makes_a_version_of_its_own(gallery: Gallery) -> None:
    gallery.write(BUILDER, IMAGE_VERSION_MAJ_MIN="0.0")
    gallery.workers.do(_without(gallery, "IMAGE_VERSION"))

    assert gallery.job().code == 0
    assert "/versions/0.0.20" in gallery.image()


def test_the_configuration_for_a_real_operator_has_all_that_a_job_needs() -> None:
    config = yaml.safe_load((ROOT / "rehearsal/real/config/peerpods/podvm/azure-podvm-image-cm.yaml").read_text())

    assert {name: config["data"].get(name) for name in _FROM_FILE} == _FROM_FILE


async def _without(gallery: Gallery, key: str) -> None:
    builder = await gallery.workers.api.get(CONFIG_MAP, BUILDER, NAMESPACE)
    assert builder is not None
    await gallery.workers.api.patch(CONFIG_MAP, builder, {"data": {key: None}})
