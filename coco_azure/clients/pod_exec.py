"""A command in a container, as ``oc exec`` runs it: by a WebSocket through the API server to the node's kubelet.

Its protocol is ``v4.channel.k8s.io``, which every API server hands on to the kubelet as it is (kubernetes
``pkg/registry/core/pod/rest/subresources.go``). On its error channel comes a ``Status`` (``remotecommand/exec.go`` of
the kubelet's CRI streaming): ``Success``, an exit code, or why the runtime could not start the command.
"""

import json
import ssl
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

_PROTOCOL, _ERROR_CHANNEL = "v4.channel.k8s.io", b"\x03"
_CLOSED = 8
"""Opcode of the frame that ends a WebSocket (RFC 6455)."""
Result = Literal["ran", "failed", "refused", "no answer"]


@dataclass(frozen=True, kw_only=True)
class Executed:
    """What came of a command.

    Attributes:
        result: ``ran``: it was started, however it ended; ``failed``: the node could not start it; ``refused``: the
            API server, or the kubelet, did not connect; ``no answer``: nobody answered, or not to the end.
        message: their words, on one line.
        status: HTTP status of a refusal, else 0.
    """

    result: Result
    message: str
    status: int = 0


def run(api: Any, path: str, container: str, command: Sequence[str], seconds: float) -> Executed:
    """Run a command without input; its output is not kept.

    The library ``kubernetes`` has a client for this as well, which waits for a connection without end.

    Args:
        api: its ``ApiClient``.
        command: program and arguments.
        seconds: how long to wait for the connection, and again for the end of the command.
    """
    import websocket  # noqa: PLC0415 - seldom needed

    query = [("container", container), *(("command", word) for word in command), ("stdout", "true"), ("stderr", "true")]
    _, url, headers, *_ = api.param_serialize("GET", f"{path}/exec", query_params=query, auth_settings=["BearerToken"])
    try:
        connection = websocket.create_connection(
            f"ws{url.removeprefix('http')}",
            timeout=seconds,
            subprotocols=[_PROTOCOL],
            header={key: value for key, value in headers.items() if key.lower() == "authorization"},
            sslopt=_tls(api.configuration),
            **_proxy(api.configuration),
        )
        with closing(connection):
            return _read(_status(connection, time.monotonic() + seconds))
    except websocket.WebSocketBadStatusException as error:
        return _refused(error.status_code, error.status_message, error.resp_body)
    except (OSError, websocket.WebSocketException) as error:
        return Executed(result="no answer", message=_line(error))


def _tls(configuration: Any) -> dict[str, Any]:
    """Return how the API server is verified, and who asks, as the kubeconfig says."""
    options = {
        "ca_certs": configuration.ssl_ca_cert,
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "server_hostname": configuration.tls_server_name,
    }
    verified = ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE
    return {"cert_reqs": verified, **{key: value for key, value in options.items() if value}}


def _proxy(configuration: Any) -> dict[str, Any]:
    """Return the proxy of the kubeconfig or the environment, if there is one."""
    if not configuration.proxy:
        return {}
    proxy = urlsplit(configuration.proxy)
    return {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port,
        "http_proxy_auth": (unquote(proxy.username), unquote(proxy.password or "")) if proxy.username else None,
        "http_no_proxy": [each.strip() for each in (configuration.no_proxy or "").split(",") if each.strip()],
    }


def _status(connection: Any, until: float) -> str:
    """Return what came on the error channel when the connection ends, or at the time ``until``."""
    import websocket  # noqa: PLC0415 - see above

    text = b""
    while time.monotonic() < until:
        try:
            opcode, data = connection.recv_data()
        except (OSError, websocket.WebSocketException):
            if text:
                break
            raise
        if opcode == _CLOSED:
            break
        text += data[1:] if data[:1] == _ERROR_CHANNEL else b""
    return text.decode(errors="replace")


def _refused(status: int, reason: str | None, body: bytes | None) -> Executed:
    from coco_azure.clients.refused import RefusedError  # noqa: PLC0415 - it imports what is slow to import

    refusal = RefusedError(status=status, reason=reason)
    refusal.body = (body or b"").decode(errors="replace")
    return Executed(result="refused", message=_line(refusal), status=status)


def _read(text: str) -> Executed:
    """Return what the ``Status`` of the error channel says."""
    try:
        status = json.loads(text)
        ended, message = status["status"], _line(status.get("message", ""))
    except (ValueError, TypeError, LookupError):
        words = f"the connection ended without an outcome{f': {_line(text)}' if text else ''}"
        return Executed(result="no answer", message=words)
    ran = ended == "Success" or status.get("reason") == "NonZeroExitCode"
    return Executed(result="ran" if ran else "failed", message=message)


def _line(words: object) -> str:
    return " ".join(str(words).split())
