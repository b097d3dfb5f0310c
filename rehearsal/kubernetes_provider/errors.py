"""What can go wrong, in the words that the real provider has for it."""

import http
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue

Details = Mapping[str, Any]


class ProviderError(Exception):
    """The operation fails, and the message is all that the engine gets."""


class InitFailedError(ProviderError):
    """The object exists and is not what it should become; the engine saves it and tries again at the next run.

    Becomes ``ErrorResourceInitFailed`` (``provider.go``, ``partialError``).

    Attributes:
        resource_id: ``name`` or ``namespace/name``.
        properties: state to save.
        reasons: what the engine shows and keeps with the state.
        inputs: inputs to save, after a read; None leaves those of the program.
    """

    def __init__(
        self,
        message: str,
        *,
        resource_id: str,
        properties: dict[str, PropertyValue],
        reasons: Sequence[str] = (),
        inputs: dict[str, PropertyValue] | None = None,
    ) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties
        self.reasons = [message, *reasons]
        self.inputs = inputs


class WaitError(Exception):
    """A wait has ended without what it waited for (``await/error.go``).

    Attributes:
        seen: the object as it was last seen.
        reasons: what is known of the cause.
    """

    def __init__(self, message: str, seen: Mapping[str, Any], reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.seen = seen
        self.reasons = list(reasons)


class NoMatchError(Exception):
    """The API server does not serve the kind (apimachinery ``meta.NoKindMatchError``)."""

    def __init__(self, group_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{group_version}"')


class ApiError(Exception):
    """The API server has refused a request; the message is the server's.

    Attributes:
        status: HTTP status code.
        reason: machine-readable reason of the ``Status`` object, such as ``AlreadyExists``, or "".
        details: details of the ``Status`` object.
    """

    def __init__(self, status: int, message: str, reason: str = "", details: Details | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.details = details or {}

    @property
    def not_found(self) -> bool:
        """Whether there is no such object, or no such path."""
        return self.status == http.HTTPStatus.NOT_FOUND

    @property
    def namespace_not_found(self) -> bool:
        """Whether it is the namespace that is missing (``await/error.go``, ``IsNamespaceNotFoundErr``)."""
        return self.not_found and self.details.get("kind") == "namespaces"

    @property
    def already_exists(self) -> bool:
        """Whether a create met an object of that name."""
        return self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """Whether another field manager, or another version of the object, is in the way."""
        return self.reason == "Conflict"

    @property
    def immutable(self) -> bool:
        """Whether the object has a field that cannot be changed (``await.go``, ``Creation``)."""
        return self.reason == "Invalid" and "field is immutable" in str(self)

    @property
    def forbidden(self) -> bool:
        """Whether the user may not do this."""
        return self.status == http.HTTPStatus.FORBIDDEN

    def missing_field(self) -> str | None:
        """Return the required field that the object would be left without, if that is the trouble."""
        if self.reason != "Invalid" or "Required value" not in str(self):
            return None
        causes = self.details.get("causes") or []
        return next((str(cause.get("field")) for cause in causes if cause.get("reason") == "FieldValueRequired"), None)
