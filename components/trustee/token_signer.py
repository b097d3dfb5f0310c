"""The signer of attestation tokens where the user brings none: key and certificate, made once and kept."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from pulumi import Input, Output, ResourceOptions

from coco_azure.formats.pki import issuing
from coco_azure.settings.tls import RotationSettings
from coco_azure.versions.profiles import Token
from components.trustee.kept_secret import generations


@dataclass(frozen=True, kw_only=True)
class KeptSigner:
    """What was made.

    Attributes:
        certificate: certificate of the signer (PEM), which KBS also trusts; no secret.
        private_key: its key (PEM); secret.
        previous: certificate of the generation before, which KBS trusts as well until the overlap ends; no secret. None
            where there is none.
    """

    certificate: Output[str]
    private_key: Output[str]
    previous: Output[str] | None


def kept_signer(
    name: str, token: Input[Token], rotation: RotationSettings, opts: ResourceOptions, *, days: int = 3650
) -> KeptSigner:
    """Return the kept signer; it is made anew when ``rotation.tokenSigner`` or the type of the token changes.

    Args:
        name: name of the resource that keeps it.
        token: type of the token of the deployed version of Trustee.
        rotation: generation of the signer.
        opts: options of the resources, such as their parent.
        days: how long a new signer is valid.
    """
    now = datetime.now(UTC)
    kind: Output[Token] = Output.from_input(token)
    remade = ResourceOptions.merge(opts, ResourceOptions(replacement_trigger=kind))

    def make() -> Output[str]:
        return kind.apply(lambda known: json.dumps(issuing.make_signer(known, now, days)))

    current, previous = generations(name, rotation.token_signer, make, remade, overlap=rotation.overlap)
    return KeptSigner(
        certificate=_certificate(current),
        private_key=current.apply(lambda text: str(json.loads(text)[1])),
        previous=None if previous is None else _certificate(previous),
    )


def _certificate(kept: Output[str]) -> Output[str]:
    return cast("Output[str]", Output.unsecret(kept.apply(lambda text: str(json.loads(text)[0]))))
