"""Why a cluster cannot be asked, in one sentence with the command that mends it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coco_azure.settings.cluster import ClusterSettings

_DEFAULT = "~/.kube/config"
_UNAUTHORIZED, _FORBIDDEN = 401, 403


def why_not(error: Exception, settings: ClusterSettings, setting: str = "cluster") -> str:
    """Return the sentence; empty where the API server answered and the error is of something else.

    Args:
        setting: the part of the settings that they are; empty where options of a command say so.
    """
    from kubernetes.client import ApiException  # noqa: PLC0415 - slow to import
    from kubernetes.config import ConfigException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    if not isinstance(error, ApiException) and (unreadable := _unreadable(_path(settings))):
        way = f"Sign in anew (oc login URL), or name another: {_command(setting, 'kubeconfig')} FILE"
        return f"kubeconfig {unreadable}. {way}"
    kubeconfig = _Kubeconfig(settings)
    if isinstance(error, ConfigException):
        return missing_program(settings, setting) or kubeconfig.problem(error, setting)
    if isinstance(error, ApiException) and _is_nobody(error):
        return (
            f"the API server {kubeconfig.server} does not accept the credentials of {kubeconfig.source} (401 "
            "Unauthorized). A token of `oc login` is good for a day, as a rule; get another: "
            f"oc login {kubeconfig.server}"
        )
    if isinstance(error, HTTPError | OSError):
        reason = getattr(error, "reason", None) or error
        return (
            f"the API server {kubeconfig.server} of {kubeconfig.source} does not answer ({reason}). Needed: a network "
            "that reaches it (VPN, proxy; try oc get --raw /version), or another cluster: "
            f"{_command(setting, 'context')} NAME"
        )
    return ""


def missing_program(settings: ClusterSettings, setting: str = "cluster") -> str:
    """Return the sentence about the program that a kubeconfig signs in with, if it is not installed; else empty."""
    kubeconfig = _Kubeconfig(settings)
    program = str((kubeconfig.user.get("exec") or {}).get("command") or "")
    if not program or shutil.which(program, path=os.environ.get("PATH")) or Path(program).is_file():
        return ""
    hint = str(kubeconfig.user["exec"].get("installHint") or "").strip()
    return (
        f"{kubeconfig.source} signs in with the program {program}, which is not on PATH. Install it"
        f"{f' ({hint})' if hint else ''}, or sign in with a token: oc login {kubeconfig.server}; or name another "
        f"user's context: {_command(setting, 'context')} NAME"
    )


def _command(setting: str, name: str) -> str:
    return f"pulumi config set --path coco-azure:{setting}.{name}" if setting else f"--{name}"


def _path(settings: ClusterSettings) -> str:
    return settings.kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT


def _unreadable(path: str) -> str:
    """Return why one of the files of a kubeconfig cannot be read, with nothing of what it holds; empty: all can."""
    import yaml  # noqa: PLC0415 - slow to import

    for each in path.split(os.pathsep):
        try:
            content = yaml.safe_load(Path(each).expanduser().read_bytes().decode())
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{each} cannot be read ({error.strerror})"
        except UnicodeDecodeError:
            return f"{each} is no text in UTF-8"
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            return f"{each} is no YAML{f' (line {mark.line + 1})' if mark else ''}"
        if content is not None and not isinstance(content, dict):
            return f"{each} is none: it holds no object with clusters, users and contexts"
    return ""


class _Kubeconfig:
    """What the kubeconfig of the settings says, as far as it can be read."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._path = _path(settings)
        self._named = settings
        content = _read(self._path)
        self.contexts = [str(each.get("name")) for each in content.get("contexts") or ()]
        self.context = settings.context or str(content.get("current-context") or "")
        inner = _entry(content, "contexts", self.context).get("context") or {}
        self.user: Mapping[str, Any] = _entry(content, "users", str(inner.get("user"))).get("user") or {}
        cluster = _entry(content, "clusters", str(inner.get("cluster"))).get("cluster") or {}
        self.server = str(cluster.get("server") or "of the cluster")

    @property
    def source(self) -> str:
        """Where it was read, and which part of it counts."""
        return f"kubeconfig {self._path}" + (f", context {self.context}" if self.context else "")

    def problem(self, error: Exception, setting: str) -> str:
        """Return why the kubeconfig cannot be used."""
        kubeconfig, context = _command(setting, "kubeconfig"), _command(setting, "context")
        if not any(Path(path).expanduser().is_file() for path in self._path.split(os.pathsep)):
            named = f"coco-azure:{setting}.kubeconfig" if setting else "--kubeconfig"
            origin = named if self._named.kubeconfig else "KUBECONFIG"
            where = f"{origin} is {self._path}, and there is no such file"
            if self._path == _DEFAULT:
                where = f"neither {named} nor KUBECONFIG is set, and {_DEFAULT} is not there"
            return f"no kubeconfig: {where}. Sign in: oc login URL; or name one: {kubeconfig} FILE"
        if self.context not in self.contexts:
            what = f"has no context {self.context}" if self.context else "has no current context"
            known = ", ".join(self.contexts) or "none"
            return f"kubeconfig {self._path} {what} (contexts: {known}). Choose one: {context} NAME"
        first = str(error).strip().partition("\n")[0]
        return f"{self.source} cannot be used: {first}. Sign in anew (oc login URL), or name another: {context} NAME"


def _read(path: str) -> Mapping[str, Any]:
    """Return kubeconfigs as one; of a name that several of them have the first counts, as for ``oc``."""
    import yaml  # noqa: PLC0415 - slow to import

    merged: dict[str, Any] = {}
    for each in path.split(os.pathsep):
        try:
            content = yaml.safe_load(Path(each).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue
        for key, value in content.items() if isinstance(content, dict) else ():
            had = merged.get(key)
            merged[key] = [*had, *value] if isinstance(had, list) and isinstance(value, list) else had or value
    return merged


def _entry(content: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    entries = content.get(kind) or ()
    return next((each for each in entries if isinstance(each, dict) and each.get("name") == name), {})


def _is_nobody(error: Any) -> bool:
    """Return whether the API server does not know who asks; OpenShift takes who brings nothing for anonymous."""
    anonymous = error.status == _FORBIDDEN and "system:anonymous" in str(error.body)
    return bool(error.status == _UNAUTHORIZED or anonymous)
