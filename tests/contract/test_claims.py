"""The claims that the policies are tried on are those that the verifier of Trustee 0.3 made of Azure's own evidence."""

import json

import pytest

from tests.unit.recording import ROOT
from tests.unit.test_policies import REAL

CLAIMS = ROOT.parent / "shared" / "reference" / "claims-az-snp-vtpm.json"


@pytest.mark.skipif(not CLAIMS.exists(), reason="no ../shared/reference beside this checkout, so no claims to compare")
def test_the_claims_of_the_unit_tests_are_those_of_the_real_verifier() -> None:
    assert json.loads(CLAIMS.read_text()) == REAL
