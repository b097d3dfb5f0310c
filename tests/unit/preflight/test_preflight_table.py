"""The judgement as a whole, its table, and the counts of what costs."""

from pathlib import Path
from typing import Any

import pytest

from coco_azure import settings
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.preflight import cost, judge
from coco_azure.preflight.judge import Verdict
from coco_azure.preflight.model import CHECKS, Finding
from coco_azure.settings.preflight import PreflightSettings
from tests.unit import preflight_facts as known

LONG = "pulumi config set --path 'coco-azure:peerPods.instanceSizes[1]' Standard_DC16as_v5"


def _finding(check: str, level: str = "problem", **changes: str) -> Finding:
    values = {"found": "this", "needed": "that", "fix": "do it", **changes}
    return Finding(check=check, level=level, **values)  # type: ignore[arg-type]


def test_problems_of_several_checks_are_found_at_once_and_in_the_order_of_the_checks() -> None:
    facts = known.facts(
        usages=known.usages(limit=1),
        image=known.image(exists=False),
        sizes=known.sizes(known.size("Standard_DC2as_v5", 2, tee="")),
        unknown=(("roles", "AuthorizationFailed"),),
    )

    verdict = judge.judge(facts, ClusterFacts(), known.wanted(image_id=known.IMAGE, roles="off"), ())

    problems = [finding.check for finding in verdict.problems]
    assert [check for check in problems if check in ("sizes", "quota", "image")] == ["sizes", "quota", "image"]
    assert problems == sorted(problems, key=CHECKS.index)
    assert "roles" in [finding.check for finding in verdict.warnings]


def test_what_could_not_be_asked_is_a_warning_with_its_reason_and_a_way_out() -> None:
    facts = known.facts(unknown=(("quota", "quotas: AuthorizationFailed: no"),), usages=None)
    cluster = ClusterFacts(unknown=(("catalog", "catalogs: Forbidden"),))

    verdict = judge.judge(facts, cluster, known.wanted(), ())

    warnings = {finding.check: finding for finding in verdict.warnings}
    assert warnings["quota"].found == "not known: quotas: AuthorizationFailed: no"
    assert "az role assignment create --role Reader" in warnings["quota"].fix
    assert "Forbidden" in warnings["catalog"].found


def test_accepted_checks_are_told_and_are_no_problems() -> None:
    facts = known.facts(usages=known.usages(limit=0))

    verdict = judge.judge(facts, ClusterFacts(), known.wanted(), ("quota",))

    assert "quota" not in [finding.check for finding in verdict.problems]
    assert "quota" in [finding.check for finding in verdict.accepted]
    assert "quota (accepted)" in judge.render(verdict)


def test_every_word_of_a_check_is_one_that_can_be_accepted() -> None:
    assert PreflightSettings.model_validate({"accept": list(CHECKS)}).accept == CHECKS


@pytest.mark.parametrize(
    ("values", "path", "needed"),
    [
        ({"mode": "strict"}, 'preflight.mode: found "strict"', "'off', 'warn' or 'enforce'"),
        ({"accept": ["quotas"]}, 'preflight.accept[0]: found "quotas"', "'quota'"),
        ({"accept": "quota"}, 'preflight.accept: found "quota"', "needed a list"),
        ({"accepts": ["quota"]}, "preflight.accepts: no such setting", "pulumi config rm"),
    ],
)
def test_a_wrong_setting_of_the_pre_flight_says_what_is_needed(values: dict[str, Any], path: str, needed: str) -> None:
    with pytest.raises(settings.SettingsError) as refused:
        settings.parse({"preflight": values}, Path())

    assert path in str(refused.value)
    assert needed in str(refused.value)


def test_the_table_is_aligned_has_a_headline_and_keeps_commands_whole() -> None:
    verdict = Verdict(
        problems=[_finding("quota", found="limit 0", needed="160 vCPUs", fix=f"first\n{LONG}"), _finding("outbound")],
        warnings=[_finding("capacity", "warning", found="word " * 20)],
    )

    lines = judge.render(verdict).splitlines()

    assert lines[0] == "pre-flight: 2 problems, 1 warning"
    head, rule, quota, second, outbound, *rest = lines[2:]
    assert head.split() == ["check", "found", "needed", "fix"]
    assert set(rule) == {"-", " "}
    column = head.index("fix")
    assert quota[column:] == "first"
    assert second == " " * column + LONG
    assert outbound[column:] == "do it"
    assert outbound.index("this") == head.index("found") == quota.index("limit 0")
    assert rest[0].startswith("capacity (warning)  word word")
    assert len(rest) == 3


def test_a_table_of_nothing_is_empty() -> None:
    assert judge.render(Verdict()) == ""


def test_what_costs_is_counted_at_most_and_without_prices() -> None:
    drivers = cost.drivers(known.wanted())

    assert drivers.output() == {
        "podVMs": 20,
        "confidential": True,
        "sizes": ["Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5"],
        "natGateways": 0,
        "publicIPs": 0,
        "imageVersions": 1,
    }
    assert cost.text(drivers, known.wanted()) == (
        "What costs by the hour (counts, no prices): at most 20 confidential VMs at a time (10 a node on 2 nodes), "
        "with OS disk, of Standard_DC2as_v5, Standard_DC4as_v5, Standard_DC8as_v5; 1 stored image version."
    )


def test_an_own_subnet_costs_a_gateway_and_an_address_and_an_own_image_nothing() -> None:
    wanted = known.wanted(
        own_subnet=known.own_subnet("10.9.0.0/24"), image_id=known.IMAGE, nodes=("one",), limit_per_node=1
    )

    text = cost.text(cost.drivers(wanted), wanted)

    assert text.endswith("; 1 NAT gateway; 1 public IP address.")
    assert "at most 1 confidential VM at a time (1 a node on 1 node)" in text


def test_a_report_gets_every_finding_as_data() -> None:
    problem = Finding(check="quota", level="problem", found="8", needed="16", fix="more")
    warning = Finding(check="roles", level="warning", found="?", needed="Reader", fix="look")
    result = judge.records(Verdict(problems=(problem,), accepted=(problem,), warnings=(warning,)))

    assert [(each["check"], each["level"], each["accepted"]) for each in result] == [
        ("quota", "problem", False),
        ("quota", "problem", True),
        ("roles", "warning", False),
    ]
    assert result[0]["found"] == "8"
