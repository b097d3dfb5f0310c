"""A real KBS in the pod that the Trustee operator makes for it.

It runs on the files that the operator mounts, at their paths: it takes its configuration or ends, serves TLS, holds a
guest to its version of the protocol, believes a token or not, judges it by the resource policy, and hands out the
resource. It cannot verify the evidence of hardware that there is not: the simulated attestation service, on the same
files, makes the claims of the token, which is signed as KBS's own service does, with the key of the pod's signer or one
of nobody (openshift/trustee ``attestation-service/src/token``, ``kbs/src/jwe.rs``).
"""

import base64
import http.client
import json
import re
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rehearsal.api import Object
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.kbs import DeniedError, Evidence, Kbs, of_image
from rehearsal.kubelet.kbs import versions as kbs_versions
from rehearsal.kubelet.kbs.server import not_listening
from rehearsal.kubelet.network import Served
from rehearsal.kubelet.running_kbs import RunningKbs, server_section
from rehearsal.kubelet.script import Ended
from rehearsal.processes import free_port
from rehearsal.real.brought import KBS
from rehearsal.real.own_root import OwnRoot
from rehearsal.real.process import RealProcess

_SOCKET = re.compile(r'(?<=")(0\.0\.0\.0|\[::\]):8080(?=")')
_TIMEOUT = 20
_RSA_BITS = 2048


class RealKbs:
    """One real KBS; as a workload of a pod it goes on until it is stopped."""

    def __init__(
        self,
        pod: Object,
        files: Mapping[str, str],
        model: RunningKbs | str,
        environment: Mapping[str, str],
        cluster: Path,
    ) -> None:
        """Start it; see ``ready``.

        Args:
            pod: its pod.
            files: what is mounted, by absolute path.
            model: the simulated KBS of this pod, or why it did not start.
            environment: of the container.
            cluster: folder of the cluster.
        """
        container = pod["spec"]["containers"][0]
        command = container["command"]
        self._config, self._port, self._model = command[command.index("--config-file") + 1], free_port(), model
        config = files.get(self._config, "")
        server = server_section(config)
        https = not server.get("insecure_http", False)
        self._served = Served(
            kbs=self,
            https=https,
            certificate=files.get(server.get("certificate", "")) if https else None,
            unreachable=None if _SOCKET.search(config) else not_listening(server.get("sockets", ["127.0.0.1:8080"])),
        )
        self._version = of_image(container["image"])
        self._root = OwnRoot(cluster / "real" / str(pod["metadata"]["name"]))
        self._place(pod["spec"], container, files)
        program = KBS.path() or Path(command[0])
        self._process = RealProcess(KBS, program, self._root, command[1:], environment)

    @property
    def log(self) -> str:
        """What it has written, and below it what it would have written of evidence, which it is not asked about."""
        own = self._model.log if isinstance(self._model, RunningKbs) else ""
        return f"{self._process.log}{own}"

    async def ready(self) -> None:
        """Return once it serves; raises EndedError."""
        if self._served.unreachable is None:
            await self._process.answers_on(self._port)

    async def look(self) -> Ended | float:
        """Return when to look again; raises EndedError."""
        return await self._process.look()

    async def stop(self) -> None:
        """End it."""
        await self._process.stop()

    async def served(self) -> Served:
        """Return it with its files as they are now; raises ValueError for a clock that is no time."""
        if isinstance(self._model, RunningKbs):
            await self._model.served()
            self._write(self._model.files)
        return self._served

    def release(self, resource: str, evidence: Evidence, protocol: str | None = None) -> bytes:
        """Return the resource ``<repository>/<type>/<tag>`` to who proves ``evidence``.

        Raises:
            DeniedError: as KBS says, or the simulated attestation service.
            UnreachableError: KBS does not answer.
        """
        if isinstance(self._model, str):
            raise DeniedError(
                401, f"the simulated attestation service refuses what this KBS has started with: {self._model}"
            )
        version = kbs_versions.of(self._version)
        hello = {"version": protocol or version.protocol, "tee": version.tee(evidence.tee), "extra-params": ""}
        self._ask("POST", "auth", json.dumps(hello))
        key = guest_key()
        log = self._model.kbs.log
        try:
            token = token_of(self._model.kbs, evidence, key.public_key())
        except DeniedError as error:
            log.denied("attest", error)
            raise
        log.granted("attest")
        answer = self._ask("GET", f"resource/{resource}", token=token)
        return opened(json.loads(answer), key)

    def _place(self, spec: Object, container: Object, files: Mapping[str, str]) -> None:
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            if "subPath" not in mount:
                self._root.make(mount["mountPath"], read_only="emptyDir" not in volumes[mount["name"]])
        self._write(files)

    def _write(self, files: Mapping[str, str]) -> None:
        config = {
            path: _SOCKET.sub(f"127.0.0.1:{self._port}", files[path]) for path in (self._config,) if path in files
        }
        self._root.write_all({**files, **config})

    def _ask(self, method: str, path: str, body: str | None = None, token: str | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection = self._connection()
            connection.request(method, f"/kbs/v0/{path}", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"KBS on port {self._port}: {error}") from error
        if answer.status != http.client.OK:
            raise DeniedError(answer.status, content.decode(errors="replace"))
        return content

    def _connection(self) -> http.client.HTTPConnection:
        if not self._served.https:
            return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT)
        # Whether a guest trusts the certificate, for the host that it asks, is judged by the network.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self._port, timeout=_TIMEOUT, context=context)


