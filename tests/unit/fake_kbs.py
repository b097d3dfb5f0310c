#!/usr/bin/env python3
"""Stands for the program of a real KBS: takes its command line, reads its files, serves on its socket.

``kbs --config-file PATH``. It ends where the configuration is missing or has no [http_server]; refuses a guest that
speaks another version of the protocol than ``/etc/kbs-config/protocol`` says; releases the answer in
``/etc/kbs-config/answer`` where the resource policy is the one that allows everything.
"""

import base64
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_POLICY = Path("/opt/confidential-containers/opa/policy.rego")
_CONFIG = Path("/etc/kbs-config")


class _Kbs(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Begin the handshake."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["version"] != (_CONFIG / "protocol").read_text(encoding="utf-8"):
            self._answer(401, b'{"detail": "KBS Client Protocol Version Mismatch"}')
        else:
            self._answer(200, b'{"nonce": "n"}')

    def do_GET(self) -> None:
        """Release a resource."""
        part = self.headers["Authorization"].removeprefix("Bearer ").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        allowed = "default allow = true" in _POLICY.read_text(encoding="utf-8") and claims["exp"] > claims["iat"]
        answer = (_CONFIG / "answer").read_bytes() if self.path == "/kbs/v0/resource/default/kbsres1/key1" else b""
        self._answer(200, answer) if allowed else self._answer(401, b'{"detail": "PolicyDeny: access denied"}')

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serve until the end."""
    config = Path(sys.argv[sys.argv.index("--config-file") + 1]).read_text(encoding="utf-8")
    if "[http_server]" not in config:
        sys.exit("Error: invalid config: missing field `http_server`")
    match = re.search(r'"([0-9.]+):([0-9]+)"', config)
    assert match is not None
    HTTPServer((match[1], int(match[2])), _Kbs).serve_forever()


main()
