"""The keys of a ``Pulumi.<stack>.deploy.yaml``, written down by hand: no schema of it is published.

Source: ``DeploymentSettings`` in sdk/go/common/apitype/deployments.go of pulumi/pulumi v3.259.0 (fields, names), which
the Pulumi Cloud API documents at /docs/reference/cloud-rest-api/schema/deploymentsettings/. The key ``settings``
around it is that of ``ProjectStackDeployment`` in sdk/go/common/workspace, which v3.251 removed (pulumi/pulumi#23480).
Only what this project's file may use is here.
"""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)


class Git(_Part):
    """``SourceContextGit``."""

    repo_url: str | None = None
    branch: str
    repo_dir: str | None = None
    commit: str | None = None


class Source(_Part):
    """``SourceContext``."""

    git: Git


class GitHub(_Part):
    """``DeploymentSettingsGitHub``."""

    repository: str
    pull_request_template: bool = False
    deploy_commits: bool = False
    preview_pull_requests: bool = False
    deploy_pull_request: int | None = None
    paths: list[str] = []


class AzureOidc(_Part):
    """``OperationContextAzureOIDCConfiguration``."""

    client_id: str
    tenant_id: str
    subscription_id: str


class Oidc(_Part):
    """``OperationContextOIDCConfiguration``."""

    azure: AzureOidc


class Options(_Part):
    """``OperationContextOptions``."""

    skip_install_dependencies: bool = False
    skip_intermediate_deployments: bool = False
    shell: str | None = None
    delete_after_destroy: bool = False
    remediate_if_drift_detected: bool = False


class Operation(_Part):
    """``OperationContext``; its environment variables may be secret, so this project's file has none."""

    oidc: Oidc
    pre_run_commands: list[str] = []
    options: Options = Options()


class Executor(_Part):
    """``ExecutorContext``."""

    working_directory: str | None = None
    executor_root_path: str | None = None


class DeploymentSettings(_Part):
    """``DeploymentSettings``."""

    tag: str | None = None
    executor_context: Executor | None = None
    source_context: Source
    git_hub: GitHub
    operation_context: Operation


class File(_Part):
    """The whole file."""

    settings: DeploymentSettings
