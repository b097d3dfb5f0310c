"""The trust chain as Pulumi sees it: what the pure ``trust`` package decides, from values that come with time.

Adds to it what only a running stack knows: the versions, the certificates that the stack keeps, and what an earlier run
deployed. Nothing is created before the chain has been checked: every operator's namespace follows from ``csv``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pulumi
from pulumi import Output, ResourceOptions

from coco_azure import names
from coco_azure.clients import image_measurements, stack_history
from coco_azure.formats.images.measured_image import MeasuredImage
from coco_azure.formats.pki import certificates
from coco_azure.settings import Settings
from coco_azure.trust import checks, history, protocol
from coco_azure.trust import remote_trustee as remote
from coco_azure.trust import values as chain_values
from coco_azure.trust.chain import Chain, Judgement, Versions, build
from coco_azure.trust.documents import KbsEndpoint
from coco_azure.trust.history import LastRun
from coco_azure.trust.values import AcceptedImages
from coco_azure.versions import profiles
from components import refusal
from components.operators.versions import ChosenVersions
from components.trustee.tls import made_tls

PCR8_OUTPUT = "initdataPcr8"
"""Stack output with PCR 8 of each document; the next run reads it to know what pods may still have."""
ANNOTATIONS_OUTPUT = "workloadInitdata"
"""Stack output with the pod annotation of each workload; the next run still has it accepted."""
SERVES_OUTPUT = "trusteeContent"
"""Stack output that changes whenever what KBS reads changes."""
MEASURED_OUTPUT = "measuredImages"
"""Stack output with the pod VM images that are accepted, and their measurements; the next run fetches them no more."""
PROOF_OUTPUT = "proof"
"""Stack output: the proof report without the outcome of the check, which is ``attested``; known at preview."""


@dataclass(frozen=True, kw_only=True)
class RemoteTrusteeOutputs:
    """What another stack says of its Trustee.

    Attributes:
        certificate: PEM that the certificate of its KBS is verified with, or None.
        images: where it serves what pod VMs pull images with, see ``KbsEndpoint``.
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
        versions: the version of each operator that the stack deploys.
        host: host of the Route, or None where another stack has the Trustee.
        build: which of the operator's pod VM images there is when the run has come to its end.
        remote: what another stack says of its Trustee, where this one has none.
    """

    stack: Settings
    versions: ChosenVersions
    host: Output[str] | None
    kbs_url: Output[str]
    build: str = ""
    remote: RemoteTrusteeOutputs | None = None


@dataclass(frozen=True, kw_only=True)
class ServerCertificate:
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
    last_initdata: Mapping[str, Mapping[str, str]]
    """The same of the last finished run; none where there was none."""
    deployed: bool
    """Whether the last finished run had a Trustee of its own."""
    images: AcceptedImages | None
    """The pod VM images whose signed measurements are accepted; None where the settings name none."""
    server_certificate: ServerCertificate | None
    """What Route or KBS presents to pod VMs; None for the router's own certificate."""
    warnings: Output[list[str]]
    """What is allowed and yet worth a second thought."""

    def __init__(self, name: str, args: TrustChainArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:TrustChain", name, None, opts)
        self._args = args
        self.certificate, self.server_certificate = self._tls(name)
        last = stack_history.own_outputs()
        self.deployed = SERVES_OUTPUT in last
        self.last_initdata = last.get(ANNOTATIONS_OUTPUT) or {}
        self.images = self._measured_images(last.get(MEASURED_OUTPUT))
        inputs = Output.all(
            kbs_url=args.kbs_url,
            certificate=self.certificate,
            last=history.read(last.get(PCR8_OUTPUT), last.get(PROOF_OUTPUT)),
            host=args.host or "",
            server_certificate=self.server_certificate.certificate if self.server_certificate is not None else None,
            images=args.remote.images if args.remote is not None else None,
            proof=args.remote.proof if args.remote is not None else None,
            served=args.remote.served if args.remote is not None else None,
        ).apply(self._checked)
        self.chain = inputs.apply(lambda both: both[0])
        self.warnings = inputs.apply(lambda both: both[1])
        self.workload_initdata = self.chain.apply(lambda chain: chain.annotations)
        self._show_workloads(name)
        self.register_outputs({"warnings": self.warnings})

    def csv(self, package: str) -> Output[str]:
        """Return the operator's CSV, once the chain has been checked."""
        return self.chain.apply(lambda chain: chain.versions.csv[package])

    @property
    def initdata_annotation(self) -> Output[str]:
        """The pod annotation that holds initdata; asked for only where the stack has peer pods."""
        return self.chain.apply(lambda chain: chain.versions.osc.initdata_annotation if chain.versions.osc else "")

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

    def _tls(self, name: str) -> tuple[Output[str | None], ServerCertificate | None]:
        trustee, host = self._args.stack.trustee, self._args.host
        if host is None:
            remote = self._args.remote
            return remote.certificate if remote is not None else Output.from_input(None), None
        if trustee.tls.made:
            made = made_tls(
                f"{name}-tls", host, trustee.rotation, ResourceOptions(parent=self), days=trustee.tls.valid_days
            )
            return made.ca.apply(_text), ServerCertificate(certificate=made.certificate, private_key=made.private_key)
        trusted = Output.from_input(trustee.tls.trusted)
        if trustee.tls.certificate is None or trustee.tls.key is None:
            return trusted, None
        certificate = Output.from_input(trustee.tls.certificate)
        return trusted, ServerCertificate(certificate=certificate, private_key=Output.secret(trustee.tls.key))

    def _measured_images(self, last: Mapping[str, Any] | None) -> AcceptedImages | None:
        csv = self._args.versions.csv(names.OSC_PACKAGE)
        try:
            return chain_values.choose(self._args.stack, csv, self._args.build, last, self._fetch)
        except ValueError as error:
            raise pulumi.RunError(str(error)) from error

    def _fetch(self, reference: str, key: str) -> MeasuredImage:
        # Told without a resource: what is told of one comes when the program has ended.
        moved = self._args.stack.trustee.registry_mirrors
        return image_measurements.fetch(reference, key, pulumi.log.info, moved)

    @refusal.one_error()
    def _checked(self, values: Mapping[str, object]) -> tuple[Chain, list[str]]:
        stack, now = self._args.stack, datetime.now(UTC)
        kbs = KbsEndpoint(
            kbs_url=str(values["kbs_url"]),
            certificate=_text(values["certificate"]),
            images=values["images"] or {} if stack.trustee.stack is not None else None,  # type: ignore[arg-type]
        )
        last = cast("LastRun", values["last"])
        try:
            versions = _versions(stack, {package: each.csv for package, each in self._args.versions.choices.items()})
            chain = build(stack, versions, kbs, last.earlier, self.images.images if self.images else ())
        except ValueError as error:
            raise pulumi.RunError(str(error)) from error
        problems = checks.problems(stack, chain, str(values["host"]), now, certificates.public_authorities())
        problems += remote.problems(stack, chain, values["proof"], values["served"])  # type: ignore[arg-type]
        if problems:
            raise pulumi.RunError(checks.describe(problems))
        warnings = checks.warnings(stack, chain, now, _text(values["server_certificate"]))
        warnings += protocol.warnings(stack, chain, values["proof"])  # type: ignore[arg-type]
        warnings += history.warnings(stack, chain, last)
        warnings += chain_values.warnings(self.images)
        for warning in warnings:
            if text := stack.accepted_risks.advice(warning):
                pulumi.log.warn(text, self)
        # Those of the versions are told where they were decided.
        return chain, [*self._args.versions.notes, *warnings]


def _versions(stack: Settings, csv: Mapping[str, str]) -> Versions:
    osc, trustee = csv.get(names.OSC_PACKAGE), csv.get(names.TRUSTEE_PACKAGE)
    return Versions(
        osc=profiles.osc(osc, stack.peer_pods.operator.treat_as) if osc else None,
        trustee=profiles.trustee(trustee, stack.trustee.operator.treat_as) if trustee else None,
        csv=csv,
    )


def _judgement(chain: Chain) -> Judgement:
    if chain.judgement is None:
        raise ValueError("this stack has no Trustee of its own")
    return chain.judgement


def _text(value: object) -> str | None:
    return None if value is None else str(value)
