"""Credentials of private registries, which pod VMs get from KBS."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from coco_azure.formats.images import registry_credentials
from coco_azure.formats.kbs.resource_uri import ResourceUri
from coco_azure.settings.base import Model, SecretFile
from coco_azure.settings.client_secrets import SecretKey, SecretName


def _check_file(text: SecretStr) -> SecretStr:
    registry_credentials.parse(text.get_secret_value())
    return text


class RegistryLogin(Model):
    """User and password of one registry."""

    username: str = Field(min_length=1)
    """Name of the user or robot account."""
    password: SecretStr
    """Password or token; set it with: pulumi config set --secret --path."""


class RegistryCredentialsSettings(Model):
    """What pod VMs pull private images with; from a file, or user and password per registry."""

    auth_file: Annotated[SecretFile, AfterValidator(_check_file)] | None = None
    """Path of an auth.json, as ``podman login --authfile`` writes it; keep it out of version control."""
    registries: dict[str, RegistryLogin] = Field(default={})
    """Registry (``quay.io``) or prefix (``quay.io/my-org``) to user and password."""
    secret: SecretName = registry_credentials.RESOURCE.secret
    """Name of the Secret that KBS serves them from."""
    key: SecretKey = registry_credentials.RESOURCE.key
    """Key in that Secret."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "RegistryCredentialsSettings":
        if (self.auth_file is None) == (not self.registries):
            raise ValueError("needed either authFile (a file of podman login --authfile) or registries, not both")
        self.text()
        return self

    @property
    def resource(self) -> ResourceUri:
        """Where KBS serves them; ``authenticated_registry_credentials_uri`` of cdh.toml."""
        return ResourceUri(self.secret, self.key)

    def text(self) -> str:
        """Return the auth.json; a secret."""
        if self.auth_file is not None:
            return self.auth_file.get_secret_value()
        return registry_credentials.render(
            {
                registry: (login.username, login.password.get_secret_value())
                for registry, login in self.registries.items()
            }
        )
