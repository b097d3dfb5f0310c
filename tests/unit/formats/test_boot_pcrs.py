"""PCR 4 and 7: taken from the user's measurements, demanded by the policy of each version, enforced by KBS."""

from dataclasses import replace
from typing import Any

import pytest

from coco_azure.formats.kbs import reference_values
from coco_azure.trust.chain import Judgement
from coco_azure.trust.documents import GLOBAL
from coco_azure.versions.profiles import TRUSTEE
from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError, Evidence
from tests.unit.kbs_versions import RESOURCE, SETUPS, Setup
from tests.unit.speaking import osc_of
from tests.unit.trust_stacks import MEASURED, PRODUCTION, chain, changed

DEFAULT, WITH_BOOT = [3, 9, 11, 12], [3, 4, 7, 9, 11, 12]
every_version = pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)


def _measured(pcrs: list[int]) -> dict[str, Any]:
    """Return a production stack that demands these PCRs of the measured ones."""
    served = changed(PRODUCTION, clientSecrets={"kbsres1": {"key1": "res1val1"}}, initdata={"secrets": ["kbsres1"]})
    return changed(served, trustee__referenceValues={**MEASURED, "initdata": True, "pcrs": pcrs})


def _booted(digest: str | None = None) -> Evidence:
    result = evidence.of("Standard_DC2as_v5", digest)
    assert result is not None
    return result


def _with_pcr(proof: Evidence, pcr: str, value: str) -> Evidence:
    return replace(proof, claims={**proof.claims, "tpm": {**proof.claims["tpm"], pcr: value}})


def _judged(setup: Setup, config: dict[str, Any]) -> tuple[Judgement, Evidence]:
    """Return what Trustee judges by, and evidence of a genuine pod VM of the stack."""
    version = setup.version.rpartition(".")[0]
    made = chain(config, osc_of(version), version)
    assert made.judgement is not None
    return made.judgement, _booted(made.documents[GLOBAL].digest)


def _released(setup: Setup, judgement: Judgement, proof: Evidence) -> bool:
    mounted = {
        setup.attestation: judgement.attestation_policy,
        setup.policy: judgement.resource_policy,
        setup.values: reference_values.render(list(judgement.values), judgement.profile),
    }
    try:
        return setup.start(mounted).release(RESOURCE, proof) == b"res1val1"
    except DeniedError:
        return False


@every_version
def test_demanded_pcrs_of_the_boot_turn_away_another_boot_loader_and_secure_boot_that_is_off(setup: Setup) -> None:
    judgement, genuine = _judged(setup, _measured(WITH_BOOT))
    profile = TRUSTEE[setup.version.rpartition(".")[0]]

    names = {value.name for value in judgement.values}
    assert {profile.reference_name("snp", pcr) for pcr in (*WITH_BOOT, 8)} == names
    assert _released(setup, judgement, genuine)
    assert not _released(setup, judgement, _with_pcr(genuine, "pcr04", "ab" * 32))
    assert not _released(setup, judgement, evidence.without_secure_boot(genuine))


@every_version
def test_without_them_both_pass_which_is_what_the_warning_says(setup: Setup) -> None:
    judgement, genuine = _judged(setup, _measured(DEFAULT))

    assert _released(setup, judgement, _with_pcr(genuine, "pcr04", "ab" * 32))
    assert _released(setup, judgement, evidence.without_secure_boot(genuine))
    assert not _released(setup, judgement, _with_pcr(genuine, "pcr11", "ab" * 32))


@every_version
def test_the_simulated_machine_has_firmware_that_production_takes_and_none_is_a_no(setup: Setup) -> None:
    config = _measured(DEFAULT)
    judgement, genuine = _judged(setup, config)
    old = replace(genuine, claims={**genuine.claims, "reported_tcb_microcode": "0"})
    newest, _ = _judged(setup, changed(config, trustee__snpTcb={"microcode": 220}))

    assert _released(setup, judgement, genuine)
    assert not _released(setup, judgement, old)
    assert not _released(setup, newest, genuine), "it reports 219"
