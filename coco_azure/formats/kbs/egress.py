"""Which ports the Trustee operator lets KBS call.

The next release of openshift/trustee-operator (``internal/controller/networkpolicy.go`` of main at 1edfe3de) denies KBS
all traffic that it does not allow: out to the cluster's DNS, TCP 443 and the port of the cluster's proxy. It makes the
NetworkPolicies with KbsConfig, and puts them back when somebody changes them. The newest tag, v1.2.1, has none.
"""

from urllib.parse import urlsplit

from coco_azure import names
from coco_azure.versions import profiles
from coco_azure.versions.profiles import TRUSTEE

PORT = 443
"""The only port beside those of DNS and of a proxy."""


def port_of(url: str) -> int:
    """Return the port that an https URL leads to; 0 for one that is none."""
    try:
        return urlsplit(url).port or PORT
    except ValueError:
        return 0


def may_close(csv: str) -> bool:
    """Return whether the operator of a CSV may keep KBS from other ports than ``PORT``.

    A version without a profile is judged by its number: what is newer than all that have one may have the policies.
    """
    minor, patch = profiles.release(csv)
    if (profile := TRUSTEE.get(minor)) is not None:
        return profile.closed_from is not None and patch >= profile.closed_from
    return _numbers(minor) > _numbers(profiles.newest(names.TRUSTEE_PACKAGE))


def _numbers(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))
