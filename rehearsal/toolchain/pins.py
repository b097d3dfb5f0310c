"""Which programs, which versions, and what they are held to: ``pins.json``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GO_MODULES = Path(__file__).parent / "go"
PROVIDER_VERSIONS = {"kubernetes": "4.34.2", "azure-native": "3.29.0"}
"""Of the provider plugins; those of the Python packages in requirements.in."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An official download.

    Attributes:
        url: address of a .tar.gz.
        checksum: ``sha256:`` or ``sha512:`` and the hexadecimal digest of the archive.
        inside: folder in the archive that has the programs.
    """

    url: str
    checksum: str
    inside: str


@dataclass(frozen=True, kw_only=True)
class Build:
    """A program as it is built from a Go module.

    Attributes:
        version: what is built.
        module: Go module below ``go/`` whose go.sum pins the build.
        package: Go package of the program.
        usual: how long a build usually takes on two cores.
        ldflags: flags for the Go linker.
    """

    version: str
    module: str
    package: str
    usual: str
    ldflags: str = "-s -w"


@dataclass(frozen=True, kw_only=True)
class Pin(Build):
    """One program, wherever it comes from; ``version`` is also what is downloaded.

    Attributes:
        fits: versions on PATH that will do, from the first (included) to the second (not included).
        ask: arguments that make it print its version.
        archives: official downloads by machine, as ``uname -m`` prints it.
        purpose: ``rehearsal``, or ``dev`` for what only the tests need.
    """

    fits: tuple[tuple[int, ...], tuple[int, ...]]
    ask: tuple[str, ...]
    archives: Mapping[str, Archive] = field(default_factory=dict)
    purpose: str = "rehearsal"


KUBERNETES_PROVIDER = Build(version="4.25.0-alpha", module="kubernetes-provider", package=".", usual="3 to 6 minutes")
"""Built where the official plugin of the Kubernetes provider cannot be had; ``plugins`` decides."""


def _read(entry: dict[str, Any]) -> Pin:
    oldest, newest = map(tuple, entry["fits"])
    archives = {machine: Archive(**each) for machine, each in entry.get("archives", {}).items()}
    return Pin(**{**entry, "fits": (oldest, newest), "ask": tuple(entry["ask"]), "archives": archives})


PINS = {name: _read(entry) for name, entry in json.loads(Path(__file__).with_name("pins.json").read_text()).items()}
"""Every program by its name.

Checksums as published: Formula/pulumi.rb of pulumi/homebrew-tap, envtest-releases.yaml of kubernetes-sigs/
controller-tools. There is no envtest archive with kube-controller-manager: that one is built. So is actionlint, which
judges the workflows in examples/ci: that takes seconds.
"""


def needed(purpose: str) -> list[str]:
    """Return the programs that ``rehearsal`` or ``dev`` needs; ``dev`` needs all of them."""
    return [name for name, pin in PINS.items() if purpose in ("dev", pin.purpose)]
