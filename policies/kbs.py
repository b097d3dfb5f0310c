"""Rules about KBS: how it is reached, who administers it, which tokens it believes, its PCCS.

Schemas of ``kbs-config.toml``: ``coco_azure.formats.kbs.kbs_config``.
"""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from coco_azure import names
from coco_azure.formats.kbs import tdx
from coco_azure.formats.kbs.kbs_config import JSON_KEY
from policies import reading
from policies.model import Config, Option, Resource, Rule, Stack, UnknownError, Violation
from policies.reading import UnreadableError, part

_TERMINATED = ("edge", "reencrypt")
_INTEL = "trustedservices.intel.com"


def _tls_in_front(stack: Stack, _: Config) -> Iterator[Violation]:
    for config in stack.objects("ConfigMap", names.KBS_CONFIG_CM):
        try:
            server = part(reading.kbs(config), "http_server") or {}
        except UnreadableError as error:
            yield Violation(message=f"{config}: {error}", resource=config)
            continue
        https = server.get("insecure_http") is False and server.get("private_key") and server.get("certificate")
        if https:
            continue
        yield from _routes(stack, config)
        yield from _services(stack)


def _routes(stack: Stack, config: Resource) -> Iterator[Violation]:
    routes = [each for each in stack.objects("Route", names.KBS_SERVICE) if each.namespace == config.namespace]
    if not routes:
        yield Violation(
            message=f"KBS serves plain http ({config}), and no Route {names.KBS_SERVICE} stands before it",
            resource=config,
        )
    for route in routes:
        termination = route.at("spec", "tls", "termination")
        if termination not in _TERMINATED:
            termination_text = termination or "no TLS at all"
            yield Violation(
                message=f"KBS serves plain http, and {route} terminates no TLS (found: {termination_text})",
                resource=route,
            )
        if route.at("spec", "tls", "insecureEdgeTerminationPolicy") == "Allow":
            yield Violation(
                message=f"{route} also passes plain http on (insecureEdgeTerminationPolicy: Allow)", resource=route
            )


def _services(stack: Stack) -> Iterator[Violation]:
    for kbs in stack.objects("KbsConfig"):
        try:
            service = kbs.at("spec", "kbsServiceType")
        except UnknownError:
            continue  # a preview of something new: the run ends with the spec known
        if service in ("NodePort", "LoadBalancer"):
            yield Violation(message=f"KBS serves plain http, and {kbs} has a Service of type {service}", resource=kbs)


def _https_in_initdata(resource: Resource, _: Config) -> Iterator[str]:
    for where, encoded in reading.initdata_of(resource):
        try:
            files = reading.initdata(encoded)
            agent, hub = (reading.toml(files.get(name, "")) for name in ("aa.toml", "cdh.toml"))
        except UnreadableError as error:
            yield f"{where}: {error}"
            continue
        urls = [part(agent, "token_configs", "kbs", "url"), part(hub, "kbc", "url")]
        wrong = [str(url or "no KBS") for url in urls if not isinstance(url, str) or not url.startswith("https://")]
        if wrong:
            yield f"{where} sends pod VMs to {' and '.join(dict.fromkeys(wrong))}, needed is an https URL"


def _admin_closed(resource: Resource, _: Config) -> Iterator[str]:
    if not reading.is_config_map(resource, names.KBS_CONFIG_CM):
        return
    try:
        admin = part(reading.kbs(resource), "admin")
        legacy = json.loads(resource.at("data", JSON_KEY) or "{}")
    except ValueError as error:
        yield f"{resource}: {error}"
        return
    if part(legacy, "insecure_api") is True:
        yield f"{resource}: {JSON_KEY} has insecure_api"
    if not _is_closed(admin):
        yield f"{resource}: [admin] lets anybody use the admin API, who can then set policies and secrets"


