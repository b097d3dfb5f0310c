"""The resources that the stand-in makes: where each lies in ARM, what replaces it, how it is named when nobody says.

Names of inputs are those of the SDK of azure-native 3.29.0. Default names (copied for what is inside another resource,
with a random end elsewhere, a GUID for a role assignment) and what replaces a resource are as remembered of the
provider: its metadata is not part of the SDK.
"""

import random
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from rehearsal.azure_provider.arm import ProviderError


class Kind(BaseModel):
    """A kind of resource.

    Attributes:
        path: ARM id, with names of inputs in braces.
        version: api-version.
        name: the input that names it.
        naming: ``copy``, ``random`` or ``uuid``.
        required: inputs without which azure-native does not take it.
        replaces: inputs whose change makes a replacement, beside those of the path.
        located: whether it has a ``location``, which is its resource group's by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    version: str
    name: str
    naming: str = "random"
    required: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    located: bool = True

    @property
    def path_names(self) -> tuple[str, ...]:
        """Inputs that only the path has."""
        return tuple(
            part.partition("}")[0] for part in self.path.split("{")[1:] if not part.startswith("subscription}")
        )

    def at(self, subscription: str, inputs: Mapping[str, Any]) -> str:
        """Return the ARM id that inputs mean; raises ProviderError where one is missing."""
        needed = (*self.path_names, *self.required)
        if missing := [each for each in needed if inputs.get(each) in (None, "")]:
            raise ProviderError(f"missing required property {', '.join(missing)}")
        values = {each: str(inputs[each]).strip("/") if each == "scope" else inputs[each] for each in self.path_names}
        return self.path.format(subscription=subscription, **values)

    def of(self, arm: str) -> dict[str, str]:
        """Return the inputs that an ARM id says."""
        if "{scope}" in self.path:
            scope, _, name = arm.rpartition("/providers/Microsoft.Authorization/roleAssignments/")
            return {"scope": scope.strip("/"), "roleAssignmentName": name}
        segments = self.path.split("/")
        parts = arm.split("/")
        return {
            part.strip("{}"): value
            for part, value in zip(segments, parts, strict=True)
            if part.startswith("{") and part != "{subscription}"
        }

    def default_name(self, name: str, seed: bytes) -> str:
        """Return a name for a resource of the program that does not give one."""
        chance = random.Random(seed)  # noqa: S311 - the engine's seed decides, so that a repeated check says the same
        if self.naming == "uuid":
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        return name if self.naming == "copy" else f"{name}{chance.getrandbits(32):08x}"


_TABLE = yaml.safe_load(Path(__file__).with_name("kinds.yaml").read_text(encoding="utf-8"))
KINDS: Mapping[str, Kind] = {token: Kind(**entry) for token, entry in _TABLE.items()}
"""Every resource that can be made, by its token."""


def kind_of(token: str) -> Kind:
    """Return a kind by its token; raises ProviderError."""
    # Of a component's child the engine says the types of its parents as well, with "$" between.
    token = token.rpartition("$")[2]
    if token not in KINDS:
        raise ProviderError(f"{token} is not among the resources of this rehearsal's Azure: {', '.join(KINDS)}")
    return KINDS[token]
