"""``coco-azure support``: one file for whoever is asked for help; no secret of the stack is in it."""

import base64
import importlib.metadata
import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from coco_azure import names
from coco_azure import run_marks as marks
from coco_azure.cli import CommandContext, CommandError
from coco_azure.cli.support import cluster
from coco_azure.clients import kubernetes
from coco_azure.clients.pulumi_cli import Engine, EngineError
from coco_azure.settings import stack_config
from coco_azure.settings.cluster import ClusterSettings

TAKEN_OUT = "█████"
"""No word: a password may be one."""
SHORTEST = 4
"""Characters of the shortest secret that is looked for: a shorter one is in every text."""
_SHORTEST_LINE = 16
"""Characters of a line of a longer secret, such as a key, that is looked for by itself."""
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)", re.DOTALL),
    re.compile(r"sha256~[\w-]{20,}"),  # a token of OpenShift
    re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),  # JSON Web Tokens
    re.compile(r"(?i)\bbearer [\w.~+/=-]{8,}"),
    re.compile(r"[\w.~-]{3}8Q~[\w.~-]{31,34}"),  # a client secret of Microsoft Entra
)


def redact(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON-compatible data without these secrets, in texts and in names, however they are written there."""
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, forms))) if forms else None
    return _redacted(value, known)


def _redacted(value: Any, known: "re.Pattern[str] | None") -> Any:
    if isinstance(value, str):
        return _text(value, known)
    if isinstance(value, Mapping):
        return {_text(str(name), known): _redacted(inner, known) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner, known) for inner in value]
    return value if _text(text := json.dumps(value), known) == text else TAKEN_OUT


def _text(text: str, known: "re.Pattern[str] | None") -> str:
    for pattern in (*([known] if known is not None else []), *_LOOKS):
        text = pattern.sub(TAKEN_OUT, text)
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield the texts by which a secret may stand somewhere: as it is, quoted, encoded, and line by line."""
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE]
    for part in (secret, secret.strip(), *lines):
        if len(part) < SHORTEST:
            continue
        raw = part.encode(errors="surrogatepass")
        yield from (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
        yield from (quote(raw, safe=""), quote(raw), raw.hex())
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(raw).decode().rstrip("=")


_PROGRAMS = ("pulumi", "pulumi-kubernetes", "pulumi-azure-native", "kubernetes", "pydantic")
_RUNS = 5
_PLAN = (marks.CLUSTER, marks.ROLLOUT, marks.PREFLIGHT, marks.COSTS)
_MUST_GATHER = "registry.redhat.io/openshift-sandboxed-containers/osc-must-gather-rhel9"


@click.command("support", epilog="Exit code: 0 the file was written, 1 it was not.")
@click.option("--stack", help="Name of the stack; default: the selected one.")
@click.option("--out", type=click.Path(path_type=Path), help="The file; default: support-STACK.json.")
@click.option("--no-preview", is_flag=True, help="Leave out what the next run would do: asks Azure nothing.")
@click.pass_obj
def command(surroundings: CommandContext, stack: str | None, out: Path | None, *, no_preview: bool) -> int:
    """Collect what a maintainer needs into one file, without a secret in it."""
    engine = surroundings.engine(stack)
    try:
        name = engine.name()
        secrets = engine.secrets()
        data = {"versions": _versions(), "stack": _stack(engine, name)}
        config = stack_config.decode_entries(engine.config())
    except EngineError as error:
        raise CommandError(f"nothing was written, for what is secret in the stack has to be known: {error}") from error
    if not no_preview:
        click.echo("looking at what the next run would do ...", err=True)
        data["plan"] = _plan(engine)
    click.echo("asking the clusters ...", err=True)
    data["clusters"] = _clusters(config)
    path = out or Path(f"support-{name}.json")
    path.touch(mode=0o600)
    path.write_text(json.dumps(redact(data, secrets), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(_closing(path, data["clusters"]), nl=False)
    return 0


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in _PROGRAMS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _stack(engine: Engine, name: str) -> dict[str, Any]:
    """Return settings and outputs, secret ones masked, and the last runs."""
    shown = ("number", "kind", "started", "succeeded", "commit", "dirty", "engine")
    config = engine.config().items()
    return {
        "name": name,
        "settings": {key: "[secret]" if each.get("secret") else each.get("value") for key, each in config},
        "outputs": engine.outputs(),
        "runs": [{key: getattr(run, key) for key in shown} for run in engine.history()[:_RUNS]],
    }


def _plan(engine: Engine) -> dict[str, Any]:
    """Return what a preview says: of nodes, of the pre-flight, and what it warns of."""
    try:
        run = engine.preview()
    except EngineError as error:
        return {"notKnown": str(error)}
    plan = {name: run.marks[name] for name in _PLAN if name in run.marks}
    changes = {step.urn: step.operation for step in run.planned.values()}
    texts = {"errors": [each.text for each in run.errors], "warnings": [each.text for each in run.warnings]}
    return {"result": run.result, **plan, "changes": changes, **texts}


def _clusters(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the stack's clusters say, by the part of the settings that names each."""
    check = str(_part(config, "attestationCheck").get("namespace") or names.CHECK_NAMESPACE)
    own, trustee = _part(config, "cluster"), _part(_part(config, "trustee"), "cluster")
    of_peer_pods, of_trustee = [names.OSC_NAMESPACE, check], [names.TRUSTEE_NAMESPACE]
    places = [("cluster", own, of_peer_pods), ("trustee.cluster", trustee, of_trustee)]
    if not trustee:
        places = [("cluster", own, [*of_peer_pods, *of_trustee])]
    answers: dict[str, Any] = {}
    for name, values, namespaces in places:
        try:
            client = kubernetes.connect(ClusterSettings.model_validate(dict(values)))
        except ValueError as error:
            answers[name] = {"notKnown": str(error)}
            continue
        answers[name] = cluster.collect(client, namespaces)
    return answers


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}


def _closing(path: Path, clusters: Mapping[str, Any]) -> str:
    namespaces = clusters["cluster"].get("namespaces", {})
    csvs = namespaces.get(names.OSC_NAMESPACE, {}).get("clusterServiceVersions")
    installed = [str(each["name"]) for each in csvs] if isinstance(csvs, list) else []
    osc = next((each.rpartition(".v")[2] for each in installed if names.OSC_PACKAGE in each), "VERSION")
    return (
        f"{path}: everything that this stack keeps encrypted was taken out, and what looks like a key or a token.\n"
        "Read it before you hand it on: names, addresses and subscription ids are in it.\n"
        "For Red Hat's support, beside it:\n"
        f"  oc adm must-gather --image={_MUST_GATHER}:{osc}\n"
        "  oc adm must-gather\n"
    )
