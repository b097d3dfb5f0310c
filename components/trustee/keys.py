"""Keys of one Trustee that the stack makes and keeps, or takes from the settings: administrator and token signer.

Both lie in the Secret that every version of the operator mounts beside KBS's configuration, outside of what KBS serves.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pulumi
from pulumi import Input, Output, ResourceOptions

from coco_azure.formats.pki import issuing
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.settings import Settings
from coco_azure.settings.tls import RotationSettings
from coco_azure.settings.trustee import TrusteeSettings
from coco_azure.trust import secret_bindings
from coco_azure.trust.chain import Judgement
from coco_azure.versions.profiles import Token


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


def kept_secret(name: str, fresh: Input[str], opts: ResourceOptions) -> Output[str]:
    """Return the first value that this resource was ever given, as a secret.

    Args:
        name: name of the resource that keeps the value; to make a new one, replace it:
            ``pulumi up --target-replace <urn>``, or give ``opts`` a ``replacement_trigger``.
        fresh: a newly made value; used only by the run that creates or replaces the resource. A preview of that run
            shows another one than the run will make.
    """
    # Without ignore_changes the fresh value of every run would show as an update.
    stash = pulumi.Stash(
        name, input=Output.secret(fresh), opts=ResourceOptions.merge(opts, ResourceOptions(ignore_changes=["input"]))
    )
    return Output.secret(stash.output.apply(str))


def generations(
    name: str, generation: int, make: Callable[[], Input[str]], opts: ResourceOptions, *, overlap: bool
) -> tuple[Output[str], Output[str] | None]:
    """Return the value of a generation, and that of the one before it, as secrets.

    Raise the generation by one to get a new value: the old one is kept as the previous one. Raised by two, the previous
    one is as new as the current one, and the old one is gone. Lowered by one, the old value is back.

    Args:
        name: name of the resource of generation 1; that of generation 3 is ``<name>-3``.
        generation: number of the generation that is wanted, from 1.
        make: makes a value. It is called for each generation at every run, so it must be quick.
        overlap: False ends the previous generation: its value is deleted, and None is returned for it.
    """
    current = kept_secret(resource_name(name, generation), make(), opts)
    if generation == 1 or not overlap:
        return current, None
    return current, kept_secret(resource_name(name, generation - 1), make(), opts)


def resource_name(name: str, generation: int) -> str:
    """Return the name of the resource that keeps a generation; the first has no number, as in older stacks."""
    return name if generation == 1 else f"{name}-{generation}"


Files = Mapping[str, Output[bytes]]


def administrator(name: str, settings: TrusteeSettings, opts: ResourceOptions) -> tuple[Output[str], Files]:
    """Return the administrator's private key, secret, and the files of public keys that KBS accepts.

    The file of the generation before is there while the two overlap; versions that take one key only do not read it.
    """
    if settings.admin_private_key is not None:
        key = Output.secret(settings.admin_private_key.get_secret_value())
        return key, {"publicKey": _public(key)}
    current, previous = generations(
        name, settings.rotation.admin_key, issuing.generate_private_key, opts, overlap=settings.rotation.overlap
    )
    files = {"publicKey": _public(current)}
    if previous is not None:
        files["previousPublicKey"] = _public(previous)
    return current, files


def signer(name: str, settings: TrusteeSettings, judgement: Output[Judgement], opts: ResourceOptions) -> Files:
    """Return the files of the token signer: its key, its certificate, and that of the generation before."""
    own = settings.token_signer
    if own.certificate is not None and own.key is not None:
        key, certificate = Output.secret(own.key), Output.from_input(own.certificate)
        return {"token.key": _file(key), "token.crt": _file(certificate)}
    token: Output[Token] = judgement.apply(lambda made: made.profile.token)
    made = kept_signer(name, token, settings.rotation, opts, days=own.valid_days)
    files = {"token.key": _file(made.private_key), "token.crt": _file(made.certificate)}
    if made.previous is not None:
        files["previous-token.crt"] = _file(made.previous)
    return files


def _public(private_key: Output[str]) -> Output[bytes]:
    return private_key.apply(lambda pem: issuing.public_key(pem).encode())


def _file(text: Output[str]) -> Output[bytes]:
    return text.apply(str.encode)


def look_at_existing(stack: Settings, reader: Reads) -> Mapping[str, str]:
    """Return a digest of each Secret of others whose change rolls KBS out, by its name; a secret each.

    Raises:
        pulumi.RunError: one is missing, or a key of it; nothing has been changed.
    """
    secrets = secret_bindings.read_existing(reader, stack)
    if problems := secret_bindings.existing_problems(stack, secrets):
        raise pulumi.RunError("\n".join(problems))
    return secret_bindings.rolling(stack, secrets)
