"""The policy pack as the engine runs it: a bad production stack fails its preview, a good one passes."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coco_azure.formats.policy import policies
from coco_azure.versions.profiles import TRUSTEE
from policies.rules import RULES
from rehearsal.cluster import CHECKOUT
from tests.engine.harness import Done, Stack

pytestmark = pytest.mark.engine

PACK = CHECKOUT / "policies"
_LAX = {"operator": {"approval": "Automatic", "treatAs": "1.2"}, "signTokens": False}
BAD: dict[str, Any] = {"environment": "development", "trustee": _LAX}
"""What somebody makes of a production stack to have it pass the program's own checks."""
BROKEN = {
    "agent-policy-known",
    "attestation-policy-denies",
    "images-signed-or-listed",
    "kataconfig-protected",
    "kbs-tokens-vouched",
    "operators-pinned",
    "trustee-on-another-cluster",
}
AGENTS = {"agent-exec-off", "agent-logs-off", "agent-set-policy-off", "agent-withstands-host"}
"""What the chapter's agent policy breaks."""
SHOP, OTHER = ({"allowedImages": [f"quay.io/rehearsal/{name}"]} for name in ("app", "gpg"))
OPEN = {"agentPolicyFile": "coco_azure/formats/rego/agent_allow_all.rego"}
WORKLOADS = "trust-chain-workload-initdata"
PASSWORD = "correct horse battery"
PEER_PODS_CM = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/peer-pods-cm"
KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
_TICKET = re.compile(r"roll-[0-9a-f]{10}")
VARIABLES = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.2"}


@pytest.fixture
def good(stack: Stack, tmp_path: Path) -> dict[str, Any]:
    """Settings of a production stack that breaks no rule; its roll-out is approved once."""
    trusted = tmp_path / "trusted"
    shutil.copy(stack.cluster.kubeconfig, trusted)
    by_name: dict[str, Any] = {
        "trustee": {
            "operator": {"version": "1.2.1"},
            "cluster": {"kubeconfig": str(trusted), "identifier": "trusted"},
        },
        "peerPods": {"operator": {"version": "1.12.1"}, "kataConfig": {"allowReboot": False}},
        "initdata": {"workloads": {"shop": SHOP}},
    }
    stack.configure(by_name)
    ticket = _TICKET.search(stack.run("preview", "--stack", stack.name, check=False).output)
    assert ticket is not None
    by_name["peerPods"]["kataConfig"]["allowReboot"] = ticket[0]
    return by_name


def _pack(levels: Path | str) -> list[str]:
    return ["--policy-pack", str(PACK), "--policy-pack-config", str(PACK / levels)]


def _judged(stack: Stack, config: Mapping[str, Any], levels: Path | str = "prod.json") -> Done:
    """Return the preview of a configuration under the pack; it changes nothing."""
    stack.configure(config)
    mark = stack.mark()
    done = stack.run("preview", "--stack", stack.name, *_pack(levels), check=False)
    assert stack.requests(mark) == []
    return done


def _with(**workloads: dict[str, Any]) -> dict[str, Any]:
    """Return settings of initdata; the global document's agent policy is good."""
    return {"initdata": {"agentPolicy": "production", "workloads": workloads}}


def _shown(stack: Stack) -> Mapping[str, Any]:
    """Return what the state holds of the resource that shows initdata of workloads."""
    (result,) = (each for each in stack.state() if each["urn"].endswith(f"::{WORKLOADS}"))
    return result


def _broken(done: Done, level: str) -> set[str]:
    """Return the rules that the engine says are broken at a level."""
    return set(re.findall(rf"- \[{level}\] \[severity: \w+\]  ([a-z-]+)  ", done.output))


def test_a_good_production_stack_passes(stack: Stack, good: dict[str, Any]) -> None:
    done = _judged(stack, good)

    assert done.code == 0, done.output
    assert _broken(done, "mandatory") == set(), done.output


def test_a_bad_production_stack_fails_with_each_rule_and_its_remedy(stack: Stack) -> None:
    done = _judged(stack, BAD)

    assert done.code != 0
    assert _broken(done, "mandatory") == BROKEN, done.output
    text = " ".join(done.output.split())
    assert all(" ".join(rule.remedy.split()) in text for rule in RULES if rule.id in BROKEN)


def test_levels_come_from_the_file_of_the_stack(stack: Stack) -> None:
    done = _judged(stack, BAD, "dev.json")

    off = {"operators-pinned", "kataconfig-protected", "trustee-on-another-cluster"}
    assert done.code == 0, done.output
    assert _broken(done, "mandatory") == set()
    assert _broken(done, "advisory") == BROKEN - off


def test_a_secret_in_plain_text_in_the_stacks_file_is_found(stack: Stack, good: dict[str, Any], tmp_path: Path) -> None:
    levels = json.loads((PACK / "prod.json").read_text())
    levels["settings-encrypted"]["file"] = str(tmp_path / "Pulumi.<stack>.yaml")
    (tmp_path / "levels.json").write_text(json.dumps(levels))
    secrets = {"coco-azure:clientSecrets": {"kbsres1": {"key1": PASSWORD}}}
    (tmp_path / f"Pulumi.{stack.name}.yaml").write_text(json.dumps({"config": secrets}))

    done = _judged(stack, good, tmp_path / "levels.json")

    assert done.code != 0
    assert _broken(done, "mandatory") == {"settings-encrypted"}, done.output
    assert "clientSecrets.kbsres1.key1 is in plain text" in done.output
    assert PASSWORD not in done.output


