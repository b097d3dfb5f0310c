"""The rehearsal's own stack."""

from typing import Any

import pytest

from tests.unit.recording import Recorder, run_program
from tests.unit.stack_files import config

RISKS = {
    "anyReboot": "peerPods.kataConfig.allowReboot is true in a production stack",
    "sameCluster": "Trustee runs on the cluster of the pods that it judges",
    "anyCommand": "the agent policy does not know what containers run",
    "sharedSecrets": "pods of the global document may have kbsres1",
}


def _warnings(settings: dict[str, Any], osc: str, log: pytest.LogCaptureFixture) -> list[str]:
    log.clear()
    run_program(settings, Recorder(osc=osc))
    texts = [record.getMessage() for record in log.records if record.levelname == "WARNING"]
    return [text for text in texts if "will be created" not in text]


@pytest.mark.parametrize("osc", ["1.9.0", "1.13.0"])
def test_the_rehearsal_has_no_warning_about_its_own_choices(osc: str, caplog: pytest.LogCaptureFixture) -> None:
    assert _warnings(config("Pulumi.rehearsal.yaml"), osc, caplog) == []


def test_each_of_its_choices_is_warned_about_where_it_is_not_meant_with_the_setting_that_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = dict(config("Pulumi.rehearsal.yaml"))
    del settings["acceptedRisks"]

    warnings = _warnings(settings, "1.9.0", caplog)
    assert len(warnings) == len(RISKS)
    for name, begin in RISKS.items():
        (text,) = [each for each in warnings if each.startswith(begin)]
        assert text.endswith(f". Meant so: pulumi config set --path coco-azure:acceptedRisks.{name} true")
