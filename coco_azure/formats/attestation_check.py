"""The script of the verification pod: fetch the secret, compare it, and never show it.

Chapter 7.16 opens a shell in the pod and prints the secret. Here the container's own command does it, so neither
exec nor logs have to be allowed; and what is compared is a salted digest, so the secret stands nowhere in the pod's
manifest.
"""

import hashlib

SCRIPT = """\
set -euo pipefail
found=$(
  {
    printf '%s' "$SALT"
    curl --silent --show-error --fail --retry 5 --retry-all-errors --retry-delay 6 \\
      "${CDH_URL:-http://127.0.0.1:8006}/cdh/resource/$RESOURCE"
  } | sha256sum | cut -d' ' -f1
) || { echo "no attested secret: the Confidential Data Hub did not hand out $RESOURCE" >&2; exit 1; }
[ "$found" = "$EXPECTED_SHA256" ] || { echo "KBS handed out another value than expected for $RESOURCE" >&2; exit 2; }
echo "attested: $RESOURCE is the expected value"
"""
"""Takes SALT, RESOURCE (``default/kbsres1/key1``) and EXPECTED_SHA256 from the environment.

Exit code 0: the value is the expected one; 1: no value was handed out; 2: another value was.
"""


def expected_digest(salt: str, value: bytes) -> str:
    """Return what the script must compute for ``value``, as hexadecimal SHA-256."""
    return hashlib.sha256(salt.encode() + value).hexdigest()
