"""docs/outputs.md is about the outputs that there are."""

import re

from coco_azure.trust import proof
from components.peer_pods import kata_config
from tests.unit.docs.test_documents import OUTPUTS
from tests.unit.stack_files import ROOT

_CODE = re.compile(r"`([^`\n]+)`")


def _page() -> tuple[str, str]:
    outputs, _, result = (ROOT / "docs" / "outputs.md").read_text().partition("## The proof")
    return outputs, result


def test_every_output_has_a_row_and_every_row_is_an_output() -> None:
    rows = re.findall(r"^\| (`.*?`) \|", _page()[0], re.MULTILINE)
    written = re.findall(r'^ +"(\w+)":', (ROOT / "components" / "outputs.py").read_text(), re.MULTILINE)

    assert {name for row in rows for name in _CODE.findall(row)} == OUTPUTS | set(written) | {kata_config.OUTPUT}


def test_every_field_of_the_proof_has_a_row() -> None:
    named = re.findall(r"^\| `(\w+)` \|", _page()[1], re.MULTILINE)

    assert set(named) == set(proof.to_dict(proof.Proof(environment="production")))
