"""The trust chain as Pulumi sees it: what the pure ``trust`` package decides, from values that come with time.

Adds to it what only a running stack knows: the versions, the certificates that the stack keeps, and what an earlier run
deployed. Nothing is created before the chain has been checked: every operator's namespace follows from ``csv``.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pulumi
from pulumi import Output, ResourceOptions

from components.operators.versions import Foreseen
from components.trustee.tls import made_tls
from rendering import profiles
from rendering.pki import public_authorities
from settings import Settings
from trust import checks, history, protocol, remote
from trust.chain import Chain, Judgement, Versions, build
from trust.documents import Place
from trust.history import LastRun

PCR8_OUTPUT = "initdataPcr8"
"""Stack output with PCR 8 of each document; the next run reads it to know what pods may still have."""
PROOF_OUTPUT = "proof"
"""Stack output: the proof report without the outcome of the check, which is ``attested``; known at preview."""
_TRIES, _PAUSE = 20, 0.25


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What another stack says of its Trustee.

    Attributes:
        certificate: PEM that the certificate of its KBS is verified with, or None.
        images: where it serves what pod VMs pull images with, see ``Place``.
        proof: its proof report; None of a stack that is older than the report.
        served: the resources (``default/SECRET/KEY``) that it serves; None where it does not say.
    """

    certificate: Output[str | None]
    images: Output[Mapping[str, str] | None]
    proof: Output[Mapping[str, Any] | None]
    served: Output[list[str] | None]


@dataclass(frozen=True, kw_only=True)
class TrustChainArgs:
    """What the chain follows from.

    Attributes:
        stack: the settings.
        versions: the version of each operator that the stack deploys.
        host: host of the Route, or None where another stack has the Trustee.
        kbs_url: URL of KBS.
        elsewhere: what another stack says of its Trustee, where this one has none.
    """

    stack: Settings
    versions: Foreseen
    host: Output[str] | None
    kbs_url: Output[str]
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True, kw_only=True)
class Presented:
    """What a TLS server presents.

    Attributes:
        certificate: its certificate and those of its issuers (PEM).
        private_key: the key of the first (PEM); secret.
    """

    certificate: Output[str]
    private_key: Output[str]


