"""Settings of Trustee's TLS, of its token signer, and of their rotation.

The host of KBS is known only with the cluster's domain. What depends on it is judged by ``check``, which the program
calls before it changes anything.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from cryptography import x509
from pydantic import Field, SecretStr, model_validator

from coco_azure.formats.pki import certificates, public_material, signer
from coco_azure.settings.base import CertificatesFile, Model, SecretFile
from coco_azure.versions.profiles import Token


class _Pair(Model):
    """A certificate and its private key, both of them or neither."""

    certificate: CertificatesFile | None = Field(default=None, alias="certificateFile")
    """PEM file of the certificate, followed by those of its issuers."""
    private_key: SecretStr | None = None
    """Private key (PEM) of the certificate, as secret config."""
    private_key_file: SecretFile | None = None
    """PEM file of the private key, instead of ``privateKey``; keep it out of version control."""

    @property
    def key(self) -> str | None:
        """The private key as PEM, wherever it was said."""
        material = self.private_key or self.private_key_file
        return material.get_secret_value() if material is not None else None

    @model_validator(mode="after")
    def _is_a_pair(self) -> "_Pair":
        if self.private_key is not None and self.private_key_file is not None:
            raise ValueError("privateKey and privateKeyFile are both set; needed one of them. Remove the other")
        if self.certificate is not None and self.key is None:
            raise ValueError(
                "certificateFile is set without a key; needed both. Add privateKey (set it with: pulumi config set "
                "--secret --path) or privateKeyFile, or leave certificateFile out"
            )
        if self.certificate is None and self.key is not None:
            raise ValueError("a private key is set without certificateFile; needed both. Add it, or remove the key")
        return self


class TlsSettings(_Pair):
    """How pod VMs reach KBS over TLS."""

    termination: Literal["edge", "passthrough"] = "edge"
    """edge: the router serves https, and talks http to KBS, as in the chapter. passthrough: KBS serves https itself."""
    ca_certificate: CertificatesFile | None = Field(default=None, alias="caCertificateFile")
    """PEM file of the private authority that signed the certificate (or the cluster's own); goes into initdata."""
    valid_days: int = Field(default=365, ge=1, le=3650)
    """How long a certificate that the stack makes is valid (passthrough without certificateFile)."""

    @property
    def made(self) -> bool:
        """Whether the stack makes the certificate and its authority."""
        return self.termination == "passthrough" and self.certificate is None

    @property
    def issued(self) -> bool:
        """Whether certificates of issuers follow the user's own."""
        return self.certificate is not None and bool(certificates.split(self.certificate)[1])

    @property
    def trusted(self) -> str | None:
        """What pod VMs must be told to trust (PEM): the private authority, or a certificate that signed itself.

        None where a public authority signed, and where the stack makes the authority.
        """
        if self.ca_certificate is not None or self.certificate is None:
            return self.ca_certificate
        leaf = public_material.certificates(self.certificate)[0]
        return certificates.split(self.certificate)[0] if certificates.self_signed(leaf) else None

    @model_validator(mode="after")
    def _combination(self) -> "TlsSettings":
        if self.made and self.ca_certificate is not None:
            raise ValueError(
                "caCertificateFile is set, but with termination passthrough and no certificateFile the stack makes an "
                "authority of its own. Add certificateFile and its key, or leave caCertificateFile out"
            )
        if not self.made and "valid_days" in self.model_fields_set:
            raise ValueError(
                "validDays is for a certificate that the stack makes (termination passthrough without "
                "certificateFile). Remove it"
            )
        if self.certificate is not None and (problems := certificates.pair_problems(self.certificate, self.key)):
            raise ValueError("certificateFile: " + "; ".join(problems))
        return self


class TokenSignerSettings(_Pair):
    """Who signs attestation tokens; without certificateFile the stack makes key and certificate."""

    certificate: CertificatesFile | None = Field(default=None, alias="certificateFile")
    """PEM file of its certificate: one that signed itself, and no other one in the file."""
    valid_days: int = Field(default=3650, ge=1, le=7300)
    """How long a signer that the stack makes is valid; KBS accepts no token afterwards."""


class RotationSettings(Model):
    """Generations of what the stack makes itself: raise a number by one, and the next ``pulumi up`` makes a new one."""

    admin_key: int = Field(default=1, ge=1)
    """Generation of the key pair of KBS's administrator."""
    tls: int = Field(default=1, ge=1)
    """Generation of the certificate that KBS serves (passthrough)."""
    tls_authority: int = Field(default=1, ge=1)
    """Generation of the authority that signs it; a new one changes initdata."""
    token_signer: int = Field(default=1, ge=1)
    """Generation of the signer of attestation tokens."""
    overlap: bool = True
    """Whether the generation before is still accepted; false ends it."""


def check(tls: TlsSettings, host: str, now: datetime, public: Sequence[x509.Certificate] = ()) -> list[str]:
    """Return the problems of a user's own certificate at the host that pod VMs connect to, each with its remediation.

    Args:
        tls: the settings; nothing is found where the user brings no certificate.
        now: the present, with a time zone.
        public: the public authorities as far as they are known.
    """
    if tls.certificate is None:
        return []
    messages = certificates.problems(tls.certificate, tls.key, host, now, roots_pem=tls.trusted, public=public)
    return [f"trustee.tls.certificateFile: {text}" for text in messages]


def check_signer(settings: TokenSignerSettings, token: Token, now: datetime) -> list[str]:
    """Return the problems of a user's own token signer for the type of token of the deployed version."""
    if settings.certificate is None or settings.key is None:
        return []
    messages = signer.problems(token, settings.certificate, settings.key, now)
    return [f"trustee.tokenSigner.certificateFile: {text}" for text in messages]
