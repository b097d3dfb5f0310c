"""Judging the TLS certificate of KBS before it is deployed: chain, names, validity and key.

The judges that matter are the client in the pod VM (CDH and attestation-agent: reqwest with rustls; rules of
rustls-webpki 0.102) and the server (KBS 0.3 on OpenSSL, which drops a key that does not match, and then fails every
handshake). Does not ask whether an authority is public, nor whether a certificate was revoked.

The client in a pod VM has a list of its own (webpki-roots), which is Mozilla's like that of every Linux distribution.
"""

import ssl
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from coco_azure.formats.pki import public_material
from coco_azure.formats.pki.public_material import is_authority, name_of

_WILDCARD_LABELS = 3


def problems(
    chain_pem: str,
    key_pem: str | None,
    host: str,
    now: datetime,
    *,
    roots_pem: str | None = None,
    public: Sequence[x509.Certificate] = (),
) -> list[str]:
    """Return everything that would keep a pod VM from trusting KBS at ``host``; each says found, needed, fix.

    Args:
        chain_pem: the certificate of KBS, then the certificates of its authorities, each signed by the next.
        key_pem: private key of the first certificate; None leaves the key out.
        host: DNS name that pod VMs connect to.
        now: the present, with a time zone.
        roots_pem: authorities that pod VMs are told to trust; None where it is a public one.
        public: the public ones as far as they are known; empty where nothing is known of them.
    """
    try:
        chain = public_material.certificates(chain_pem)
    except ValueError as error:
        return [str(error)]
    messages = pair_problems(chain_pem, key_pem)
    messages += [text for certificate in chain for text in outside_validity(certificate, now)]
    messages += _not_for(chain[0], host)
    return messages + (_not_public(chain, public) if roots_pem is None else _not_anchored(chain, roots_pem))


def pair_problems(chain_pem: str, key_pem: str | None) -> list[str]:
    """Return the problems that show without a host and without a clock; arguments as for ``problems``."""
    try:
        chain = public_material.certificates(chain_pem)
    except ValueError as error:
        return [str(error)]
    messages = _not_a_leaf(chain)
    messages += chain_problems(chain)
    messages += [text for certificate in chain for text in public_material.weak(certificate)]
    return messages + ([] if key_pem is None else public_material.key_problems(chain[0], key_pem))


