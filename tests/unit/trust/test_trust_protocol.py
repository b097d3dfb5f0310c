"""Pod VMs and KBS have to speak the same version of the RCAR protocol: each pair of versions, each remediation."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest

from coco_azure.trust import checks, protocol
from coco_azure.versions.profiles import OSC, TRUSTEE, speakers
from rehearsal.kubelet import evidence
from rehearsal.kubelet.caa import Caa
from rehearsal.kubelet.kbs import DeniedError
from rehearsal.kubelet.osc_release import RELEASES
from tests.unit.kbs_versions import RESOURCE, SETUPS
from tests.unit.pod_vm import AZURE, ENVIRONMENT, Safe, document, guest, packed, plain
from tests.unit.recording import Recorder, failed_program, run_program
from tests.unit.speaking import PAIRS
from tests.unit.trust_stacks import HOST, NOW, PLACE, PRODUCTION, chain, changed, stack

ALL = [(osc, trustee) for osc in OSC for trustee in TRUSTEE]
GAPS = [pair for pair in ALL if pair not in PAIRS]


def _messages(config: Mapping[str, Any], osc: str, trustee: str) -> list[str]:
    problems = checks.problems(stack(config), chain(config, osc, trustee, PLACE), HOST, NOW)
    return [problem for problem in problems if "RCAR" in problem]


def test_every_version_of_the_protocol_is_spoken_on_both_sides() -> None:
    assert {(osc, trustee) for both in speakers().values() for osc in both[0] for trustee in both[1]} == set(PAIRS)
    assert all(osc and trustee for osc, trustee in speakers().values())


@pytest.mark.parametrize(("osc", "trustee"), ALL)
def test_a_pair_is_a_problem_exactly_where_kbs_refuses_the_pods(osc: str, trustee: str) -> None:
    result = _messages({}, osc, trustee)

    assert bool(result) is ((osc, trustee) not in PAIRS)


@pytest.mark.parametrize(("osc", "trustee"), GAPS)
@pytest.mark.parametrize("base", [{}, PRODUCTION], ids=["development", "production"])
def test_the_problem_says_both_versions_the_pairs_that_fit_and_a_pin_for_each_side(
    base: Mapping[str, Any], osc: str, trustee: str
) -> None:
    (result,) = _messages(dict(base), osc, trustee)

    assert f"pod VMs of OSC {osc} (sandboxed-containers-operator.v{osc}.0) speak version {OSC[osc].protocol}" in result
    assert f"KBS of Trustee {trustee} (trustee-operator.v{trustee}.0) takes {TRUSTEE[trustee].protocol} only" in result
    assert (
        "OSC 1.9 with Trustee 0.3; OSC 1.10 with Trustee 0.4; OSC 1.11, 1.12 or 1.13 with Trustee 1.0, 1.1 or 1.2"
        in result
    )
    pins = re.findall(r"pin ([^:]*): pulumi config set --path 'coco-azure:(\w+)\.operator\.version' VERSION", result)
    versions = {part: set(re.findall(r"[0-9]+\.[0-9]+(?=\.x)", text)) for text, part in pins}
    assert versions == {
        "trustee": {other for known, other in PAIRS if known == osc},
        "peerPods": {other for other, known in PAIRS if known == trustee},
    }
    assert "'coco-azure:trustee.allowProtocolGap' true" in result


def test_a_side_that_the_stack_does_not_install_is_to_be_replaced_and_not_pinned() -> None:
    config = {"trustee": {"operator": {"install": False}}}
    (result,) = _messages(config, "1.12", "0.3")

    assert "install 1.0.x, 1.1.x or 1.2.x in place of what is there (coco-azure:trustee.operator.install is" in result
    assert "'coco-azure:trustee.operator.version'" not in result
    (result,) = _messages({"peerPods": {"operator": {"install": False}}}, "1.12", "0.3")
    assert "install 1.9.x in place of what is there (coco-azure:peerPods.operator.install is" in result


@pytest.mark.parametrize(("osc", "trustee"), GAPS)
def test_a_gap_ends_the_preview_before_anything_is_made(osc: str, trustee: str) -> None:
    result, run = failed_program({}, Recorder(osc=f"{osc}.0", trustee=f"{trustee}.0", preview=True))

    assert "of the RCAR protocol" in result
    assert not run.objects()


def test_an_upgrade_may_stop_at_a_gap_is_told_and_has_no_check() -> None:
    run = run_program({"trustee": {"allowProtocolGap": True}}, Recorder(osc="1.12.1", trustee="0.3.0"))

    (items,) = [text for text in run.exports["proof"]["warnings"] if "allowProtocolGap" in text]
    assert "no pod checks the chain" in items
    assert "KBS of Trustee 0.3 (trustee-operator.v0.3.0) takes 0.1.1 only" in items
    assert "pulumi config rm --path 'coco-azure:trustee.allowProtocolGap'" in items
    assert "attested" not in run.exports
    assert not [title for title in run.objects() if title.startswith("Job")]


def test_a_permission_that_is_left_over_is_told() -> None:
    config = {"trustee": {"allowProtocolGap": True}}
    (warnings,) = protocol.warnings(stack(config), chain(config, "1.12", "1.2"))

    assert "pod VMs and KBS speak with each other, so it is not needed" in warnings
    assert protocol.warnings(stack({}), chain({}, "1.12", "1.2")) == []


@pytest.mark.parametrize("sides", [{"osc": None}, {"trustee": None}], ids=["no pod VMs", "no KBS"])
def test_of_one_side_alone_nothing_is_said_of_the_other(sides: dict[str, Any]) -> None:
    config = {"trustee": {"allowProtocolGap": True}}
    (warnings,) = protocol.warnings(stack(config), chain(config, **sides))

    assert "this stack has only one of pod VMs and KBS, so it is not needed" in warnings
    assert "speak with each other" not in warnings


@pytest.mark.parametrize("install", [True, False])
def test_what_a_spoke_installs_says_nothing_of_how_its_hub_gets_another_version(install: bool) -> None:  # noqa: FBT001
    spoke = {"trustee": {"stack": "o/p/hub", "operator": {"install": install}}}
    version = {"package": "trustee-operator", "csv": "trustee-operator.v0.3.0", "profile": "0.3", "protocol": "0.1.1"}

    (message,) = protocol.problems(stack(spoke), chain(spoke, "1.12", None), {"versions": [version]})

    command = "pulumi config set --stack o/p/hub --path 'coco-azure:trustee.operator.version' VERSION"
    assert f"pin 1.0.x, 1.1.x or 1.2.x: {command}; pulumi up --stack o/p/hub" in message
    assert "KBS of Trustee 0.3 (trustee-operator.v0.3.0, of stack o/p/hub) takes 0.1.1 only" in message


def test_a_hub_that_does_not_say_what_its_kbs_takes_is_no_problem_of_the_protocol() -> None:
    spoke = {"trustee": {"stack": "o/p/hub"}}
    version = {"package": "trustee-operator", "csv": "trustee-operator.v0.3.0", "profile": "0.3"}

    for versions in ([version], []):
        assert protocol.problems(stack(spoke), chain(spoke, "1.12", None), {"versions": versions}) == []


def test_a_hub_alone_has_no_pods_that_could_be_refused() -> None:
    hub = changed(PRODUCTION, peerPods__enabled=False)

    assert protocol.problems(stack(hub), chain(hub, None, "0.3")) == []


@pytest.mark.parametrize(("osc", "spoken"), [("1.9", "0.1.1"), ("1.10", "0.2.0"), ("1.11", "0.4.0"), ("1.12", "0.4.0")])
def test_a_simulated_pod_vm_speaks_the_version_of_its_release(osc: str, spoken: str) -> None:
    text = document()
    encoded = plain(text) if osc == "1.9" else packed(text)
    vm = Caa({**ENVIRONMENT, "INITDATA": encoded}, AZURE, f"{osc}.0").create({})
    safe = Safe({RESOURCE: b"res1val1"})

    assert asyncio.run(guest(safe=safe, vm=vm).resource(RESOURCE)) == b"res1val1"
    assert safe.spoken == [spoken]


@pytest.mark.parametrize("version", SETUPS)
@pytest.mark.parametrize("osc", OSC)
def test_the_simulated_kbs_refuses_every_other_version_as_the_real_one_does(osc: str, version: str) -> None:
    kbs, spoken = SETUPS[version].start(), RELEASES[osc].protocol
    genuine = evidence.of("Standard_DC2as_v5", None)
    assert genuine is not None
    minor = version.rpartition(".")[0]

    if (osc, minor) in PAIRS:
        assert kbs.release(RESOURCE, genuine, spoken) == b"res1val1"
        return
    with pytest.raises(DeniedError, match="RCAR handshake Auth failed") as refused:
        kbs.release(RESOURCE, genuine, spoken)
    assert refused.value.status == 401
    taken = TRUSTEE[minor].protocol
    assert f"KBS Client Protocol Version Mismatch: expect ={taken} while the request is {spoken}" in str(refused.value)
