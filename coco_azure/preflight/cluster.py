"""Whether the cluster is one that peer pods can be installed on now.

A run may meet what an earlier one has left in the middle: CSVs that install, pools that update, a KataConfig that is
being deleted. None of that is a problem.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from coco_azure import names
from coco_azure.inventory.cluster_facts import Catalog, ClusterFacts, Csv
from coco_azure.inventory.cluster_reader import PUBLIC, PUBLIC_ONLY, is_foreign
from coco_azure.inventory.requirements import Operator, Requirements
from coco_azure.preflight.model import Finding
from coco_azure.versions.channels import age, version_of
from coco_azure.versions.profiles import (
    OSC,
    TRUSTEE,
    VersionError,
    minor_version,
    osc,
    treating,
)

OLDEST = (4, 15)
"""First version of OpenShift with confidential containers on Azure."""
_PROFILES: Mapping[str, Mapping[str, object]] = {names.OSC_PACKAGE: OSC, names.TRUSTEE_PACKAGE: TRUSTEE}
_LEAVING = frozenset({"Replacing", "Deleting"})


def problems(facts: ClusterFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong (checks ``cluster-version``, ``catalog``, ``operators``, ``kata-config``)."""
    yield from _version(facts)
    yield from _least(facts, requirements)
    yield from _catalogs(facts, requirements)
    for operator in requirements.operators:
        for csv in _csvs(facts, operator):
            yield from _csv(operator, csv)
    yield from _kata_configs(facts)


def _version(facts: ClusterFacts) -> Iterator[Finding]:
    version = _numbers(facts.version)
    least = ".".join(map(str, OLDEST))
    if version and version < OLDEST:
        yield Finding(
            check="cluster-version",
            level="problem",
            found=f"OpenShift {facts.version}",
            needed=f"OpenShift {least} or later: older ones have no confidential containers on Azure",
            fix="oc adm upgrade, and oc adm upgrade --to VERSION; on ARO the same",
        )
    if facts.upgrading_to:
        yield Finding(
            check="cluster-version",
            level="warning",
            found=f"OpenShift is being upgraded from {facts.version or 'no version'} to {facts.upgrading_to}",
            needed="a cluster at rest: both roll nodes, and each waits for the other",
            fix="oc get clusterversion, oc get mcp",
        )


