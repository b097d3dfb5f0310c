"""A described Azure subscription: what the cluster, CAA and the ARM server find in it.

The file is read again whenever it changes: editing it stands for what others change in Azure. A rehearsal works on a
copy of its description in the cluster's folder.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from rehearsal.azure import arm_state, description, documents, roles
from rehearsal.azure.arm_state import ArmError, ArmState
from rehearsal.azure.description import Content
from rehearsal.azure.documents import Document

COPY = "subscription.yaml"
_FROM = "# What is changed here, changes in the rehearsal's Azure. Copied from "


class Subscription:
    """One subscription.

    Attributes:
        state: what was made and deleted in it since it was described.
    """

    def __init__(self, source: Path | Content, state: ArmState | None = None) -> None:
        """Take a description, or a file that has one.

        Raises:
            FileNotFoundError, ValueError: see ``description.load``.
        """
        self.state = state if state is not None else ArmState()
        self._path = source if isinstance(source, Path) else None
        self._read = 0
        self._content: Content = description.load(source) if isinstance(source, Path) else source
        self._described: dict[str, Document] | None = None
        if self._path is not None:
            self._read = self._path.stat().st_mtime_ns

    @classmethod
    def described(cls) -> "Subscription":
        """Return that of COCO_REHEARSAL_DIRECTORY where it has one, else the one that COCO_REHEARSAL_AZURE names.

        Raises:
            FileNotFoundError: there is no such description.
        """
        directory = os.environ.get("COCO_REHEARSAL_DIRECTORY")
        copy = Path(directory) / COPY if directory else None
        path = copy if copy is not None and copy.is_file() else description.path_of(description.chosen())
        return cls(path, arm_state.described())

    @property
    def content(self) -> Content:
        """The description as it is now; one that cannot be read at this moment, being written, counts as unchanged."""
        if self._path is not None:
            with suppress(OSError, ValueError, KeyError, yaml.YAMLError):
                changed = self._path.stat().st_mtime_ns
                if changed != self._read:
                    self._content = description.load(self._path)
                    self._read, self._described = changed, None
        return self._content

    @property
    def id(self) -> str:
        """Subscription id."""
        return str(self.content["subscriptionId"])

    @property
    def tenant(self) -> str:
        """Tenant id."""
        return str(self.content.get("tenantId", "99999999-8888-7777-6666-555555555555"))

    @property
    def location(self) -> str:
        """The one region that things are in."""
        return str(self.content["location"])

    @property
    def cluster(self) -> Mapping[str, str]:
        """What the cluster says of its place in it, with the keys of cloud-conf."""
        names: Mapping[str, str] = self.content["cluster"]
        return names

    @property
    def vm_sizes(self) -> tuple[str, ...]:
        """Sizes that the region has and the subscription may use."""
        sizes: Mapping[str, Any] = self.content.get("vmSizes", {})
        return tuple(name for name, spec in sizes.items() if not _barred(spec or {}))

    def secrets_of(self, client: str) -> set[str]:
        """Return the secrets of a client, those described and the one that the cluster was given; none: not known."""
        identities = self.content.get("identities", {}).values()
        secrets = {
            str(secret) for each in identities if each["clientId"] == client for secret in each.get("secrets", ())
        }
        return secrets | ({self.state.secrets[client]} if client in self.state.secrets else set())

    def refusal(self, environment: Mapping[str, str], asked: Iterable[tuple[str, str]]) -> str | None:
        """Return Azure's answer to who may not sign in, or may not do one of these things; None: nothing is in the way.

        Of a client that the description does not know, nothing is known: it may do everything.

        Args:
            environment: ``AZURE_CLIENT_ID`` and ``AZURE_CLIENT_SECRET``, or ``AZURE_FEDERATED_TOKEN_FILE``.
            asked: actions, each with its scope.
        """
        client = environment.get("AZURE_CLIENT_ID", "")
        principal = roles.principals(self.content).get(client)
        if principal is None:
            return None
        secret, known = environment.get("AZURE_CLIENT_SECRET"), self.secrets_of(client)
        if not environment.get("AZURE_FEDERATED_TOKEN_FILE") and known and secret not in known:
            return f"AADSTS7000215: Invalid client secret provided for app '{client}'."
        every = self.resources().values()
        for action, scope in asked:
            if not roles.allows(roles.granted(self.content, every, principal, scope), action):
                client = f"'{client}' with object id '{principal}'"
                refused = ArmError("AuthorizationFailed", client=client, action=action, scope=scope)
                return f"{refused.code}: {refused.text}"
        return None

    def resource_groups(self) -> list[str]:
        """Return the names of all resource groups."""
        return list(self.content["resourceGroups"])

    def resources(self) -> dict[str, Document]:
        """Return every resource by its ARM id in lower case: what is described, made and not deleted."""
        content = self.content
        if self._described is None:
            every = (*documents.of(content), *roles.assignments(content))
            self._described = {each["id"].lower(): each for each in every}
        described = {key: each for key, each in self._described.items() if key not in self.state.gone}
        return {**described, **self.state.resources}

    def remove(self, arm_id: str) -> None:
        """Take a resource away, whether it was described or made."""
        described = self._described or {}
        self.state.remove(arm_id, described=arm_id.lower() in described)

    def subnet_ids(self) -> Iterator[str]:
        """Yield the ARM id of each subnet."""
        yield from self._ids("Microsoft.Network/virtualNetworks/subnets")

    def nsg_ids(self) -> Iterator[str]:
        """Yield the ARM id of each network security group."""
        yield from self._ids("Microsoft.Network/networkSecurityGroups")

    def _ids(self, kind: str) -> Iterator[str]:
        yield from (each["id"] for each in self.resources().values() if each["type"] == kind)


def _barred(spec: Content) -> bool:
    return any(not each.get("zones") for each in spec.get("restrictions", ()))


def copy_into(directory: Path) -> None:
    """Give a cluster's folder its copy of the description; one that it has stays, with what was changed in it.

    Raises:
        FileNotFoundError: there is no such description.
        ValueError: the cluster lies in another Azure than the one that is asked for.
    """
    if (problem := moved(directory)) is not None:
        raise ValueError(problem)
    target = directory / COPY
    if not target.is_file():
        source = description.path_of(description.chosen())
        directory.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{_FROM}{source.resolve()}\n{source.read_text(encoding='utf-8')}", encoding="utf-8")


def moved(directory: Path) -> str | None:
    """Return why a cluster cannot go on in the Azure that COCO_REHEARSAL_AZURE asks for; it has none to say: None."""
    target, asked = directory / COPY, os.environ.get(description.VARIABLE)
    head = target.read_text(encoding="utf-8").partition("\n")[0] if target.is_file() else ""
    if not asked or not head.startswith(_FROM):
        return None
    before, wanted = head.removeprefix(_FROM), str(description.path_of(asked).resolve())
    if before == wanted:
        return None
    return (
        f"this cluster was made in the Azure of {before}, and {description.VARIABLE} asks for {wanted}. A cluster does "
        "not move: remove it with `make rehearsal-clean` first, or leave CLUSTER out"
    )
