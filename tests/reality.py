"""What of reality a checkout does not have, and whoever has it names by a path in the environment."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Real:
    """Something real that tests are held to.

    Attributes:
        title: what it is, in short.
        variable: environment variable with its path.
        source: where it is from, and the command that gets it.
        parts: files or folders that have to be below the path.
        is_program: whether it has to be executable.
    """

    title: str
    variable: str
    source: str
    parts: tuple[str, ...] = ()
    is_program: bool = False

    @property
    def path(self) -> Path:
        """Its path; ``missing`` says whether there is something."""
        return Path(os.environ.get(self.variable, "")).absolute()

    def missing(self) -> str | None:
        """Return why it cannot be used here, and how to get it; None where it can."""
        text = os.environ.get(self.variable)
        if not text:
            return f"{self.variable} is not set: path of {self.source}"
        absent = [str(self.path / each) for each in self.parts or ("",) if not (self.path / each).exists()]
        if absent:
            return f"{self.variable} is {text}, and there is no {', '.join(absent)}: needed is {self.source}"
        if self.is_program and not (self.path.is_file() and os.access(self.path, os.X_OK)):
            return f"{self.variable} is {text}, which is no program: needed is {self.source}"
        return None

    @property
    def needed(self) -> pytest.MarkDecorator:
        """The mark of tests that are skipped without it, with the reason."""
        reason = self.missing()
        return pytest.mark.skipif(reason is not None, reason=str(reason))


KBS = Real(
    title="KBS 0.3",
    variable="COCO_REAL_KBS",
    source="the program kbs of Trustee 0.3.0: oc image extract IMAGE --path /usr/local/bin/kbs:. with the image trustee"
    " of that operator, or built from openshift/trustee v0.3.0",
    is_program=True,
)
CRDS = Real(
    title="upstream CRDs",
    variable="COCO_CRDS",
    source="a folder with CRDs of OpenShift, OLM and OSC in files *.yaml (oc get crd NAME -o yaml) and the folder "
    "manifests of two bundles of the Trustee operator as trustee-0.3 and trustee-1.2 (oc image extract BUNDLE --path "
    "/manifests/:FOLDER)",
    parts=("trustee-0.3", "trustee-1.2"),
)
CLAIMS = Real(
    title="claims of a verifier",
    variable="COCO_CLAIMS",
    source="a JSON file with the claims that Trustee 0.3's verifier az-snp-vtpm makes of the evidence in its own tests",
)
AGENT_REQUESTS = Real(
    title="requests of an agent",
    variable="COCO_AGENT_REQUESTS",
    source="a file of JSON lines with title, name and request, as an agent of Kata 3.25 decodes what it is asked "
    "(agent-ctl, or the agent's log at level debug)",
)
OSC_OPERATOR = Real(
    title="OSC operator",
    variable="COCO_REAL_OSC_OPERATOR",
    source="the program of the OSC operator 1.9: oc image extract IMAGE --path /manager:. --path /config/:config",
    is_program=True,
)
TRUSTEE_OPERATOR = Real(
    title="Trustee operator",
    variable="COCO_REAL_TRUSTEE_OPERATOR",
    source="the program of the Trustee operator 0.3: oc image extract IMAGE --path /manager:.",
    is_program=True,
)
ALL = (KBS, OSC_OPERATOR, TRUSTEE_OPERATOR, CRDS, CLAIMS, AGENT_REQUESTS)


def line(skipped: Iterable[str]) -> str:
    """Return what was real in a run of the tests.

    Args:
        skipped: the reason of each test that was skipped.
    """
    reasons, there, absent = list(skipped), list[str](), list[str]()
    for each in ALL:
        count = sum(each.variable in reason for reason in reasons)
        skips = f"; {count} tests skipped" if count else ""
        (absent if each.missing() else there).append(
            f"{each.title} ({each.variable}{skips})" if each.missing() else each.title
        )
    words = [f"{len(there)} of {len(ALL)} parts from outside were there", *([", ".join(there)] if there else [])]
    return "reality: " + "; ".join([*words, *([f"missing: {', '.join(absent)}"] if absent else [])])
