"""The configuration of KBS, read as each version's structures read it.

Sources, at each tag of openshift/trustee: ``kbs/src/config.rs``, ``kbs/src/{admin,token,policy_engine,plugins}``,
``kbs/src/attestation``, ``attestation-service/src``, ``rvps/src``, ``deps/key-value-storage``. Known are the
variants that the image for an AllInOneDeployment has (``kbs/docker/rhel-ubi``): the built-in attestation service, no
key service of a cloud.
"""

import ipaddress
import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.kubelet.kbs.model import StartError
from rehearsal.kubelet.kbs.serde import (
    Field,
    Kind,
    SchemaError,
    anything,
    boolean,
    integer,
    one_of,
    optional,
    sequence,
    string,
    struct,
    tagged,
)
from rehearsal.kubelet.kbs.versions import Version

AS_WORK_DIR = "/opt/confidential-containers/attestation-service"
_SOCKET = "127.0.0.1:8080"
_STORAGES = (
    "Memory",
    "memory",
    "LocalJson",
    "local_json",
    "LocalFs",
    "local_fs",
    "Postgres",
    "postgres",
    "Redis",
    "redis",
)
_PORTS = range(65536)


def parse(path: str, text: str, version: Version) -> Mapping[str, Any]:
    """Return the configuration with every default filled in.

    Raises:
        StartError: it is refused, with the message that this version ends with.
    """
    try:
        said = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise StartError(_refused(path, version, str(error), syntax=True)) from error
    try:
        return dict(_kbs(version)(_with_defaults(said, version), loose=True))
    except SchemaError as error:
        raise StartError(_refused(path, version, str(error), syntax=False)) from error


def _refused(path: str, version: Version, message: str, *, syntax: bool) -> str:
    if version.has_storage:
        return f"failed to load configuration file {path}: {message}"
    return f"{message} in {path}" if syntax else f"invalid config: {message}"


def _with_defaults(said: Mapping[str, Any], version: Version) -> Mapping[str, Any]:
    """Return what is said with what the loader sets before it reads (``set_default``, until 1.0)."""
    if not version.has_simple_token:
        return said
    preset: Mapping[str, Mapping[str, Any]] = {
        "admin": {},
        "http_server": {},
        "attestation_service": {"policy_ids": []},
    }
    sections = {
        name: {**content, **said.get(name, {})}
        for name, content in preset.items()
        if isinstance(said.get(name, {}), Mapping)
    }
    return {**said, **sections}


def _kbs(version: Version) -> Kind:
    fields = {
        "attestation_token": _section(_token(version)),
        "attestation_service": _attestation_service(version),
        "http_server": Field(_http_server(version)),
        "admin": Field(_admin(version)),
        "plugins": Field(sequence(_plugin(version)), []),
    }
    if version.has_storage:
        fields["storage_backend"] = _section(_storage_backend())
        fields["session_storage_type"] = optional(one_of(*_STORAGES))
    else:
        default = {"policy_path": "/opt/confidential-containers/kbs/policy.rego"}
        fields["policy_engine"] = Field(struct({"policy_path": Field(string)}), default)
    return struct(fields)


def _section(kind: Kind) -> Field:
    """Return a field that is its own default where it is left out."""
    return Field(kind, kind({}, loose=True))


def _socket(value: Any, *, loose: bool) -> str:
    text = string(value, loose=loose)
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError as error:
        raise SchemaError("invalid socket address syntax") from error
    if not port.isdigit() or int(port) not in _PORTS:
        raise SchemaError("invalid socket address syntax")
    return text


def _http_server(version: Version) -> Kind:
    fields = {
        "sockets": Field(sequence(_socket), [_SOCKET]),
        "insecure_http": Field(boolean, default=False),
    }
    if version.has_payload_size:
        fields["payload_request_size"] = Field(integer, 2)
    if version.has_classes:
        fields["worker_count"] = optional(integer)
    files = {"private_key": optional(string), "certificate": optional(string)}
    if not version.has_storage:
        return struct({**fields, **files})
    versions = one_of("1.2", "1.3")
    tls = {
        **files,
        "tls_profile": Field(one_of("old", "intermediate", "modern", "custom"), "intermediate"),
        "tls_min_version": optional(versions),
        "tls_max_version": optional(versions),
        "tls_ciphers": optional(string),
        "tls_groups": optional(string),
    }
    return struct(fields, flat=struct(tls))


def _token(version: Version) -> Kind:
    lists = ("extra_teekey_paths", "trusted_certs_paths", "trusted_jwk_sets")
    insecure = "insecure_header_jwk" if version.has_storage else "insecure_key"
    return struct({**{name: Field(sequence(string), []) for name in lists}, insecure: Field(boolean, default=False)})


def _admin(version: Version) -> Kind:
    if version.has_simple_token:
        return struct({"auth_public_key": optional(string), "insecure_api": Field(boolean, default=False)})
    nothing = struct({})
    if not version.has_storage:
        persona = struct({"id": Field(string), "public_key_path": Field(string)})
        backends = {
            "Simple": struct({"personas": Field(sequence(persona), [])}),
            "InsecureAllowAll": nothing,
            "DenyAll": nothing,
        }
        role = struct({"id": Field(string), "allowed_endpoints": Field(string, "")}, closed=True)
        return struct({"roles": Field(sequence(role), [])}, flat=tagged("type", backends))
    closed = struct({}, closed=True)
    provider = struct(
        {name: optional(string) for name in ("issuer", "audience", "public_key_uri", "jwk_set_uri")}, closed=True
    )
    bearer = struct({"identity_providers": Field(sequence(provider), [])}, closed=True)
    acl = struct({"role": Field(string), "allowed_endpoints": Field(string, "")}, closed=True)
    access = struct({"acls": Field(sequence(acl), [])}, closed=True)
    authenticated = {
        "authentication": Field(struct({"bearer_jwt": Field(bearer)}, closed=True)),
        "authorization": Field(struct({"regex_acl": Field(access)}, closed=True)),
    }
    modes = {
        "InsecureAllowAll": closed,
        "DenyAll": closed,
        "AuthenticatedAuthorization": struct(authenticated, closed=True),
    }
    return tagged("authorization_mode", modes)


