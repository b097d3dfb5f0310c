"""What a user brings to a rehearsal: real programs by path, CRDs of a bundle, and what is left out by name.

The environment says it (``make rehearse OSC_OPERATOR=./manager`` sets COCO_REHEARSAL_OSC_OPERATOR).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.operators import olm_catalog
from rehearsal.real import own_root

COMPONENTS = (
    "cloud-credential-operator",
    "catalog-operator",
    "olm",
    "olm-operator",
    "machine-config-operator",
    "sandboxed-containers-operator",
    "trustee-operator",
    "router",
    "external-secrets",
    "kubelet",
)
"""Every simulated component, by the name under which it is left out."""
_CRDS, _WITHOUT = "COCO_REHEARSAL_CRDS", "COCO_REHEARSAL_WITHOUT"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that can be brought.

    Attributes:
        title: what people call it.
        word: what names its path in a call of ``make``.
        in_image: its path in the image that Red Hat ships.
        version_of: what names its version in a call of ``make``, ``OSC`` or ``TRUSTEE``.
        replaces: the simulated component that it stands for, or None where it is the content of a pod.
    """

    title: str
    word: str
    in_image: str
    version_of: str
    replaces: str | None = None

    @property
    def variable(self) -> str:
        """The environment variable that holds its path."""
        return f"COCO_REHEARSAL_{self.word}"

    @property
    def package(self) -> str:
        """The package of the catalog whose version it has."""
        return {"OSC": olm_catalog.OSC, "TRUSTEE": olm_catalog.TRUSTEE}[self.version_of].name

    def path(self, environment: Mapping[str, str] = os.environ) -> Path | None:
        """Return its absolute path, or None where it is not brought."""
        text = environment.get(self.variable)
        return Path(text).absolute() if text else None


OSC_OPERATOR = Program(
    title="OSC operator",
    word="OSC_OPERATOR",
    in_image="/manager",
    version_of="OSC",
    replaces="sandboxed-containers-operator",
)
TRUSTEE_OPERATOR = Program(
    title="Trustee operator",
    word="TRUSTEE_OPERATOR",
    in_image="/manager",
    version_of="TRUSTEE",
    replaces="trustee-operator",
)
KBS = Program(title="KBS", word="KBS", in_image="/usr/local/bin/kbs", version_of="TRUSTEE")
PROGRAMS = (OSC_OPERATOR, TRUSTEE_OPERATOR, KBS)
SETTINGS = (*(each.variable for each in PROGRAMS), _CRDS, _WITHOUT)
"""Every environment variable that is read here."""


def check(environment: Mapping[str, str] = os.environ) -> None:
    """Raise ValueError where what is brought cannot be used; the message says what to do."""
    given = {program: path for program in PROGRAMS if (path := program.path(environment)) is not None}
    for program, path in given.items():
        if not path.is_file():
            raise ValueError(
                f"{program.word} is {path}, and there is no such file; needed is the {program.title}'s program: "
                f"`oc image extract IMAGE --path {program.in_image}:.`"
            )
        if not os.access(path, os.X_OK):
            raise ValueError(f"{program.word} is {path}, which is not executable: `chmod +x {path}`")
    if given and own_root.way() is None:
        raise ValueError(f"{', '.join(each.word for each in given)}: {own_root.FORBIDDEN}")
    if unknown := left_out(environment) - set(COMPONENTS):
        raise ValueError(f"WITHOUT names {', '.join(sorted(unknown))}; what can be left out: {', '.join(COMPONENTS)}")
    if environment.get(_CRDS) and not definitions(environment):
        raise ValueError(
            f"CRDS is {environment[_CRDS]}, and no file *.yaml there holds a CustomResourceDefinition; needed is the "
            "folder manifests of an operator's bundle: `oc image extract BUNDLE --path /manifests/:manifests`"
        )


def left_out(environment: Mapping[str, str] = os.environ) -> set[str]:
    """Return the names of the simulated components that are not to run."""
    named = {each.strip() for each in environment.get(_WITHOUT, "").split(",") if each.strip()}
    return named | {each.replaces for each in PROGRAMS if each.replaces and each.path(environment)}


def definitions(environment: Mapping[str, str] = os.environ) -> dict[str, dict[str, Any]]:
    """Return the CRDs that are brought, by name, as they are created; none where none are."""
    folder = environment.get(_CRDS)
    files = sorted(Path(folder).rglob("*.yaml")) if folder else []
    documents = [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    return {
        each["metadata"]["name"]: {"metadata": {"name": each["metadata"]["name"]}, "spec": each["spec"]}
        for each in documents
        if isinstance(each, dict) and each.get("kind") == "CustomResourceDefinition"
    }


def words(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return for people what is real, a line for each, with the version that the rehearsal takes it for."""
    versions = olm_catalog.chosen(environment)
    return [
        f"real: the {each.title} {path}, taken for version {versions[each.package]} (another: "
        f"{each.version_of}=VERSION)"
        for each in PROGRAMS
        if (path := each.path(environment)) is not None
    ]
