"""What KBS hands out: client secrets by value, file, glob, made once or made by others; and the references to them.

Names and keys are held to what every supported Trustee can serve, so that a secret never exists and is not found.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretBytes, ValidationInfo

from coco_azure import names
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.settings.base import DnsLabel, Model, matching, read_bytes

# The Trustee operator names a volume after each secret, beside these of its own: internal/controller of
# openshift/trustee-operator, kbsconfig_controller.go and common.go, all versions from v0.3.0 to v1.2.1 together, so
# that an upgrade of the operator meets no name that it has since taken.
RESERVED_VOLUMES = frozenset(
    {
        "as-config",
        "attestation-cert",
        "attestation-key",
        "attestation-policy",
        "attestation-policy-dir",
        "attestation-policy-gpu",
        "auth-secret",
        "base-storage-dir",
        "confidential-containers",
        "default",
        "https-cert",
        "https-key",
        "kbs-config",
        "opa",
        "reference-values",
        "repository-dir",
        "resource-policy",
        "resource-policy-dir",
        "rvps-config",
        "rvps-dir",
        "tdx-config",
    }
)
CHECK_SECRET = ResourceUri(names.CHECK, "value")
"""What checks of production stacks prove themselves with: made once, kept, and no secret of anybody's."""
OWN_SECRETS = frozenset(
    {
        names.ADMIN_SECRET,
        names.TLS_KEY_SECRET,
        names.TLS_CERTIFICATE_SECRET,
        sealed_secrets.SIGNING_KEY.secret,
        CHECK_SECRET.secret,
    }
)
"""Secrets of KBS itself beside what the settings name: one of the user's would take their place."""
_LARGEST_SECRET = 1024 * 1024  # of all values together, Kubernetes' limit (core/v1 MaxSecretSize)
_SOURCES = "a text (set it with: pulumi config set --secret --path), {file: PATH} or {generate: true}"


def _check_secret_name(name: str) -> str:
    if name in RESERVED_VOLUMES:
        raise ValueError(f"the Trustee operator uses {name} for a volume of its own; choose another secret name")
    if name in OWN_SECRETS:
        raise ValueError(f"{name} holds keys of KBS itself; choose another secret name")
    return name


SecretName = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "a secret name that is a DNS label: a-z, 0-9 and -, no dots, at most 63 characters",
    ),
    AfterValidator(_check_secret_name),
]
# KBS answers to a key with a leading dot with an error, and operator 1.2 does not even copy it.
_KEY_FORM = "a secret key: letters, digits, - _ . and no dot first, at most 253 characters"
SecretKey = Annotated[str, matching(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,252}", _KEY_FORM)]


def _read_secret(source: object, info: ValidationInfo) -> object:
    if isinstance(source, ClientSecret):
        return source
    if isinstance(source, str):
        return {"value": source.encode()}
    if isinstance(source, bytes):
        return {"value": source}
    if isinstance(source, dict) and source.keys() == {"file"}:
        return {"value": read_bytes(source["file"], info)}
    if source == {"generate": True}:
        return {"value": None}
    raise ValueError(f"needed {_SOURCES}")


class ClientSecret(Model):
    """One value that KBS hands out to attested pods."""

    value: SecretBytes | None
    """The value, or None: 32 random bytes are made once and kept, or somebody else makes the Secret."""
    existing: bool = False
    """Whether somebody else makes the Secret; its value is not known here."""
    restarts: bool = True
    """Whether a new value of such a Secret rolls KBS out at the next run."""


_KEYS, _ROLL_OUT = "keys", "rollOut"
_EXISTING_FORM = "needed {existing: {keys: [KEY, ...], rollOut: true or false}}; rollOut may be left out"


def _of_others(description: Mapping[str, Any]) -> dict[str, ClientSecret]:
    """Return the keys of ``{existing: {keys: [...]}}``, a Secret that somebody else makes."""
    keys, rolls_out = description[_KEYS], description.get(_ROLL_OUT, True)
    if unknown := [name for name in description if name not in (_KEYS, _ROLL_OUT)]:
        raise ValueError(f"existing has {', '.join(unknown)}, {_EXISTING_FORM}")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"existing.keys is {keys!r}, {_EXISTING_FORM}")
    if not isinstance(rolls_out, bool):
        raise ValueError(f"existing.rollOut is {rolls_out!r}, {_EXISTING_FORM}")  # noqa: TRY004 - a user's data
    return {key: ClientSecret(value=None, existing=True, restarts=rolls_out) for key in keys}


def _expand(entries: object, info: ValidationInfo) -> object:
    """Turn ``{glob: PATTERN}`` into one key per file, and ``{existing: {keys: [...]}}`` into its keys."""
    if isinstance(entries, dict) and entries.keys() == {"existing"}:
        description = entries["existing"]
        if isinstance(description, dict) and _KEYS in description:
            return _of_others(description)
    if not isinstance(entries, dict) or entries.keys() != {"glob"}:
        return entries
    pattern = entries["glob"]
    if not isinstance(pattern, str) or not pattern:
        raise ValueError('needed a pattern such as {glob: "secrets/db/*.pem"}')
    root = Path((info.context or {}).get("root", "."))
    files: dict[str, Path] = {}
    for path in _matches(root, pattern):
        _check_key(path.name, pattern)
        if path.name in files:
            raise ValueError(
                f"glob {pattern} finds two files named {path.name} ({files[path.name].parent} and {path.parent}); "
                "a key is the name of its file, so give each folder a secret of its own"
            )
        files[path.name] = path
    return _read_all(files, pattern)