def names(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names that a certificate is for; its common name is none of them."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def covers(pattern: str, host: str) -> bool:
    """Return whether a DNS name of a certificate is good for ``host``.

    ``*`` stands for exactly one label, the whole first one, and at least two labels must follow it.
    """
    wanted, labels = host.lower().split("."), pattern.lower().split(".")
    if len(wanted) != len(labels) or "*" in "".join(labels[1:]):
        return False
    if labels[0] == "*":
        return len(labels) >= _WILDCARD_LABELS and wanted[0] != "" and wanted[1:] == labels[1:]
    return "*" not in labels[0] and wanted == labels


def expiry(chain_pem: str) -> datetime:
    """Return when the first certificate of a chain to expire does (UTC); raises as ``public_material.certificates``."""
    return min(certificate.not_valid_after_utc for certificate in public_material.certificates(chain_pem))


def expires_within(chain_pem: str, now: datetime, days: int) -> str | None:
    """Return a warning if a certificate of the chain expires in the next ``days`` days or has expired, else None."""
    end = expiry(chain_pem)
    if end - now > timedelta(days=days):
        return None
    # Without the days that are left: the text is a stack output, which would change every day.
    when = "expires" if end > now else "has expired"
    return f"a certificate of the chain {when} at {_time(end)}; pods get no secret from then on. Renew it"


def fingerprint(pem: str) -> str:
    """Return the hexadecimal SHA-256 of the first certificate's DER; raises as ``public_material.certificates``."""
    return public_material.certificates(pem)[0].fingerprint(hashes.SHA256()).hex()


def split(chain_pem: str) -> tuple[str, str]:
    """Return the leaf and the rest of a chain as PEM, as a Route wants them: ``certificate`` and ``caCertificate``.

    Raises:
        ValueError: as ``public_material.certificates`` does.
    """
    texts = [certificate.public_bytes(Encoding.PEM).decode() for certificate in public_material.certificates(chain_pem)]
    return texts[0], "".join(texts[1:])


def self_signed(certificate: x509.Certificate) -> bool:
    """Return whether a certificate was signed with its own key."""
    return _issued(certificate, certificate)


def chain_problems(chain: Sequence[x509.Certificate]) -> list[str]:
    """Return the places where a certificate was not signed by the next one, or by one that is no authority."""
    messages = []
    for certificate, issuer in pairwise(chain):
        if not _issued(certificate, issuer):
            issued_by_other = any(_issued(certificate, other) for other in chain if other != certificate)
            messages.append(
                f"the chain is {'out of order' if issued_by_other else 'incomplete'}: {name_of(certificate)} is "
                f"followed by {name_of(issuer)}, which did not sign it; needed {certificate.issuer.rfc4514_string()} "
                "there. Write the leaf first and each issuer after what it signed: cat leaf.pem intermediate.pem > "
                "chain.pem"
            )
        elif not is_authority(issuer):
            messages.append(
                f"{name_of(issuer)} signed {name_of(certificate)}, but is no authority (found CA:FALSE, needed "
                "CA:TRUE in its basic constraints). Have the leaf signed by an authority"
            )
    return messages


def outside_validity(certificate: x509.Certificate, now: datetime) -> list[str]:
    """Return whether a certificate has expired or is not valid yet, as a problem."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < start:
        return [f"{name_of(certificate)} is not valid before {_time(start)}, and it is {_time(now)}. Deploy it then"]
    if now > end:
        return [f"{name_of(certificate)} expired at {_time(end)}, and it is {_time(now)}. Renew it"]
    return []


def _not_a_leaf(chain: Sequence[x509.Certificate]) -> list[str]:
    leaf = chain[0]
    messages = []
    if is_authority(leaf):
        messages.append(
            f"the first certificate, {name_of(leaf)}, is one of an authority (found CA:TRUE); pod VMs refuse it as a "
            "server's (CaUsedAsEndEntity). Put the server's certificate first, or make one with: openssl req -x509 "
            "-addext basicConstraints=critical,CA:FALSE"
        )
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return messages
    if ExtendedKeyUsageOID.SERVER_AUTH not in uses:
        uses_text = ", ".join(use._name for use in uses)  # noqa: SLF001 - an OID has no public name
        messages.append(
            f"{name_of(leaf)} may not be a server's: its extended key usage is {uses_text}; needed serverAuth. "
            "Ask for it with: openssl req -addext extendedKeyUsage=serverAuth"
        )
    return messages


def _not_for(leaf: x509.Certificate, host: str) -> list[str]:
    dns_names = names(leaf)
    if any(covers(name, host) for name in dns_names):
        return []
    description = (
        f"found {', '.join(dns_names)}" if dns_names else "found no DNS names there (the common name does not count)"
    )
    wildcard = "*." + host.partition(".")[2]
    return [
        (
            f"{name_of(leaf)} is not for {host}: {description}; needed {host} or {wildcard} among its subject "
            f"alternative names. Ask for it with: openssl req -addext subjectAltName=DNS:{host}"
        )
    ]


def _not_public(chain: Sequence[x509.Certificate], public: Sequence[x509.Certificate]) -> list[str]:
    last = chain[-1]
    # Public authorities sign with intermediates, and private ones must be named: a leaf alone misses something.
    if len(chain) == 1 and not self_signed(last):
        return [
            (
                f"the chain is incomplete: it ends at the leaf, {name_of(last)}; needed the certificate of "
                f"{last.issuer.rfc4514_string()}. Append it to the chain, or name it as the private authority "
                "(caCertificateFile)"
            )
        ]
    known = {root.subject: root for root in public}
    signed = (_issued(each, known[each.issuer]) for each in chain if each.issuer in known)
    if not public or any(signed) or any(each in public for each in chain):
        return []
    return [
        (
            f"{last.issuer.rfc4514_string()} is none of the {len(known)} public authorities that this machine knows. "
            "Pod VMs know public ones only, and would refuse the certificate (UnknownIssuer). Name the certificate of "
            "that authority in caCertificateFile; initdata then tells it to pod VMs"
        )
    ]


def _not_anchored(chain: Sequence[x509.Certificate], roots_pem: str) -> list[str]:
    last = chain[-1]
    needed = f"needed the certificate of {last.issuer.rfc4514_string()}"
    try:
        roots = public_material.certificates(roots_pem)
    except ValueError as error:
        return [f"the authority (caCertificateFile): {error}"]
    if any(_issued(certificate, root) for certificate in chain for root in roots):
        return []
    trusted = ", ".join(name_of(root) for root in roots)
    return [
        (
            f"no certificate of the chain was signed by the authority that pod VMs would trust: found {trusted}; "
            f"{needed}. Name that one in caCertificateFile, or append what is missing between them to the chain"
        )
    ]


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library verifies no SHA-1 and MD5. That is told as a weak signature, and the chain not called broken too.
        return public_material.weakly_signed(certificate) and certificate.issuer == issuer.subject
    except InvalidSignature:
        return False
    return True


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


@cache
def public_authorities() -> tuple[x509.Certificate, ...]:
    """Return the authorities that this machine trusts; empty where it has no list."""
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an authority's odd serial number is not ours to mend
        return tuple(x509.load_der_x509_certificate(der) for der in authorities)
