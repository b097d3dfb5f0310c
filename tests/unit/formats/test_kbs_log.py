"""KBS's log is read in the forms of all its versions."""

from datetime import UTC, datetime

import pytest

from coco_azure.formats.kbs import log

_AT = "2026-12-01T02:00:0"
_ACCESS = "INFO  actix_web::middleware::logger] 10.128.2.15"
ENV_LOGGER = f"""\
[{_AT}0Z INFO  kbs] Using config file /etc/kbs-config/kbs-config.toml
[{_AT}1Z {_ACCESS} "POST /kbs/v0/auth HTTP/1.1" 200 74 "-" "attestation-agent-kbs-client/0.1.0" 0.000312
[{_AT}2Z ERROR kbs::error] AttestationError(RcarAttestFailed {{ source: verify TEE evidence failed

    Caused by:
        0: Verifier evaluate failed
        1: Report data mismatch }})
[{_AT}2Z {_ACCESS} "POST /kbs/v0/attest HTTP/1.1" 401 207 "-" "-" 0.1
[{_AT}3Z INFO  kbs::attestation::backend] Cookie 7d request to get resource
[{_AT}3Z {_ACCESS} "GET /kbs/v0/resource/default/db/password HTTP/1.1" 200 512 "-" "-" 0.01
[{_AT}4Z ERROR kbs::error] PolicyDeny
[{_AT}4Z {_ACCESS} "GET /kbs/v0/resource/default/db/user HTTP/1.1" 401 112 "-" "-" 0.01
[{_AT}5Z {_ACCESS} "GET /kbs/v0/resource/default/db/none HTTP/1.1" 404 0 "-" "-" 0.01
"""
TRACING = (
    "\x1b[2m2026-12-01T02:00:04.123456Z\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2mkbs::error\x1b[0m\x1b[2m:\x1b[0m "
    "PolicyDeny\n"
    "2026-12-01T02:00:04.123789Z  INFO actix_web::middleware::logger: 10.128.2.15 "
    '"GET /kbs/v0/resource/default/db/user?x=1 HTTP/1.1" 401 112 "-" "-" 0.010000\n'
)


def test_each_request_has_its_outcome_and_the_reason_before_it() -> None:
    auth, attest, given, denied, missing = log.parse(ENV_LOGGER.splitlines())

    assert (auth.step, auth.granted, auth.of_resource) == ("auth", True, False)
    assert auth.time == datetime(2026, 12, 1, 2, 0, 1, tzinfo=UTC)
    assert (attest.step, attest.granted) == ("attest", False)
    assert attest.reason == (
        "AttestationError(RcarAttestFailed { source: verify TEE evidence failed: Verifier evaluate failed: Report data "
        "mismatch"
    )
    assert (given.step, given.granted, given.reason) == ("default/db/password", True, "")
    assert (denied.step, denied.granted, denied.reason) == ("default/db/user", False, "PolicyDeny")
    # The reason of one request is never that of the next.
    assert missing.reason == "HTTP 404"


def test_later_versions_write_other_heads_and_colours() -> None:
    (denied,) = log.parse(TRACING.splitlines())

    assert (denied.step, denied.granted, denied.reason) == ("default/db/user", False, "PolicyDeny")
    assert denied.time == datetime(2026, 12, 1, 2, 0, 4, 123789, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "no log", "[2026-12-01T02:00:00Z ERROR kbs] Error: refused\n  more"])
def test_what_is_no_request_is_passed_over(text: str) -> None:
    assert list(log.parse(text.splitlines())) == []
