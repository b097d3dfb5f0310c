"""Which programs, which versions, and what they are held to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


_PULUMI = "https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-{}.tar.gz"
_ENVTEST = "https://github.com/kubernetes-sigs/controller-tools/releases/download/envtest-v1.36.2/envtest-v1.36.2-linux-{}.tar.gz"

# Checksums as published: Formula/pulumi.rb of pulumi/homebrew-tap, envtest-releases.yaml of
# kubernetes-sigs/controller-tools. There is no envtest archive with kube-controller-manager: that one is built.
_PULUMI_ARCHIVES = {
    "x86_64": Archive(
        url=_PULUMI.format("x64"),
        checksum="sha256:94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5",
        inside="pulumi",
    ),
    "aarch64": Archive(
        url=_PULUMI.format("arm64"),
        checksum="sha256:edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853",
        inside="pulumi",
    ),
}
_ENVTEST_ARCHIVES = {
    "x86_64": Archive(
        url=_ENVTEST.format("amd64"),
        checksum=(
            "sha512:ea743186c8a799f5cf8faf16969f86189d003cb7d130e0ac4b58789f1e5748dc"
            "f30ebe91c837a10d5ac415383da3e10b9e64d65785c938c23e739781cfb76f08"
        ),
        inside="controller-tools/envtest",
    ),
    "aarch64": Archive(
        url=_ENVTEST.format("arm64"),
        checksum=(
            "sha512:2d72ee985a8e262a3c57dc9f7f0fd891f6a8c7bf7ebaa2db6dc6d8eac8ae2818"
            "1afe51c1f368b67756cdb40b10de9b205609e1726e5f27f7c6d824dd9c6649ac"
        ),
        inside="controller-tools/envtest",
    ),
}

KUBERNETES_PROVIDER = Build(version="4.25.0-alpha", module="kubernetes-provider", package=".", usual="3 to 6 minutes")
"""Built where the official plugin of the Kubernetes provider cannot be had; ``plugins`` decides."""

PINS = {
    "pulumi": Pin(
        version="3.259.0",
        fits=((3, 250), (4,)),
        ask=("version",),
        module="pulumi",
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        usual="4 to 8 minutes",
        ldflags="-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0",
        archives=_PULUMI_ARCHIVES,
    ),
    # Judges the workflows in examples/ci; seconds to build, so it is not downloaded.
    "actionlint": Pin(
        version="1.7.12",
        fits=((1, 7, 8), (2,)),
        ask=("-version",),
        module="actionlint",
        package="github.com/rhysd/actionlint/cmd/actionlint",
        usual="seconds",
        purpose="dev",
    ),
    "etcd": Pin(
        version="3.6.16",
        fits=((3, 5), (3, 7)),
        ask=("--version",),
        module="etcd",
        package="go.etcd.io/etcd/server/v3",
        usual="1 to 2 minutes",
        archives=_ENVTEST_ARCHIVES,
    ),
    "kube-apiserver": Pin(
        version="1.36.3",
        fits=((1, 33), (1, 38)),
        ask=("--version",),
        module="kubernetes",
        package="k8s.io/kubernetes/cmd/kube-apiserver",
        usual="4 to 8 minutes",
        archives=_ENVTEST_ARCHIVES,
    ),
    "kube-controller-manager": Pin(
        version="1.36.3",
        fits=((1, 33), (1, 38)),
        ask=("--version",),
        module="kubernetes",
        package="k8s.io/kubernetes/cmd/kube-controller-manager",
        usual="2 to 8 minutes",
    ),
    "dot": Pin(
        version="12.1.2",
        fits=((2, 40), (100,)),
        ask=("-V",),
        module="graphviz",
        package=".",
        usual="half a minute",
    ),
}
"""Every program by its name."""


def needed(purpose: str) -> list[str]:
    """Return the programs that ``rehearsal`` or ``dev`` needs; ``dev`` needs all of them."""
    return [name for name, pin in PINS.items() if purpose in ("dev", pin.purpose)]
