"""Stack files as their users complete them: what has angle brackets filled in, and the files that they name."""

import shutil
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_HOLES = {
    "<YYYY-MM-DD>": "2099-12-31",
    "<version of OSC, such as 1.12.1>": "1.12.1",
    "<version of Trustee, such as 1.2.1>": "1.2.1",
    "<registry/organisation>": "quay.io/my-org",
    "<owner/repository>": "my-org/clusters",
    "<client id of the app registration>": "11111111-0000-0000-0000-000000000001",
    "<tenant id>": "11111111-0000-0000-0000-000000000002",
    "<subscription id>": "11111111-0000-0000-0000-000000000003",
}


def completed(name: str) -> Any:
    """Return a YAML file of the repository with its holes filled in."""
    text = (ROOT / name).read_text()
    for hole, filled in _HOLES.items():
        text = text.replace(hole, filled)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert "<" not in "".join(lines), "fill it in here as well"
    return yaml.safe_load(text)


def config(name: str) -> dict[str, Any]:
    """Return the settings of a stack's file."""
    return {key.removeprefix("coco-azure:"): value for key, value in completed(name)["config"].items()}


def with_files(folder: Path) -> Path:
    """Put the files that a production stack names into a folder of Pulumi.yaml; those of the rehearsal will do."""
    image = ROOT / "rehearsal" / "pod_vm_image"
    shutil.copy(image / "measurements.json", folder)
    shutil.copy(image / "measurements.sig", folder)
    for name in ("cosign.pub", "redhat.pem"):
        shutil.copy(image / "signing-key.pub", folder / name)
    (folder / "rehearsal").symlink_to(ROOT / "rehearsal")
    return folder