def _least(facts: ClusterFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield whether the release of OpenShift is too old for the version of OSC; a newer minor version is not."""
    current_version = _numbers(facts.version)
    for operator in requirements.operators:
        if operator.package != names.OSC_PACKAGE or not operator.csv or not current_version:
            continue
        profile = osc(operator.csv, operator.treat_as)
        least = {_numbers(version): version for version in profile.openshift}
        if (
            not least
            or current_version > max(least)
            or (current_version in least and _patch(facts.version) >= _patch(least[current_version]))
        ):
            continue
        yield Finding(
            check="cluster-version",
            level="warning",
            found=f"OpenShift {facts.version}, and {operator.csv}",
            needed=f"at least {', '.join(profile.openshift)}, as people tell who have installed it",
            fix=(
                f"oc adm upgrade --to {least.get(current_version, profile.openshift[0])}; or an older version of the "
                f"operator: pulumi config set --path coco-azure:{operator.setting}.version VERSION"
            ),
        )


def _csvs(facts: ClusterFacts, operator: Operator) -> list[Csv]:
    return [each for each in (facts.csvs or {}).get(operator.package, ()) if each.phase not in _LEAVING]


def _catalogs(facts: ClusterFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with each catalog that something is to be installed from."""
    users: dict[Catalog, list[Operator]] = {}
    for operator in requirements.operators:
        if operator.install and (source := (facts.catalogs or {}).get(operator.package)):
            users.setdefault(source, []).append(operator)
    for catalog, operators in users.items():
        ready = [
            operator for operator in operators if any(each.phase == "Succeeded" for each in _csvs(facts, operator))
        ]
        yield from _catalog(catalog, operators, installed=len(ready) == len(operators))


def _catalog(catalog: Catalog, operators: Sequence[Operator], *, installed: bool) -> Iterator[Finding]:
    """Yield whether operators that are to be installed can be; those that are there already do not need it."""
    where = f"{catalog.namespace}/{catalog.name}"
    if not catalog.exists:
        message = f"there is no CatalogSource {where}"
        settings = "\n".join(f"pulumi config set --path coco-azure:{each.setting}.catalog NAME" for each in operators)
        fix = f"oc get catalogsource -A, and one of them:\n{settings}"
    elif catalog.state.upper() == "READY":
        return
    else:
        message = f"CatalogSource {where} is {catalog.state or 'not connected to yet'}"
        fix = (
            f"oc -n {catalog.namespace} get catalogsource {catalog.name} -o yaml; its pod: oc -n {catalog.namespace} "
            f"get pods -l olm.catalogSource={catalog.name}"
        )
    # A catalog's pod restarts now and then; only what it says of itself as a failure is one.
    fails = not catalog.exists or catalog.state.upper() in ("TRANSIENT_FAILURE", "SHUTDOWN")
    yield Finding(
        check="catalog",
        level="problem" if fails and not installed else "warning",
        found=message,
        needed=f"a catalog that is READY, for {' and '.join(each.package for each in operators)}",
        fix=fix,
    )


def _csv(operator: Operator, csv: Csv) -> Iterator[Finding]:
    if csv.phase == "Failed":
        yield _failed(operator, csv)
    profiles = _PROFILES.get(operator.package, {})
    minor = _minor(csv.name)
    if not profiles or minor in profiles or operator.treat_as or (operator.install and not operator.csv):
        return
    # OLM never goes back, but it takes an old one forward to what the settings ask for.
    goes = operator.install and _numbers(minor) < min(map(_numbers, profiles)) if minor else False
    remove = f"oc -n {operator.namespace} delete csv {csv.name}, and its Subscription"
    pin = f"pulumi config set --path coco-azure:{operator.setting}.version VERSION"
    yield Finding(
        check="operators",
        level="warning" if goes else "problem",
        found=f"{csv.name} is installed in {operator.namespace}",
        needed=f"a version that the stack knows: {', '.join(profiles)} (docs/versions.md)",
        fix=(
            "nothing, if an upgrade is what you want; the preview says which version follows"
            if goes
            else f"a newer coco-azure; or {treating(operator.package)}; or remove the operator ({remove}) and pin a "
            f"version: {pin}"
        ),
    )


def _failed(operator: Operator, csv: Csv) -> Finding:
    message = f"{csv.name} has failed: {csv.message or 'no reason given'}"
    look = f"oc -n {operator.namespace} describe csv {csv.name}"
    if operator.install and operator.csv and age(csv.name) > age(operator.csv):
        # Such as one that outlived its namespace, where the API server restarted as that was deleted.
        return Finding(
            check="operators",
            level="problem",
            found=message,
            needed=f"{operator.csv}, which the stack installs; OLM never goes back, and removes it again",
            fix=f"{look}; if nobody needs it: oc -n {operator.namespace} delete csv {csv.name}; or take its version: "
            f"pulumi config set --path coco-azure:{operator.setting}.version {version_of(csv.name)}",
        )
    needed = "an operator that runs; OLM tries again by itself, and the run waits for it"
    return Finding(check="operators", level="warning", found=message, needed=needed, fix=look)


def _minor(csv: str) -> str:
    try:
        return minor_version(csv)
    except VersionError:
        return ""


def _kata_configs(facts: ClusterFacts) -> Iterator[Finding]:
    if len(facts.kata_configs) > 1:
        title = ", ".join(sorted(facts.kata_configs))
        yield Finding(
            check="kata-config",
            level="problem",
            found=f"{len(facts.kata_configs)} KataConfigs: {title}",
            needed="one: the operator works with one only, and ignores the others",
            fix="oc delete kataconfig NAME, for each that is not needed",
        )


def _patch(version: str) -> int:
    """Return the patch version; 0 for what has none."""
    match = re.match(r"\d+\.\d+\.(\d+)", version)
    return int(match[1]) if match else 0


def _numbers(version: str) -> tuple[int, ...]:
    """Return major and minor version; empty for what has none."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else ()


def cloud_problems(facts: ClusterFacts, _: Requirements) -> Iterator[Finding]:
    """Yield a problem of a cluster in another cloud."""
    if is_foreign(facts.cloud):
        yield Finding(
            check="cloud",
            level="problem",
            found=f"this cluster is in {facts.cloud} (Infrastructure cluster, status.platformStatus.azure.cloudName)",
            needed=f"one in {PUBLIC}: {PUBLIC_ONLY}",
            fix="a cluster in Azure's public cloud: pulumi config set --path coco-azure:cluster.context CONTEXT",
        )
