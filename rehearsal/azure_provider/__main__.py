"""Start the stand-in as a Pulumi plugin: ``python -m rehearsal.azure_provider ENGINE_ADDRESS``."""

import os
import sys
from importlib.metadata import version

from rehearsal.azure_provider.arm import ArmClient
from rehearsal.azure_provider.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:], version("pulumi-azure-native"), ArmClient(os.environ))