def test_a_secret_in_a_config_map_is_found_and_not_shown(stack: Stack, tmp_path: Path) -> None:
    policy = tmp_path / "policy.rego"
    # Of the PCRs that the rehearsal's stack demands.
    text = policies.attestation_policy(TRUSTEE["1.2"], "production", pcrs=(3, 4, 7, 8, 9, 11, 12))
    policy.write_text(f"# Ask for {PASSWORD}.\n{text}")
    secrets = {"kbsres1": {"key1": PASSWORD}}

    done = _judged(
        stack, {"clientSecrets": secrets, "trustee": {"attestationPolicyFile": str(policy)}}, "rehearsal.json"
    )

    assert done.code != 0
    assert _broken(done, "mandatory") == {"no-secret-in-plain-objects"}, done.output
    assert "the value of Secret trustee-operator-system/kbsres1, key1 in plain text" in " ".join(done.output.split())
    assert PASSWORD not in done.output


def test_a_wrong_option_is_refused(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "levels.json").write_text(json.dumps({"reference-values-fresh": {"days": "thirty"}}))

    done = _judged(stack, {}, tmp_path / "levels.json")

    assert done.code != 0
    assert "reference-values-fresh" in done.output
    assert "days" in done.output


def test_a_run_ends_before_it_makes_what_breaks_a_rule(stack: Stack) -> None:
    stack.configure({"peerPods": {"secureBoot": False}})
    done = stack.up(*_pack("rehearsal.json"), check=False)

    assert done.code != 0
    assert "ENABLE_SECURE_BOOT is false, needed is exactly true" in " ".join(done.output.split())
    assert stack.get(PEER_PODS_CM) is None
    assert stack.get(KATA_CONFIG) is None


def test_a_whole_run_of_the_rehearsals_stack_passes(stack: Stack) -> None:
    stack.configure({})
    done = stack.up(*_pack("rehearsal.json"))

    assert stack.outputs()["attested"] is True
    assert (_broken(done, "mandatory"), _broken(done, "advisory")) == (set(), set()), done.output
    again = _judged(stack, {}, "rehearsal.json")
    assert again.code == 0, again.output
    assert "can't run policy" not in again.output


def test_a_workload_is_named_by_the_preview_and_judged_by_what_it_is_about_to_get(stack: Stack) -> None:
    stack.configure(_with(shop=SHOP, web=SHOP))
    stack.up(*_pack("rehearsal.json"))

    first = _shown(stack)
    stack.configure(_with(shop=OTHER, web=SHOP))
    result = stack.run("preview", "--stack", stack.name, "--diff", *_pack("rehearsal.json")).output
    part = result.partition(f"::{WORKLOADS}]")[2].partition("[urn=")[0]
    assert re.findall(r"~ (\w+): \{", part) == ["input", "shop"], result

    # In place, with the value of the first run left as its output.
    stack.up(*_pack("rehearsal.json"))
    second = _shown(stack)
    assert second["id"] == first["id"]
    assert second["inputs"]["input"] == stack.outputs()["workloadInitdata"] != first["inputs"]["input"]
    assert second["outputs"] == {**second["inputs"], "output": first["outputs"]["output"]}

    done = _judged(stack, {"environment": "development", **_with(shop=OPEN, web=SHOP)}, "rehearsal.json")
    assert _broken(done, "mandatory") & {rule.id for rule in RULES if rule.id.startswith("agent-")} == AGENTS


def test_a_stack_from_before_gets_what_shows_workloads_and_nothing_else_happens(stack: Stack) -> None:
    stack.configure(_with(shop=OTHER, web=SHOP))
    stack.up()  # drops what running pods had before
    stack.run("state", "delete", _shown(stack)["urn"], "--stack", stack.name, "--yes")
    mark = stack.mark()

    assert [(change.operation, change.name) for change in stack.preview()] == [("create", WORKLOADS)]
    stack.up(*_pack("rehearsal.json"))
    assert stack.requests(mark) == []
    assert stack.outputs()["attested"] is True

    stack.destroy()
    deleted = [request.kind for request in stack.requests(mark) if request.verb == "delete"]
    assert deleted.index("kataconfigs") < deleted.index("kbsconfigs")
    assert stack.state() == []


def test_make_policy_holds_the_stacks_own_file_to_the_levels_of_its_name(stack: Stack) -> None:
    file = CHECKOUT / "Pulumi.rehearsal.yaml"
    before, mark = file.read_bytes(), stack.mark()

    passed = stack.make("policy", f"STACK={stack.name}")
    refused = stack.make("policy", f"STACK={stack.name}", "LEVELS=prod")

    assert passed.code == 0, passed.output
    assert f"(local: {PACK.name})" in passed.output
    assert (_broken(passed, "mandatory"), _broken(passed, "advisory")) == (set(), set()), passed.output
    assert refused.code != 0
    off = {"kataconfig-protected", "trustee-on-another-cluster"}
    assert _broken(refused, "mandatory") == off, refused.output
    assert "KataConfig is protected: what reboots nodes is approved once, not for ever." in refused.output
    assert (file.read_bytes(), stack.requests(mark)) == (before, [])