def _is_closed(admin: object) -> bool:
    """Return whether a key is asked for, in the form of 0.3 to 1.0, of 1.1 or of 1.2; what is in none of them is not.

    Source: openshift/trustee ``kbs/src/admin`` at v0.3.0, v1.1.0 and v1.2.0.
    """
    if part(admin, "insecure_api") is not None:
        return part(admin, "insecure_api") is False and bool(part(admin, "auth_public_key"))
    if part(admin, "type") is not None:
        return part(admin, "type") == "Simple" and bool(part(admin, "personas"))
    if part(admin, "authorization_mode") is not None:
        providers = part(admin, "authentication", "bearer_jwt", "identity_providers")
        return part(admin, "authorization_mode") == "AuthenticatedAuthorization" and bool(providers)
    return bool(part(admin, "auth_public_key"))


def _tokens_vouched(resource: Resource, _: Config) -> Iterator[str]:
    if not reading.is_config_map(resource, names.KBS_CONFIG_CM):
        return
    try:
        token = part(reading.kbs(resource), "attestation_token") or {}
    except UnreadableError as error:
        yield f"{resource}: {error}"
        return
    blind = [key for key in ("insecure_key", "insecure_header_jwk") if token.get(key)]
    if blind or not token.get("trusted_certs_paths"):
        paths = ", ".join(blind) or "no trusted_certs_paths"
        yield f"{resource}: KBS believes a token whoever signed it ({paths})"


def _own_pccs(resource: Resource, config: Config) -> Iterator[str]:
    urls: list[object] = []
    try:
        if reading.is_config_map(resource, names.KBS_CONFIG_CM):
            service = part(reading.kbs(resource), "attestation_service")
            urls.append(part(service, "verifier_config", "dcap_verifier", "collateral_service"))
        if reading.is_config_map(resource, names.TDX_CONFIG):
            document = json.loads(resource.at("data", tdx.FILE) or "{}")
            urls.append(part(document, "collateral_service") or part(document, "pccs_url") or "nothing")
    except ValueError as error:
        yield f"{resource}: {error}"
    for url in urls:
        if url is not None and not _is_own(str(url), config["publicHosts"]):
            yield f"{resource}: TDX quotes are verified by collateral from {url}, needed is a PCCS of your own"


def _is_own(url: str, public: list[str]) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    return bool(host) and not any(host == each or host.endswith(f".{each}") for each in public)


_HOSTS = Option(
    schema={"type": "array", "items": {"type": "string"}},
    default=[_INTEL],
    doc="hosts, with all below them, that are public services and no PCCS",
)

RULES = (
    Rule(
        id="kbs-behind-tls",
        title="KBS without https of its own stands behind a Route that terminates TLS",
        why="Secrets and tokens would pass in plain text",
        remedy="Leave coco-azure:trustee.tls.termination at edge or set it to passthrough, and "
        "coco-azure:trustee.serviceType out: pulumi config rm --path 'coco-azure:trustee.serviceType'",
        severity="critical",
        stack=_tls_in_front,
    ),
    Rule(
        id="kbs-url-https",
        title="initdata sends pod VMs to an https URL",
        why="Whoever is between pod VM and KBS would read the secrets",
        remedy="Use an https URL: pulumi config rm --path 'coco-azure:initdata.kbsUrl' takes that of the Route",
        severity="critical",
        resource=_https_in_initdata,
    ),
    Rule(
        id="kbs-admin-closed",
        title="The admin API of KBS asks for a key (no insecure_api)",
        why="Anybody who reaches KBS could replace its policies and secrets",
        remedy="Deploy the configuration that this project renders; it always asks for the administrator's key "
        "(coco-azure:trustee.adminPrivateKey, or one that is made)",
        severity="critical",
        resource=_admin_closed,
    ),
    Rule(
        id="kbs-tokens-vouched",
        title="KBS believes only attestation tokens that a kept certificate vouches for",
        why="A token that anybody signed would get every secret",
        remedy="Sign tokens, as is the default: pulumi config rm --path 'coco-azure:trustee.signTokens'",
        severity="critical",
        resource=_tokens_vouched,
    ),
    Rule(
        id="tdx-own-pccs",
        title="TDX quotes are verified with a PCCS of your own, not with Intel's public service",
        why="Attestation would depend on a public service, its limits and what it is told of your machines",
        remedy="Set your PCCS: pulumi config set --path 'coco-azure:trustee.tdx.pccsUrl' https://...",
        severity="medium",
        resource=_own_pccs,
        options={"publicHosts": _HOSTS},
    ),
)
