"""As much of Pulumi Cloud's API as the commands of docs/ci.md ask for; it remembers what was sent to it.

Paths and answers: sdk/go/common/apitype and pkg/backend/httpstate/client of pulumi/pulumi v3.259.0. ``pulumi api``
first loads the description of all paths (pkg/cmd/pulumi/cloud/spec.go).
"""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STACK = {"orgName": "my-org", "projectName": "coco-azure", "stackName": "prod", "tags": {}, "version": 0}
SETTINGS = "/api/stacks/{orgName}/{projectName}/{stackName}/deployments/settings"
_SPEC = {
    "openapi": "3.0.3",
    "info": {"title": "Pulumi Cloud", "version": "1"},
    "components": {"schemas": {}},
    "paths": {
        SETTINGS: {
            "post": {
                "operationId": "PatchDeploymentSettings",
                "parameters": [
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                    for name in ("orgName", "projectName", "stackName")
                ],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"200": {"description": "the settings"}},
            }
        }
    },
}


@dataclass
class Cloud:
    """Where it listens, and every request that was to change something: its path and its body."""

    url: str
    sent: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def running() -> Iterator[Cloud]:
    """Serve it on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(_object_at(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers["Content-Encoding"] == "gzip"
            cloud.sent.append((self.path, json.loads(gzip.decompress(body) if packed else body)))
            self._answer({})

        def _answer(self, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cloud = Cloud(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield cloud
        server.shutdown()


def _object_at(path: str) -> Any:
    if path == "/api/user":
        return {"githubLogin": "me", "name": "me", "organizations": [{"githubLogin": "my-org", "name": "my-org"}]}
    if "pulumi-spec" in path:
        return _SPEC
    return STACK if path == "/api/stacks/my-org/coco-azure/prod" else {}
