"""The claims that the policies are tried on are those that the verifier of Trustee 0.3 made of Azure's own evidence."""

import json

from tests import reality
from tests.unit.formats.test_policies import REAL


@reality.CLAIMS.needed
def test_the_claims_of_the_unit_tests_are_those_of_the_real_verifier() -> None:
    assert json.loads(reality.CLAIMS.path.read_text()) == REAL