def guest_key() -> rsa.RSAPrivateKey:
    """Return a new key of a guest: what KBS releases is encrypted for it."""
    return rsa.generate_private_key(65537, _RSA_BITS)


def token_of(model: Kbs, evidence: Evidence, guest: rsa.RSAPublicKey) -> str:
    """Return the attestation token for this evidence, for a guest with this key; raises DeniedError."""
    claims, signer = model.attested(evidence), model.signer
    simple = "submods" not in claims
    runtime = {"tee-pubkey": {**_jwk(guest), "alg": "RSA1_5"}}
    if simple:
        claims["customized_claims"] = {"init_data": None, "runtime_data": runtime}
    else:
        appraisal = next(iter(claims["submods"].values()))
        evidence_claims = {**appraisal["ear.veraison.annotated-evidence"], "runtime_data_claims": runtime}
        appraisal["ear.veraison.annotated-evidence"] = evidence_claims
    # Without a signer in its configuration KBS makes a key at each start, which nobody vouches for.
    made = rsa.generate_private_key(65537, _RSA_BITS) if simple else ec.generate_private_key(ec.SECP256R1())
    key = signer.key or made
    algorithm = "RS384" if simple else "ES256"
    public: dict[str, Any] = {**_jwk(key.public_key()), "alg": algorithm}
    if signer.chain is not None:
        der = [each.public_bytes(serialization.Encoding.DER) for each in signer.chain]
        public["x5c"] = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in der]
    # A rehearsed clock is the simulated KBS's; the real one reads that of this machine.
    late = int(time.time()) - claims["iat"]
    claims |= {name: claims[name] + late for name in ("iat", "nbf", "exp") if name in claims}
    return jwt.encode(claims, key, algorithm, headers={"jwk": public})


def opened(answer: Mapping[str, str], key: rsa.RSAPrivateKey) -> bytes:
    """Return the plain text of a JSON Web Encryption for this key, as KBS makes it.

    Until 0.3 nothing is authenticated beside the text, and its tag is at its end; later it is as RFC 7516 says.
    """
    secret = AESGCM(key.decrypt(_decoded(answer["encrypted_key"]), padding.PKCS1v15()))
    sealed = _decoded(answer["ciphertext"]) + _decoded(answer["tag"])
    try:
        return secret.decrypt(_decoded(answer["iv"]), sealed, answer["protected"].encode())
    except InvalidTag:
        return secret.decrypt(_decoded(answer["iv"]), sealed, None)


def _jwk(key: Any) -> dict[str, str]:
    whole = jwt.get_algorithm_by_name("ES256" if isinstance(key, ec.EllipticCurvePublicKey) else "RS384").to_jwk(
        key, as_dict=True
    )
    return {name: value for name, value in whole.items() if name != "key_ops"}


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
