"""The policies that the program brings along, one Rego file each."""

from importlib import resources


def load(name: str) -> str:
    """Return the text of ``<name>.rego`` in this folder."""
    return resources.files(__name__).joinpath(f"{name}.rego").read_text()
