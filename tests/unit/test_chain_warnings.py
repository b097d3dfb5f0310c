"""What the chain warns about that only the program knows: what it made itself."""

import pytest

from tests.unit.recording import run_program


@pytest.mark.parametrize(("days", "warned"), [(20, True), (365, False)])
def test_a_made_certificate_that_soon_expires_is_warned_about_with_the_setting_that_renews_it(
    days: int, *, warned: bool
) -> None:
    tls = {"termination": "passthrough", "validDays": days}
    warnings = run_program({"trustee": {"tls": tls, "rotation": {"tls": 3}}}).exports["proof"]["warnings"]

    found = [text for text in warnings if text.startswith("coco-azure:trustee.tls: ")]
    assert bool(found) is warned
    if warned:
        assert "a certificate of the chain expires at 20" in found[0]
        assert found[0].endswith("pulumi config set --path coco-azure:trustee.rotation.tls 4")
