"""Keys of one Trustee that the stack makes and keeps, or takes from the settings: administrator and token signer.

Both lie in the Secret that every version of the operator mounts beside KBS's configuration, outside of what KBS serves.
"""

from collections.abc import Mapping

from pulumi import Output, ResourceOptions

from coco_azure.formats.pki import keys
from coco_azure.settings.trustee import TrusteeSettings
from coco_azure.trust.chain import Judgement
from coco_azure.versions.profiles import Token
from components.trustee.kept_secret import generations
from components.trustee.token_signer import kept_signer

Files = Mapping[str, Output[bytes]]


def administrator(name: str, settings: TrusteeSettings, opts: ResourceOptions) -> tuple[Output[str], Files]:
    """Return the administrator's private key, secret, and the files of public keys that KBS accepts.

    The file of the generation before is there while the two overlap; versions that take one key only do not read it.
    """
    if settings.admin_private_key is not None:
        key = Output.secret(settings.admin_private_key.get_secret_value())
        return key, {"publicKey": _public(key)}
    current, previous = generations(
        name, settings.rotation.admin_key, keys.generate_private_key, opts, overlap=settings.rotation.overlap
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
    return private_key.apply(lambda pem: keys.public_key(pem).encode())


def _file(text: Output[str]) -> Output[bytes]:
    return text.apply(str.encode)
