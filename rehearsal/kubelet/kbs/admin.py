"""What KBS reads of its administrators at start: keys that must be there, rules that must be whole.

Sources: openshift/trustee ``kbs/src/admin`` at each tag. Administrators' requests themselves are not modelled.
"""

import re
from collections.abc import Mapping
from typing import Any

from rehearsal.kubelet.kbs.disk import Disk, DiskError
from rehearsal.kubelet.kbs.model import StartError
from rehearsal.kubelet.kbs.signing import administrators_key
from rehearsal.kubelet.kbs.versions import Version


def check(section: Mapping[str, Any], version: Version, disk: Disk) -> None:
    """Raise StartError where the ``admin`` section keeps KBS from starting."""
    if version.has_simple_token:
        if not section["insecure_api"]:
            if section["auth_public_key"] is None:
                raise StartError("Admin auth error: `auth_public_key` is not set in the config file")
            _key(section["auth_public_key"], disk, "Admin auth error", only_ed25519=True)
    elif not version.has_storage:
        for persona in section.get("personas", []):
            _key(persona["public_key_path"], disk, "Admin auth error", only_ed25519=True)
        _rules(section["roles"], "Admin auth error")
        if len({role["id"] for role in section["roles"]}) != len(section["roles"]):
            raise StartError("Admin auth error: Duplicate Admin Role")
    elif section["authorization_mode"] == "AuthenticatedAuthorization":
        _authenticated(section, disk)


def _authenticated(section: Mapping[str, Any], disk: Disk) -> None:
    where = "failed to initialize [admin] configuration"
    providers = section["authentication"]["bearer_jwt"]["identity_providers"]
    if not providers:
        raise StartError(f"{where}: AuthenticatedAuthorization requires at least one `identity_providers` entry")
    for index, provider in enumerate(providers):
        if provider["public_key_uri"] is None and provider["jwk_set_uri"] is None:
            raise StartError(f"{where}: identity_providers[{index}] must set `public_key_uri` and/or `jwk_set_uri`")
        if (uri := provider["public_key_uri"]) is not None:
            _key(uri.removeprefix("file://"), disk, where, only_ed25519=False)
        if (uri := provider["jwk_set_uri"]) is not None and not uri.startswith("https://"):
            try:
                disk.read(uri.removeprefix("file://"))
            except DiskError as error:
                raise StartError(f"{where}: {uri}: {error}") from error
    _rules(section["authorization"]["regex_acl"]["acls"], where)


def _key(path: str, disk: Disk, where: str, *, only_ed25519: bool) -> None:
    try:
        text = disk.read(path)
    except DiskError as error:
        raise StartError(f"{where}: Read admin public key failed: {path}: {error}") from error
    if not administrators_key(text, only_ed25519=only_ed25519):
        raise StartError(f"{where}: Failed to parse admin public key: {path}")


def _rules(rules: list[Mapping[str, Any]], where: str) -> None:
    for rule in rules:
        pattern = rule["allowed_endpoints"]
        if not pattern.startswith("^/kbs") or not pattern.endswith("$"):
            raise StartError(f"{where}: Admin Role regex must be anchored.")
        try:
            re.compile(pattern)
        except re.error as error:
            raise StartError(f"{where}: Failed to parse regex: {error}") from error
