"""Kubeconfig files: which cluster, as whom, and over which TLS (client-go ``clientcmd``, as far as it is needed here).

Understood are tokens, token files, client certificates and passwords, as files or as data. Programs that fetch
credentials (``exec``) and the old ``auth-provider`` are not.
"""

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

# The engine knows the kubernetes provider by this text, and then does without the answer to DiffConfig
# (pulumi sdk/go/common/resource/plugin/provider_plugin.go, isDiffCheckConfigLogicallyUnimplemented).
_NO_MAP = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct "
    '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)


class KubeconfigError(ValueError):
    """The kubeconfig cannot be used; the message says why."""


@dataclass(frozen=True)
class Connection:
    """How to reach one API server.

    Attributes:
        server: its base URL.
        tls: context for the connection.
        headers: headers that say who asks.
        namespace: namespace for objects that name none.
        server_name: name to expect in the server's certificate, or None for the host of the URL.
    """

    server: str
    tls: ssl.SSLContext = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    namespace: str
    server_name: str | None = None


def load(path_or_content: str) -> dict[str, Any]:
    """Return a kubeconfig, given its path or its content (``provider/util.go``, ``parseKubeconfigString``).

    Raises:
        KubeconfigError: it is neither.
    """
    if not path_or_content:
        return {}
    path = None if "\n" in path_or_content or path_or_content.startswith("{") else Path(path_or_content).expanduser()
    try:
        content = path.read_text(encoding="utf-8") if path is not None and path.is_file() else path_or_content
        found = yaml.safe_load(content)
    except OSError as error:
        raise KubeconfigError(f"{path_or_content}: {error.strerror}") from error
    except yaml.YAMLError as error:
        # The whole error would quote the file, and with it perhaps a token.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise KubeconfigError(f"yaml: line {mark.line + 1 if mark else 1}: {problem}") from None
    if not isinstance(found, dict):
        raise KubeconfigError(_NO_MAP)
    if path is not None and path.is_file():
        _absolute(found, path.resolve().parent)
    return found


def ambient() -> dict[str, Any]:
    """Return the kubeconfig of the environment: ``KUBECONFIG``, several files in order, or ``~/.kube/config``.

    Raises:
        KubeconfigError: a file cannot be read.
    """
    merged: dict[str, Any] = {}
    for path in os.environ.get("KUBECONFIG", "~/.kube/config").split(os.pathsep):
        if not path or not Path(path).expanduser().is_file():
            continue
        for key, value in load(path).items():
            if isinstance(value, list):
                names = {one.get("name") for one in merged.get(key) or []}
                merged[key] = [*(merged.get(key) or []), *(one for one in value if one.get("name") not in names)]
            else:
                merged[key] = merged.get(key) or value
    return merged


def active_cluster(config: Mapping[str, Any], context: str = "", cluster: str = "") -> dict[str, Any] | None:
    """Return the entry of the cluster that would be used, or None (``getActiveClusterFromConfig``)."""
    chosen = _entry(config, "contexts", "context", context or config.get("current-context", ""))
    if chosen is None:
        return None
    return _entry(config, "clusters", "cluster", cluster or chosen.get("cluster", ""))


def connect(config: Mapping[str, Any], context: str = "", cluster: str = "", namespace: str = "") -> Connection:
    """Return how to reach the cluster of a kubeconfig.

    Args:
        config: content of the kubeconfig.
        context: context to use instead of the current one.
        cluster: cluster to use instead of the context's.
        namespace: namespace to use instead of the context's.

    Raises:
        KubeconfigError: something is missing, or is not understood.
    """
    title = context or config.get("current-context", "")
    chosen = _entry(config, "contexts", "context", title)
    if chosen is None:
        raise KubeconfigError(f'context "{title}" does not exist' if title else "no configuration has been provided")
    target = active_cluster(config, context, cluster)
    if target is None or not target.get("server"):
        raise KubeconfigError(f'cluster "{cluster or chosen.get("cluster", "")}" does not exist')
    user = _entry(config, "users", "user", chosen.get("user", "")) or {}
    return Connection(
        server=str(target["server"]).rstrip("/"),
        tls=_tls(target, user),
        headers=_headers(user),
        namespace=namespace or chosen.get("namespace") or "default",
        server_name=target.get("tls-server-name"),
    )


def _entry(config: Mapping[str, Any], section: str, key: str, title: str) -> dict[str, Any] | None:
    for one in config.get(section) or []:
        if one.get("name") == title:
            return dict(one.get(key) or {})
    return None


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = _data(cluster, "certificate-authority")
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = _data(user, "client-certificate"), _data(user, "client-key")
        if certificate and key:
            # OpenSSL loads a chain from a file only; it is gone before anything else can go wrong.
            with tempfile.NamedTemporaryFile("wb", suffix=".pem") as file:
                file.write(certificate + b"\n" + key)
                file.flush()
                context.load_cert_chain(file.name)
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigError(f"a certificate or key in it cannot be used: {error}") from error
    return context


def _headers(user: Mapping[str, Any]) -> dict[str, str]:
    for unknown in ("exec", "auth-provider"):
        if user.get(unknown):
            raise KubeconfigError(f'this provider does not run "{unknown}"; use a token or a client certificate')
    token = user.get("token")
    if user.get("tokenFile"):
        token = Path(user["tokenFile"]).read_text(encoding="utf-8").strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = base64.b64encode(f"{user['username']}:{user.get('password', '')}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}


def _data(entry: Mapping[str, Any], key: str) -> bytes | None:
    if entry.get(f"{key}-data"):
        return base64.b64decode(entry[f"{key}-data"])
    if entry.get(key):
        try:
            return Path(entry[key]).read_bytes()
        except OSError as error:
            raise KubeconfigError(f"unable to read {key} {entry[key]}: {error.strerror}") from error
    return None


def _absolute(config: dict[str, Any], folder: Path) -> None:
    """Make relative paths absolute; they are relative to the kubeconfig that names them."""
    keys = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
    for section, part in (("clusters", "cluster"), ("users", "user")):
        for one in config.get(section) or []:
            entry = one.get(part) or {}
            entry.update({key: str(folder / entry[key]) for key in keys if entry.get(key)})


def as_text(value: Any) -> str:
    """Return a kubeconfig argument as text; the SDK also takes an object."""
    return value if isinstance(value, str) else json.dumps(value)