class TrustChain(pulumi.ComponentResource):
    """The chain, checked: an error in it ends the run before anything is created."""

    chain: Output[Chain]
    """Versions, documents, and what Trustee judges by."""
    certificate: Output[str | None]
    """PEM that KBS's certificate is verified with; None where a public authority signed it."""
    workload_initdata: Output[Mapping[str, Mapping[str, str]]]
    """The pod annotation of each workload's own initdata, by the workload's name."""
    presented: Presented | None
    """What Route or KBS presents to pod VMs; None for the router's own certificate."""
    warnings: Output[list[str]]
    """What is allowed and yet worth a second thought."""

    def __init__(self, name: str, args: TrustChainArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:TrustChain", name, None, opts)
        self._args = args
        self.certificate, self.presented = self._tls(name)
        found = Output.all(
            kbs_url=args.kbs_url,
            certificate=self.certificate,
            last=_last_run(),
            host=args.host or "",
            presented=self.presented.certificate if self.presented is not None else None,
            images=args.elsewhere.images if args.elsewhere is not None else None,
            proof=args.elsewhere.proof if args.elsewhere is not None else None,
            served=args.elsewhere.served if args.elsewhere is not None else None,
        ).apply(self._checked)
        self.chain = found.apply(lambda both: both[0])
        self.warnings = found.apply(lambda both: both[1])
        self.workload_initdata = self.chain.apply(lambda chain: chain.annotations)
        self._show_workloads(name)
        self.register_outputs({"warnings": self.warnings})

    def csv(self, package: str) -> Output[str]:
        """Return the operator's CSV, once the chain has been checked."""
        return self.chain.apply(lambda chain: chain.versions.csv[package])

    @property
    def judgement(self) -> Output[Judgement]:
        """What Trustee judges by; asked for only where the stack has a Trustee."""
        return self.chain.apply(_judgement)

    def _show_workloads(self, name: str) -> None:
        stack = self._args.stack
        if stack.initdata.workloads and stack.peer_pods.enabled:
            # No value of it is used: it is there to be seen. A preview names the workload whose initdata changes, and
            # the policy pack judges it by `input`. The engine leaves `output` at the value of the first run.
            pulumi.Stash(f"{name}-workload-initdata", input=self.workload_initdata, opts=ResourceOptions(parent=self))

    def _tls(self, name: str) -> tuple[Output[str | None], Presented | None]:
        said, host = self._args.stack.trustee, self._args.host
        if host is None:
            elsewhere = self._args.elsewhere
            return elsewhere.certificate if elsewhere is not None else Output.from_input(None), None
        if said.tls.made:
            made = made_tls(f"{name}-tls", host, said.rotation, ResourceOptions(parent=self), days=said.tls.valid_days)
            return made.ca.apply(_text), Presented(certificate=made.certificate, private_key=made.private_key)
        trusted = Output.from_input(said.tls.trusted)
        if said.tls.certificate is None or said.tls.key is None:
            return trusted, None
        certificate = Output.from_input(said.tls.certificate)
        return trusted, Presented(certificate=certificate, private_key=Output.secret(said.tls.key))

    def _checked(self, found: Mapping[str, object]) -> tuple[Chain, list[str]]:
        stack, now = self._args.stack, datetime.now(UTC)
        place = Place(
            kbs_url=str(found["kbs_url"]),
            certificate=_text(found["certificate"]),
            images=found["images"] or {} if stack.trustee.stack is not None else None,  # type: ignore[arg-type]
        )
        last = cast("LastRun", found["last"])
        try:
            versions = _versions(stack, {package: each.csv for package, each in self._args.versions.choices.items()})
            chain = build(stack, versions, place, last.earlier)
        except ValueError as error:
            raise pulumi.RunError(str(error)) from error
        problems = checks.problems(stack, chain, str(found["host"]), now, public_authorities.known())
        problems += remote.problems(stack, chain, found["proof"], found["served"])  # type: ignore[arg-type]
        if problems:
            raise pulumi.RunError(checks.describe(problems))
        warnings = checks.warnings(stack, chain, now, _text(found["presented"]))
        warnings += protocol.warnings(stack, chain, found["proof"])  # type: ignore[arg-type]
        warnings += history.warnings(stack, chain, last)
        for warning in warnings:
            pulumi.log.warn(warning, self)
        # Those of the versions are told where they were decided.
        return chain, [*self._args.versions.notes, *warnings]


def _versions(stack: Settings, csv: Mapping[str, str]) -> Versions:
    osc, trustee = csv.get(profiles.OSC_PACKAGE), csv.get(profiles.TRUSTEE_PACKAGE)
    return Versions(
        osc=profiles.osc(osc, stack.peer_pods.operator.treat_as) if osc else None,
        trustee=profiles.trustee(trustee, stack.trustee.operator.treat_as) if trustee else None,
        csv=csv,
    )


def _judgement(chain: Chain) -> Judgement:
    if chain.judgement is None:
        raise ValueError("this stack has no Trustee of its own")
    return chain.judgement


def _text(found: object) -> str | None:
    return None if found is None else str(found)


def _last_run() -> Output[LastRun]:
    """Return what the last finished run of this stack had.

    A stack may read its own outputs. They change only when a run comes to its end, because one of them waits for
    everything (``components.outputs``).
    """
    own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    found: Output[Mapping[str, Any]] = Output.from_input(_outputs(own))
    return found.apply(lambda said: history.read(said.get(PCR8_OUTPUT), said.get(PROOF_OUTPUT)))


async def _outputs(stack: str) -> Mapping[str, Any]:
    """Return the outputs of the running stack.

    Not by a StackReference: while the engine writes a state file, a reader may find it empty ("failed to load
    checkpoint: EOF"), and a resource that cannot be read ends the run. A function that fails can be called again.
    """
    for _ in range(_TRIES - 1):
        try:
            return await _read_outputs(stack)
        except Exception as error:  # noqa: BLE001 - pulumi raises nothing more precise
            pulumi.log.debug(f"the outputs of {stack} cannot be read yet: {error}")
            await asyncio.sleep(_PAUSE)
    return await _read_outputs(stack)


async def _read_outputs(stack: str) -> Mapping[str, Any]:
    found = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": stack})
    return dict(found["outputs"])