def _plugin(version: Version) -> Kind:
    sample = struct({"item": Field(string)})
    if version.has_storage:
        stores = {"KvStorage": struct({}), "Vault": _vault()}
        resource = tagged("storage_backend_type", stores, {"kvstorage": "KvStorage", "vault": "Vault"})
    else:
        stores = {"LocalFs": struct({"dir_path": Field(string, "")})}
        if version.has_classes:
            stores["Vault"] = _vault()
        resource = tagged("type", stores, {"vault": "Vault"})
    aliases = {"sample": "Sample", "resource": "ResourceStorage"}
    return tagged("name", {"Sample": sample, "ResourceStorage": resource}, aliases)


def _vault() -> Kind:
    words = {"vault_url": Field(string), "token": Field(string), "mount_path": Field(string, "secret")}
    return struct({**words, "verify_ssl": Field(boolean, default=True), "ca_certs": optional(sequence(string))})


def _attestation_service(version: Version) -> Field:
    kinds = {"CoCoASBuiltIn": struct(_built_in(version))}
    kind = struct({"timeout": Field(integer, 5)}, flat=tagged("type", kinds, {"coco_as_builtin": "CoCoASBuiltIn"}))
    return Field(kind, kind({"type": "coco_as_builtin"}, loose=True))


def _built_in(version: Version) -> dict[str, Field]:
    fields = {
        "rvps_config": Field(_rvps(version), _rvps(version)({"type": "BuiltIn"}, loose=False)),
        "attestation_token_broker": _broker(version),
    }
    if version.asks_for_references:
        fields["verifier_config"] = optional(_verifiers())
    if version.has_storage:
        fields["storage_type"] = optional(one_of(*_STORAGES))
    else:
        fields["work_dir"] = Field(string, AS_WORK_DIR)
    return fields


def _broker(version: Version) -> Field:
    signer = {"key_path": Field(string), "cert_url": optional(string), "cert_path": optional(string)}
    common = {
        "duration_min": Field(integer, 5),
        "issuer_name": Field(string, "CoCo-Attestation-Service"),
        "signer": optional(struct(signer)),
    }
    words = {name: Field(string, "") for name in ("developer_name", "build_name", "profile_name")}

    def of(folder: str) -> Kind:
        return struct({**common, **words, "policy_dir": Field(string, f"{AS_WORK_DIR}/token/{folder}")})

    if version.has_simple_token:
        simple = struct({**common, "policy_dir": Field(string, f"{AS_WORK_DIR}/token/simple/policies")})
        kind = tagged("type", {"Simple": simple, "Ear": of("ear/policies")})
        return Field(kind, kind({"type": "Ear"}, loose=False))
    kind = (
        struct({**common, **words, "verbose_token": Field(boolean, default=True)})
        if version.has_storage
        else of("policies")
    )
    return Field(kind, kind({}, loose=False))


def _rvps(version: Version) -> Kind:
    remote = struct({"address": Field(string, "http://127.0.0.1:50003")})
    if version.has_storage:
        built_in = {"extractors": optional(anything), "storage_type": optional(one_of(*_STORAGES))}
        return tagged("type", {"BuiltIn": struct(built_in), "GrpcRemote": remote})
    paths = {
        "LocalFs": f"{AS_WORK_DIR}/reference_values",
        "LocalJson": f"{AS_WORK_DIR}/reference_values.json",
    }
    storage = tagged("type", {name: struct({"file_path": Field(string, path)}) for name, path in paths.items()})
    fields = {"storage": Field(storage, storage({"type": "LocalFs"}, loose=False))}
    if version.has_classes:
        fields["extractors"] = optional(anything)
    return tagged("type", {"BuiltIn": struct(fields), "GrpcRemote": remote})


def _verifiers() -> Kind:
    source = {
        "OfflineStore": struct({"path": optional(string)}),
        "KDS": struct({"base_url": optional(string)}),
    }
    nvidia = tagged(
        "type",
        {"Local": struct({}), "Remote": struct({"verifier_url": optional(string)})},
        {"local": "Local", "remote": "Remote"},
    )
    collateral = {
        "collateral_service": Field(string),
        "use_secure_cert": optional(boolean),
        "tcb_update_type": Field(one_of("early", "standard"), "early"),
    }
    return struct(
        {
            "nvidia_verifier": optional(nvidia),
            "snp_verifier": optional(struct({"vcek_sources": Field(sequence(tagged("type", source)), [])})),
            "dcap_verifier": optional(struct(collateral)),
        }
    )


def _storage_backend() -> Kind:
    def folder(name: str, default: str) -> Field:
        return optional(struct({name: Field(string, f"/opt/confidential-containers/storage/{default}")}))

    backends: Callable[..., Any] = struct(
        {"local_fs": folder("dir_path", "local_fs"), "local_json": folder("file_dir_path", "local_json")}
    )
    return struct({"storage_type": Field(one_of(*_STORAGES), "Memory"), "backends": _section(backends)})
