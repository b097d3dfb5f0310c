"""TLS of KBS where the user brings no certificate: an authority and a server certificate, made once and kept.

initdata carries the authority, so a new server certificate changes no initdata.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from pulumi import Input, Output, ResourceOptions

from coco_azure.formats.pki import certificates, issuing
from coco_azure.settings.tls import RotationSettings
from components.trustee.keys import generations, kept_secret, resource_name

_AUTHORITY_DAYS = 7300


@dataclass(frozen=True, kw_only=True)
class MadeTls:
    """What was made.

    Attributes:
        ca: certificate of the authority (PEM), for initdata; no secret.
        certificate: the chain that KBS serves (PEM); no secret. While authorities overlap it ends with the new
            authority as the old one signed it, so that pods which know only the old one go on.
        private_key: key of the chain's first certificate (PEM); secret.
    """

    ca: Output[str]
    certificate: Output[str]
    private_key: Output[str]


def made_tls(name: str, host: Input[str], rotation: RotationSettings, opts: ResourceOptions, *, days: int) -> MadeTls:
    """Return an authority and a server certificate that it signed.

    The certificate is made anew when ``rotation.tls``, the host, ``days`` or the authority changes; a preview shows it
    as a replaced or created resource.

    Args:
        name: the resources are ``<name>-ca`` and ``<name>-leaf``.
        host: DNS name that pod VMs connect to.
        rotation: generations of the certificate and of the authority.
        days: how long the server certificate is valid.
    """
    now = datetime.now(UTC)

    def authority() -> str:
        # Names differ, so that the two of an overlap are told apart.
        title = f"coco-azure KBS authority {now:%Y-%m-%d} {rotation.tls_authority}"
        return _text(issuing.make_ca(title, now, _AUTHORITY_DAYS))

    current, previous = generations(f"{name}-ca", rotation.tls_authority, authority, opts, overlap=rotation.overlap)
    ca = _plain(current)
    leaf = kept_secret(
        resource_name(f"{name}-leaf", rotation.tls),
        Output.all(current, host).apply(lambda both: _text(issuing.issue(*_pair(both[0]), both[1], now, days))),
        _remade_with(opts, [ca.apply(certificates.fingerprint), host, str(days)]),
    )
    chain = _plain(leaf)
    if previous is not None:
        chain = Output.concat(chain, _cross(name, current, previous, rotation, opts))
    return MadeTls(ca=ca, certificate=chain, private_key=leaf.apply(lambda text: _pair(text)[1]))


def _cross(
    name: str, current: Output[str], previous: Output[str], rotation: RotationSettings, opts: ResourceOptions
) -> Output[str]:
    """Return the new authority's certificate as the old authority signed it."""
    now = datetime.now(UTC)
    made = Output.all(current, previous).apply(lambda both: issuing.cross_sign(_pair(both[0])[0], *_pair(both[1]), now))
    fingerprints = [_plain(each).apply(certificates.fingerprint) for each in (current, previous)]
    kept = kept_secret(
        resource_name(f"{name}-ca-cross", rotation.tls_authority), made, _remade_with(opts, fingerprints)
    )
    return cast("Output[str]", Output.unsecret(kept))


def _remade_with(opts: ResourceOptions, parts: Sequence[Input[str]]) -> ResourceOptions:
    trigger = Output.all(*parts).apply(" ".join)
    return ResourceOptions.merge(opts, ResourceOptions(replacement_trigger=trigger))


def _text(pair: tuple[str, str]) -> str:
    return json.dumps({"certificate": pair[0], "key": pair[1]})


def _pair(text: str) -> tuple[str, str]:
    pair = json.loads(text)
    return pair["certificate"], pair["key"]


def _plain(kept: Output[str]) -> Output[str]:
    return cast("Output[str]", Output.unsecret(kept.apply(lambda text: _pair(text)[0])))
