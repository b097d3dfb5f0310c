"""The policies that the program brings along: one Rego file each, and in ``parts`` what differs between versions.

A file outside ``parts`` is a whole policy, or the judgement of one that ``coco_azure.formats.policy.policies``
completes with parts. ``agent_allow_all``, ``attestation_policy`` and ``resource_policy`` are the chapter's own texts.
"""

from importlib import resources


def load(name: str) -> str:
    """Return the text of ``<name>.rego`` in this folder; a part is named ``parts/<name>``."""
    return resources.files(__name__).joinpath(f"{name}.rego").read_text()
