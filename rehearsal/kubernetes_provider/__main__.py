"""Start the stand-in as a Pulumi plugin: ``python -m rehearsal.kubernetes_provider ENGINE_ADDRESS``."""

import sys
from importlib.metadata import version

from rehearsal.kubernetes_provider.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:], version("pulumi-kubernetes"))
