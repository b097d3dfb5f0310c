"""Start the stand-in as a Pulumi plugin: ``python -m rehearsal.kubernetes_provider ENGINE_ADDRESS``."""

import sys
from importlib.metadata import version

from rehearsal.kubernetes_provider.notes import EngineLog
from rehearsal.kubernetes_provider.provider import KubernetesProvider
from rehearsal.provider_server import serve

if __name__ == "__main__":
    known = version("pulumi-kubernetes")
    serve(sys.argv[1:], known, lambda engine: KubernetesProvider(EngineLog(engine), known))
