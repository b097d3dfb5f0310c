"""Resource URIs: how a pod names what KBS serves, ``kbs:///default/SECRET/KEY``.

The repository is always ``default``: the Trustee operator serves each Secret of ``kbsSecretResources`` there and
nowhere else (openshift/trustee-operator v0.3.0 to v1.1.0 ``kbsconfig_controller.go`` mounts it at
``<repository>/default/<secret>``; v1.2.1 ``cmd/secret-converter/main.go`` copies its keys to names that begin with
``default``). Which characters a part may have is KBS's rule: openshift/trustee v0.3.0 to v1.2.0
``kbs/src/plugins/implementations/resource/backend.rs``.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

SCHEME = "kbs:///"
REPOSITORY = "default"

_PART = re.compile(r"[a-zA-Z0-9_-][a-zA-Z0-9_.-]*")
_FORM = "needed kbs:///default/SECRET/KEY or default/SECRET/KEY"


@dataclass(frozen=True, order=True)
class ResourceUri:
    """One resource of KBS."""

    secret: str
    key: str

    @property
    def path(self) -> str:
        """The path that KBS looks up: ``default/SECRET/KEY``."""
        return f"{REPOSITORY}/{self.secret}/{self.key}"

    @property
    def uri(self) -> str:
        """The URI that a pod VM resolves: ``kbs:///default/SECRET/KEY``."""
        return SCHEME + self.path

    def __str__(self) -> str:
        """Return the URI."""
        return self.uri


def parse(text: str) -> ResourceUri:
    """Return the resource that ``kbs:///default/SECRET/KEY`` or ``default/SECRET/KEY`` names.

    Raises:
        ValueError: it is neither; another repository; or a part that KBS answers to with an error.
    """
    scheme, _, rest = text.rpartition("://")
    if scheme not in ("", "kbs"):
        raise ValueError(f"{text}: the scheme is {scheme}, {_FORM}")
    if scheme and not rest.startswith("/"):
        raise ValueError(f"{text}: names a host; the pod VM knows the address of KBS from its initdata, {_FORM}")
    parts = rest.removeprefix("/").split("/") if scheme else rest.split("/")
    if len(parts) != 3:  # noqa: PLR2004 - repository, type and tag
        raise ValueError(f"{text}: {len(parts)} part{'s' if len(parts) != 1 else ''} between the slashes, {_FORM}")
    repository, secret, key = parts
    if repository != REPOSITORY:
        raise ValueError(f"{text}: the Trustee operator serves Secrets in repository {REPOSITORY} only, {_FORM}")
    for part in (secret, key):
        if not servable(part):
            raise ValueError(f"{text}: {part!r} is no name that KBS serves: letters, digits, - _ . and no dot first")
    return ResourceUri(secret, key)


def servable(part: str) -> bool:
    """Return whether KBS serves a resource with such a secret name or key: a leading dot is refused, for example."""
    return _PART.fullmatch(part) is not None


def unserved(wanted: ResourceUri, served: Collection[str], where: str) -> str | None:
    """Return the complaint about a resource that no secret serves, or None.

    Args:
        served: paths (``default/SECRET/KEY``) that there are.
        where: the setting that names the resource.
    """
    if wanted.path in served:
        return None
    available = ", ".join(sorted(served)) or "none"
    return (
        f"{where} names {wanted.uri}, which no secret serves (served: {available}). Add it: pulumi config set --secret "
        f"--path 'coco-azure:clientSecrets.{wanted.secret}[\"{wanted.key}\"]' VALUE; or name one of these"
    )
