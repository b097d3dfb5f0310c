"""A model of the key broker service (KBS) of Trustee 0.3 to 1.2, with its built-in attestation service.

It refuses at start what the real one refuses, reads per request what the real one reads per request (policies,
reference values, resources), and evaluates policies with the engine that Trustee embeds (regorus). Sources:
openshift/trustee ``kbs/src/api_server.rs`` and ``kbs/src/plugins`` at each tag. The evidence itself is taken for
genuine: signatures of a TEE cannot be made here.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from rehearsal.kubelet import policy
from rehearsal.kubelet.kbs import access_log, admin, defaults, schema, signing, versions
from rehearsal.kubelet.kbs.access_log import AccessLog
from rehearsal.kubelet.kbs.attestation import BUILT_IN, AttestationService
from rehearsal.kubelet.kbs.disk import Disk, DiskError, Files
from rehearsal.kubelet.kbs.model import DeniedError, Evidence, StartError, unauthorized
from rehearsal.kubelet.kbs.references import storage
from rehearsal.kubelet.kbs.signing import Signer
from rehearsal.kubelet.kbs.versions import Version

_PORT = "8080"  # what the operator's Service leads to
_PART = r"[a-zA-Z0-9_\-]+[a-zA-Z0-9_\-\.]*"
_RESOURCE = re.compile(rf"(?:(?P<repository>{_PART})/)?(?P<type>{_PART})/(?P<tag>{_PART})")


def _utc() -> datetime:
    return datetime.now(UTC)


class Kbs:
    """One running KBS.

    Attributes:
        https: whether it serves https.
        unreachable: why nobody reaches it through the Service although it runs, or None.
        log: what it writes of requests.
        signer: who signs its tokens.
    """

    def __init__(self, config: Mapping[str, Any], files: Files, version: Version, now: Callable[[], datetime]) -> None:
        """Start with a configuration that has been parsed; raises StartError, in the order of the real one."""
        self._config, self._files, self._version, self._now = config, files, version, now
        self.log = AccessLog(now, coloured=version.asks_for_references)
        self._written: dict[str, str] = {}
        disk = self._disk()
        for plugin in config["plugins"]:
            if plugin.get("dir_path") == "":
                raise StartError("PluginManager initialization failed: Permission denied: /default")
        self._trusted = self._trust(disk)
        self._policy_path = self._own_policy(disk)
        admin.check(config["admin"], version, disk)
        self._service = AttestationService(config, version, self._disk, now)
        self.signer = Signer.load(self._service.signer, self._service.token, disk)
        server = config["http_server"]
        self.https = not server["insecure_http"]
        broken = signing.tls(server, disk) if self.https else None
        self.unreachable = not_listening(server["sockets"]) or broken

    @classmethod
    def start(cls, path: str, files: Files, version: str = "0.3.0", now: Callable[[], datetime] | None = None) -> "Kbs":
        """Return a KBS that serves.

        Args:
            path: of its configuration.
            files: what is mounted now, by absolute path; asked again for each request.
            version: version of Trustee, such as ``1.2.1``.
            now: the time in UTC; that of this machine where it is left out.

        Raises:
            StartError: as the real one's last words.
        """
        number = versions.of(version)
        mounted = files()
        if path not in mounted:
            raise StartError(f'configuration file "{path}" not found')
        return cls(schema.parse(path, mounted[path], number), files, number, now or _utc)

    def release(self, resource: str, evidence: Evidence, protocol: str | None = None) -> bytes:
        """Return the resource ``<repository>/<type>/<tag>`` to who proves ``evidence``.

        Args:
            resource: what is asked for.
            evidence: what the guest proves.
            protocol: version of the RCAR protocol that the guest speaks; None: that of this KBS.

        Raises:
            DeniedError: the guest speaks another version, attestation failed, a policy says no, or there is no such
                resource.
        """
        try:
            token = self._handshake(evidence, protocol)
        except DeniedError as error:
            step = access_log.step_of(error) or "attest"
            if step == "attest":
                self.log.granted("auth")
            self.log.denied(step, error)
            raise
        self.log.granted("auth", "attest")
        return self.release_to_bearer(resource, token, self.signer)

    def _handshake(self, evidence: Evidence, protocol: str | None) -> dict[str, Any]:
        if protocol is not None and protocol != self._version.protocol:
            raise unauthorized(
                "AttestationError: RCAR handshake Auth failed: KBS Client Protocol Version Mismatch: expect "
                f"={self._version.protocol} while the request is {protocol}"
            )
        return self.attested(evidence)

    def attested(self, evidence: Evidence) -> dict[str, Any]:
        """Return the claims of the token that the attestation service gives for this evidence; raises DeniedError."""
        token = self._service.attest(evidence)
        if reason := self.signer.cannot_sign():
            raise unauthorized(f"AttestationError: RCAR handshake Attest failed: {reason}")
        return token

    def release_to_bearer(self, resource: str, token: Mapping[str, Any], signer: Signer) -> bytes:
        """Return the resource to who brings a token with these claims.

        Args:
            resource: what is asked for.
            token: its claims.
            signer: who has signed it, which may be anybody: the key stands in the token's header.

        Raises:
            DeniedError: KBS does not trust the signer, the policy says no, or there is no such resource.
        """
        try:
            content = self._released(resource, token, signer)
        except DeniedError as error:
            self.log.denied(resource, error)
            raise
        self.log.granted(resource)
        return content

    def _released(self, resource: str, token: Mapping[str, Any], signer: Signer) -> bytes:
        if not any(plugin["name"] == "ResourceStorage" for plugin in self._config["plugins"]):
            raise DeniedError(404, "PluginNotFound: Plugin resource not found")
        if not self._insecure() and (reason := signer.not_endorsed(self._trusted, _utc())):
            raise unauthorized(f"TokenVerifierError: {reason}")
        if not self._allows(token, resource):
            raise unauthorized("PolicyDeny: access denied by the resource policy")
        return self._resource(resource).encode("utf-8", "surrogateescape")

    def _disk(self) -> Disk:
        return Disk(self._files(), self._written, self._version.writable)

    def _insecure(self) -> bool:
        return bool(
            self._config["attestation_token"]["insecure_header_jwk" if self._version.has_storage else "insecure_key"]
        )

    def _trust(self, disk: Disk) -> list[x509.Certificate]:
        section = self._config["attestation_token"]
        for uri in section["trusted_jwk_sets"]:
            if not uri.startswith("https://") and not disk.exists(uri.removeprefix("file://")):
                raise StartError(f"Failed to initialize Token Verifier: error getting JWKS: {uri}")
        trusted = signing.trusted_certificates(section["trusted_certs_paths"], disk, whole=self._version.has_storage)
        if self._version.has_storage and not (trusted or section["trusted_jwk_sets"] or self._insecure()):
            raise StartError(
                "Token Verifier error: Failed to initialize Token Verifier: Cannot verify token since no trusted "
                "verification materials are provided"
            )
        return trusted

    def _own_policy(self, disk: Disk) -> str | None:
        """Return where the resource policy lies, having put the built-in one where there is none."""
        path: str | None
        if self._version.has_storage:
            kind, folder = storage(self._config, None, "kbs")
            if kind in ("LocalFs", "LocalJson") and not folder:
                raise StartError(f"Storage backend initialization failed: {kind} configuration is required")
            path = f"{folder}/resource-policy.rego" if kind == "LocalFs" else None
        else:
            path = str(self._config["policy_engine"]["policy_path"])
        try:
            if path:
                disk.provide(path, BUILT_IN)
        except DiskError as error:
            raise StartError(f"Policy engine error: Policy IO Error: {path}: {error}") from error
        return path

    def _allows(self, token: Mapping[str, Any], resource: str) -> bool:
        try:
            text = self._disk().read(self._policy_path) if self._policy_path else BUILT_IN
            # That of 0.4.2 is Rego v0, which its engine does not take: it cannot be evaluated.
            if text == BUILT_IN and (self._version.asks_for_references or not self._version.rego_v1):
                return defaults.allows(self._version, token, "resource")
            allowed = policy.Policy(text, token, self._data(resource), v1=self._version.rego_v1).value(
                "data.policy.allow"
            )
        except (policy.NoSuchRuleError, policy.UndefinedError) as error:
            if self._version.has_storage:
                return False
            raise unauthorized(f"PolicyEngine: query did not produce any values: {error}") from error
        except (policy.PolicyError, DiskError) as error:
            raise unauthorized(f"PolicyEngine: {error}") from error
        if not isinstance(allowed, bool) and not self._version.has_storage:
            raise unauthorized("PolicyEngine: not a bool")
        return allowed is True

    def _data(self, resource: str) -> dict[str, Any]:
        if self._version.asks_for_references:
            return {"plugin": "resource", "resource-path": resource.split("/"), "query": {}}
        return {"resource-path": f"resource/{resource}"}

    def _resource(self, resource: str) -> str:
        match = _RESOURCE.fullmatch(resource)
        short = match is not None and match["repository"] is None
        if match is None or (short and self._version.has_payload_size):
            raise unauthorized("PluginInternalError: illegal ResourceDesc format.")
        name = f"{match['repository'] or 'default'}/{match['type']}/{match['tag']}"
        plugin = [each for each in self._config["plugins"] if each["name"] == "ResourceStorage"][-1]
        try:
            if not self._version.has_storage:
                return self._disk().read(f"{plugin['dir_path']}/{name}")
            kind, folder = storage(self._config, None, "repository")
            escaped = name.replace("/", "\\x2F")
            return self._disk().read(f"{folder}/{escaped}" if kind == "LocalFs" else escaped)
        except DiskError as error:
            raise unauthorized(f"PluginInternalError: resource {name} not found: {error}") from error


def not_listening(sockets: list[str]) -> str | None:
    """Return why a Service does not reach these sockets: none is on its port, or none is open to others."""
    open_to_others = [each for each in sockets if not each.startswith(("127.", "[::1]"))]
    if not open_to_others:
        return f"connection refused: KBS listens on {', '.join(sockets) or 'no socket'} only"
    if not any(each.rpartition(":")[2] == _PORT for each in open_to_others):
        return f"connection refused: KBS listens on {', '.join(sockets)}, the Service leads to {_PORT}"
    return None