def _matches(root: Path, pattern: str) -> list[Path]:
    path = Path(pattern)
    try:
        start, relative = (Path(path.anchor), path.relative_to(path.anchor)) if path.anchor else (root, path)
        matches = sorted(each for each in start.glob(str(relative)) if each.is_file())
    except (OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"glob {pattern} cannot be searched: {error}") from None
    if not matches:
        folder = _fixed_part(path)
        folder_exists = (root / folder).is_dir()
        what = "has no such file" if folder_exists else "is no folder"
        raise ValueError(f"glob {pattern} finds nothing: {folder} {what} (relative to the folder of Pulumi.yaml)")
    return matches


def _fixed_part(pattern: Path) -> Path:
    """Return the folder before the first wildcard."""
    fixed = Path(pattern.anchor)
    for part in pattern.relative_to(fixed).parts[:-1] if pattern.anchor else pattern.parts[:-1]:
        if any(letter in part for letter in "*?["):
            break
        fixed /= part
    return fixed


def _check_key(name: str, pattern: str) -> None:
    if len(name) > 253 or not sealed_secrets.servable(name):  # noqa: PLR2004 - Kubernetes' limit, in _KEY_FORM
        raise ValueError(f"glob {pattern} finds {name!r}, needed {_KEY_FORM}; rename the file or narrow the pattern")


def _read_all(files: Mapping[str, Path], pattern: str) -> dict[str, bytes]:
    try:
        values = {name: path.read_bytes() for name, path in files.items()}
    except OSError as error:
        raise ValueError(f"glob {pattern}: cannot read {error.filename} ({error.strerror})") from None
    if (size := sum(map(len, values.values()))) > _LARGEST_SECRET:
        raise ValueError(f"glob {pattern} finds {size} bytes in {len(values)} files; a Secret holds {_LARGEST_SECRET}")
    return values


def _resource(value: Any) -> ResourceUri:
    if isinstance(value, ResourceUri):
        return value
    if not isinstance(value, str):
        raise ValueError("needed kbs:///default/SECRET/KEY or default/SECRET/KEY")  # noqa: TRY004 - a user's data
    return sealed_secrets.parse(value)


ClientSecretSource = Annotated[ClientSecret, BeforeValidator(_read_secret)]
ClientSecrets = dict[
    SecretName, Annotated[dict[SecretKey, ClientSecretSource], Field(min_length=1), BeforeValidator(_expand)]
]
"""SECRET: {KEY: source, ...}; or SECRET: {glob: PATTERN}, which makes one key per file, named like the file; or SECRET:
{existing: {keys: [KEY, ...]}}, a Secret of that name that somebody else makes beside KBS."""
GENERATED = ClientSecret(value=None)

Resource = Annotated[ResourceUri, BeforeValidator(_resource)]
"""Set to ``kbs:///default/SECRET/KEY`` or ``default/SECRET/KEY``."""

WorkloadSecretName = Annotated[
    str,
    matching(
        r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        "the name of a Kubernetes Secret: a-z, 0-9, - and dots between",
    ),
]
WorkloadSecretKey = Annotated[
    str, matching(r"(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}", "a key of a Kubernetes Secret: letters, digits, - _ .")
]
SealedSecrets = dict[
    DnsLabel, dict[WorkloadSecretName, Annotated[dict[WorkloadSecretKey, Resource], Field(min_length=1)]]
]
"""NAMESPACE: {SECRET: {KEY: default/SECRET/KEY of KBS}}: Secrets of workloads that hold references and no value."""


def of_others(secrets: ClientSecrets) -> dict[str, tuple[str, ...]]:
    """Return the keys of each Secret that somebody else makes."""
    return {name: tuple(keys) for name, keys in secrets.items() if any(each.existing for each in keys.values())}


def served(secrets: ClientSecrets, *others: ResourceUri) -> frozenset[str]:
    """Return the paths (``default/SECRET/KEY``) of everything that KBS serves.

    Args:
        others: what is served beside them: image policy, keys, credentials.
    """
    paths = {ResourceUri(secret, key).path for secret, entries in secrets.items() for key in entries}
    return frozenset(paths | {other.path for other in others})


def unserved(sealed: SealedSecrets, paths: Collection[str]) -> list[str]:
    """Return one complaint for each sealed reference that no secret serves; ``paths`` as of ``served``."""
    complaints = (
        sealed_secrets.unserved(resource, paths, f"sealedSecrets.{namespace}.{secret}.{key}")
        for namespace, secrets in sealed.items()
        for secret, entries in secrets.items()
        for key, resource in entries.items()
    )
    return [complaint for complaint in complaints if complaint is not None]
