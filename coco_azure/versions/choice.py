"""Which CSV a stack takes of what its catalog offers, what is installed, and what OLM would do next.

The head of a channel decides only where OLM upgrades by itself. Otherwise the stack takes the newest version that has a
profile, and goes from what is installed one step of OLM's at a time, to versions that have a profile and no others,
unless the settings say as what another one is treated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coco_azure import names
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions import channels, profiles
from coco_azure.versions.channels import Channel, Status


@dataclass(frozen=True, kw_only=True)
class VersionChoice:
    """What a stack takes.

    Attributes:
        notes: what a person has to know of it: what was left aside and why, and what is treated as something else.
        leaves: CSV that is installed, where the stack takes a step from it by itself; empty: it does not.
    """

    csv: str
    notes: tuple[str, ...] = ()
    leaves: str = ""


@dataclass(frozen=True, kw_only=True)
class OperatorRequest:
    """An operator that the stack installs."""

    settings: OperatorSettings
    package: str
    namespace: str
    subscription: str

    def takes(self, csv: str) -> bool:
        """Return whether the program knows how to deploy a CSV: by its profile, or as the settings say."""
        return self.settings.treat_as is not None or profiles.known(self.package, csv)


def choose(request: OperatorRequest, manifests: Sequence[Status], subscription: Status) -> VersionChoice:
    """Return what the stack takes.

    Args:
        manifests: ``status`` of its PackageManifests, one for each catalog that has the package.
        subscription: ``status`` of its Subscription; empty where there is none.

    Raises:
        ValueError: the catalog does not offer what the settings ask for, or nothing that the program can deploy; or
            what is installed is nothing that it can deploy. The message names the remediation.
    """
    settings, package = request.settings, request.package
    offered = channels.channel(settings, package, manifests)
    if settings.version is not None or offered is None:
        csv = channels.pinned(settings, package, offered)
    elif settings.automatic:
        csv = offered.head
    else:
        return _by_profile(request, offered, subscription)
    if not request.takes(csv):
        raise ValueError(profiles.unknown(package, csv))
    return VersionChoice(csv=csv, notes=tuple(_treated(request, csv)))


def _by_profile(request: OperatorRequest, offered: Channel, subscription: Status) -> VersionChoice:
    installed, step = str(subscription.get("installedCSV") or ""), channels.next_step(subscription)
    taken = [csv for csv in offered.versions if request.takes(csv)]
    newest = offered.head if request.takes(offered.head) else taken[-1] if taken else None
    if step is not None and request.takes(step):
        csv = step
    elif installed:
        csv = installed
        if not request.takes(csv):
            raise ValueError(_unknown_is_installed(request, csv))
    elif newest is not None:
        csv = newest
    else:
        raise ValueError(profiles.unknown(request.package, offered.head))
    notes = [*_treated(request, csv), *_left_aside(request, offered, csv), *_on_the_way(request, csv, newest, step)]
    return VersionChoice(csv=csv, notes=tuple(notes), leaves=installed if csv != installed else "")


def in_step(choices: Mapping[str, VersionChoice]) -> dict[str, VersionChoice]:
    """Return the choices without steps after which pod VMs and KBS, which speak now, would not do so any more.

    Of the stack's own steps as many are taken as leave them speaking, Trustee's before that of OSC.
    """
    osc, trustee = choices.get(names.OSC_PACKAGE), choices.get(names.TRUSTEE_PACKAGE)
    if osc is None or trustee is None:
        return dict(choices)
    ways = [
        (one, other)
        for other in dict.fromkeys((trustee, _held(trustee)))
        for one in dict.fromkeys((osc, _held(osc)))
        if _speak(one.csv, other.csv)
    ]
    osc, trustee = next(iter(ways), (osc, trustee))
    return {**choices, names.OSC_PACKAGE: osc, names.TRUSTEE_PACKAGE: trustee}


def _held(choice: VersionChoice) -> VersionChoice:
    if not choice.leaves:
        return choice
    note = (
        f"OLM's next step from {choice.leaves} is {choice.csv}, which is left aside: pod VMs and KBS would not speak "
        "with each other any more. The way for both is in docs/howto/upgrade.md"
    )
    return VersionChoice(csv=choice.leaves, notes=(note,))


def _speak(osc: str, trustee: str) -> bool:
    """Return whether pod VMs and KBS speak with each other; those without a profile are left to later checks."""
    try:
        return profiles.osc(osc).protocol == profiles.trustee(trustee).protocol
    except profiles.VersionError:
        return True


def _treated(request: OperatorRequest, csv: str) -> list[str]:
    if profiles.known(request.package, csv):
        return []
    setting = channels.setting(request.package)
    note = f"{csv} has no profile, and is deployed as if it were {request.settings.treat_as}, as {setting}.treatAs says"
    return [f"{note}: what it changes, nobody has looked at"]


def _left_aside(request: OperatorRequest, offered: Channel, csv: str) -> list[str]:
    """Say which newer versions the stack does not go to."""
    newer = [each for each in offered.versions if channels.age(each) > channels.age(csv) and not request.takes(each)]
    if not newer:
        return []
    note = (
        f"left aside in channel {offered.name}, as this release has no profile for it: {', '.join(newer)}. The stack "
        f"has {csv}, and OLM goes no further by itself. To take a newer one: a newer coco-azure, or "
        f"{profiles.treating(request.package)}"
    )
    return [note]


def _on_the_way(request: OperatorRequest, csv: str, newest: str | None, step: str | None) -> list[str]:
    """Say why the stack does not have the newest version that it could deploy."""
    if newest is None or channels.age(newest) <= channels.age(csv):
        return []
    if step == csv:
        return [f"{csv} is a step on the way to {newest}; the next `pulumi up` takes the next one"]
    if step is None:
        note = (
            f"the catalog has {newest}, and OLM has no plan yet that leads there from {csv}: run again when it has one"
        )
        return [f"{note} (oc -n {request.namespace} get installplan)"]
    way = channels.way_back(request.package, request.namespace, request.subscription, csv)
    note = f"the catalog has {newest}, and OLM's only step from {csv} is {step}, which has no profile"
    return [f"{note}. The stack stays at {csv}; to have {newest} all the same, {way.replace('older', 'other')}"]


def _unknown_is_installed(request: OperatorRequest, csv: str) -> str:
    package = request.package
    way = channels.way_back(package, request.namespace, request.subscription, csv)
    return (
        f"{csv} is installed, and this release has no profile for it. OLM never goes back. Take a newer coco-azure; or "
        f"{profiles.treating(package)}; or {way}"
    )


def installed_csv(settings: OperatorSettings, package: str, namespace: str, operator: Status) -> VersionChoice:
    """Return what is installed, for an operator that the stack does not install itself.

    Args:
        settings: where it has a pin, the installed CSV has to be that one.
        operator: ``status`` of its Operator object.

    Raises:
        ValueError: no CSV has succeeded, or another one than the pin, or one that the program cannot deploy.
    """
    where, phases = channels.setting(package), _phases(operator)
    succeeded = [name for name, phase in phases.items() if phase == "Succeeded"]
    if not succeeded:
        phases_text = ", ".join(f"{name} in phase {phase}" for name, phase in phases.items()) or "none at all"
        raise ValueError(
            f"{where}.install is false, and namespace {namespace} has no CSV of {package} that has succeeded (found: "
            f"{phases_text}). Wait for it (oc -n {namespace} get csv), or have the stack install the operator: "
            f"pulumi config set --path '{where}.install' true"
        )
    newest = max(succeeded, key=channels.age)
    if settings.version is not None and channels.csv_of(package, settings.version) != newest:
        raise ValueError(
            f"{where}.version asks for {channels.csv_of(package, settings.version)}, and {newest} is installed; "
            f"{where}.install is false, so the stack does not change it. Take what is installed: "
            f"pulumi config rm --path '{where}.version'"
        )
    request = OperatorRequest(settings=settings, package=package, namespace=namespace, subscription="")
    if not request.takes(newest):
        raise ValueError(
            f"{newest} is installed, and this release has no profile for it; {where}.install is false, so the stack "
            f"does not change it. Take a newer coco-azure, or {profiles.treating(package)}"
        )
    return VersionChoice(csv=newest, notes=tuple(_treated(request, newest)))


def _phases(operator: Status) -> dict[str, str]:
    """Return the phase of every CSV; OLM gives it as the type of the only condition."""
    refs = (operator.get("components") or {}).get("refs") or ()
    return {
        str(ref["name"]): next((str(each["type"]) for each in ref.get("conditions") or ()), "none")
        for ref in refs
        if ref.get("kind") == "ClusterServiceVersion"
    }
