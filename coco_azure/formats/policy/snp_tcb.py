"""The trusted computing base (TCB) of an SNP machine: security version numbers of its firmware, and the least of each.

The report's ``reported_tcb`` has four numbers, 0 to 255 each; a newer firmware with a security fix has a higher one.
Verifiers give each as text, ``reported_tcb_bootloader`` and so on (openshift/trustee v0.3.0 ``deps/verifier/src/snp``,
v1.0.0 to v1.2.0 ``deps/verifier/src/az_snp_vtpm``). Which numbers are current depends on the generation of the CPU.
"""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class SnpTcb:
    """Four security version numbers; the defaults are the least that a policy for production lets pass.

    Attributes:
        bootloader: of the AMD secure processor's boot loader.
        tee: of its operating system; 0 on machines of Azure.
        snp: of the SNP firmware.
        microcode: of the CPU's microcode.
    """

    bootloader: int = 1
    tee: int = 0
    snp: int = 1
    microcode: int = 1

    def numbers(self) -> dict[str, int]:
        """Return the numbers by name."""
        return asdict(self)

    def claims(self) -> dict[str, str]:
        """Return the numbers as a verifier names and writes them."""
        return {f"reported_tcb_{name}": str(number) for name, number in self.numbers().items()}


ZERO = SnpTcb(bootloader=0, tee=0, snp=0, microcode=0)
"""What a machine reports that says nothing of its firmware."""
DOCUMENTED = SnpTcb(bootloader=4, tee=0, snp=24, microcode=219)
"""What the documented pod VM reports: a third generation EPYC of 2026."""


def at_least(one: SnpTcb, other: SnpTcb) -> SnpTcb:
    """Return the higher one of each number."""
    return SnpTcb(**{name: max(number, other.numbers()[name]) for name, number in one.numbers().items()})


def below(least: SnpTcb, genuine: SnpTcb) -> SnpTcb:
    """Return a genuine TCB but for one number that is just too low; there is one, for no minimum is all zeros."""
    name, number = next((name, number) for name, number in reversed(least.numbers().items()) if number > 0)
    return SnpTcb(**{**genuine.numbers(), name: number - 1})
