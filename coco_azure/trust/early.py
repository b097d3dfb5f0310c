"""Settings with all that is wrong with them, what only the trust chain finds in their files included.

The chain is judged when the cluster has said which versions there are. Where the settings have problems nothing is
asked of it: then what holds for every version that it could have is told beside them, and not after them.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from coco_azure import names, settings
from coco_azure.formats.kbs import tdx
from coco_azure.settings import Settings, SettingsError
from coco_azure.settings.operators import OperatorSettings
from coco_azure.trust import checks
from coco_azure.trust.chain import Chain, Versions, build
from coco_azure.trust.documents import KbsEndpoint
from coco_azure.versions.profiles import OSC, TRUSTEE

_OF_A_FILE = re.compile(r"(coco-azure:)?[\w.-]+File: |reference value ")
"""What follows from one file, whatever else of the settings is missing."""
_NO_HOST = "kbs.invalid"
"""Stands for the host that only the cluster knows; no certificate is for it."""
_MINOR = re.compile(r"(\d+\.\d+)\.\d+")


def load(root: Path) -> Settings:
    """Return the settings of the running stack.

    Args:
        root: folder that the paths of files are relative to.

    Raises:
        SettingsError: something in them is wrong; the message lists every problem.
    """
    try:
        return settings.load(root)
    except SettingsError as error:
        valid_settings = error.findings.valid_settings
        if valid_settings is None:
            raise
        raise SettingsError(error.findings.with_problems(of_files(valid_settings, datetime.now(UTC)))) from None


def of_files(stack: Settings, now: datetime) -> list[str]:
    """Return the problems of the files that the settings name, at whichever version of the operators.

    Args:
        stack: the settings, which may lack much.
        now: the time at which they are judged, in UTC.
    """
    host = stack.trustee.host or _NO_HOST
    place = KbsEndpoint(kbs_url=stack.initdata.kbs_url or f"https://{host}")
    common: list[str] | None = None  # in the end those of the newest
    for versions in _versions(stack):
        try:
            chain = build(stack, versions, place)
        except ValueError:
            return []  # what is too large is told with the real host
        own = [text for text in checks.problems(stack, chain, host, now) if _is_of_a_file(text)]
        settings_before = None if common is None else {_setting(text) for text in common}
        common = [text for text in own if settings_before is None or _setting(text) in settings_before]
    return common or []


def _is_of_a_file(text: str) -> bool:
    return bool(_setting(text)) and _NO_HOST not in text


def _setting(text: str) -> str:
    """Return what a problem begins with where it follows from one file: versions word the rest differently."""
    match = _OF_A_FILE.match(text)
    return match[0] if match else ""


def _versions(stack: Settings) -> list[Versions]:
    """Return the oldest and the newest versions that the stack could have."""
    osc = _minors(stack.peer_pods.operator, list(OSC)) if stack.peer_pods.enabled else [None]
    trustee = _minors(stack.trustee.operator, list(TRUSTEE)) if stack.deploys_trustee else [None]
    pairs = [
        _pair(one, other)
        for one, other in product(osc, trustee)
        if one is None or other is None or OSC[one].protocol == TRUSTEE[other].protocol
    ]
    return [pairs[0], pairs[-1]] if pairs else []


def _pair(osc: str | None, trustee: str | None) -> Versions:
    minors = {names.OSC_PACKAGE: osc, names.TRUSTEE_PACKAGE: trustee}
    return Versions(
        osc=OSC[osc] if osc else None,
        trustee=TRUSTEE[trustee] if trustee else None,
        csv={package: f"{package}.v{minor}.0" for package, minor in minors.items() if minor},
    )


def _minors(operator: OperatorSettings, known: list[str]) -> list[str | None]:
    """Return the minor versions that an operator may have; none for a pin that nobody knows."""
    if operator.version is None:
        return list(known)
    match = _MINOR.search(operator.version)
    pinned = {match[1] if match else None, operator.treat_as}
    return [each for each in known if each in pinned]


def warnings(stack: Settings, chain: Chain) -> Iterator[str]:
    """Yield a warning where KBS asks for Intel's certificates at a port that its operator may close."""
    tdx_settings, csv = stack.trustee.tdx, chain.versions.csv.get(names.TRUSTEE_PACKAGE)
    if tdx_settings is None or csv is None or tdx.port_of(tdx_settings.asked) == tdx.PORT or not tdx.may_close(csv):
        return
    name = "pccsUrl" if tdx_settings.collateral_service is None else "collateralService"
    yield (
        f"trustee.tdx.{name} is {tdx_settings.asked}, and {csv} may keep KBS from it: its NetworkPolicies let "
        f"KBS out to port {tdx.PORT} and to that of the cluster's proxy only, and it undoes changes of them; no TDX "
        f"pod VM would be attested. Serve it at port {tdx.PORT}, or take Azure's cache: "
        f"pulumi config set --path coco-azure:trustee.tdx.{name} {tdx.AZURE_CACHE}"
    )
