"""``coco-azure backup``: what brings Trustee back on another cluster, where it is, and whether it can be read.

Exit code: 0 everything can be read, 2 something cannot, 1 it cannot be told. It changes nothing, and shows no value.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import click

from coco_azure import names
from coco_azure.cli import CommandContext, CommandError
from coco_azure.clients import cluster_access, kubernetes
from coco_azure.clients.pulumi_cli import EngineError
from coco_azure.inventory.cluster_reader import ClusterReader
from coco_azure.settings import Settings, SettingsError, parse, schema
from coco_azure.settings.client_secrets import of_others
from coco_azure.trust import secret_bindings

_ENCRYPTED = "4dabf18193072939515e22adb298388d"
"""Key that marks an encrypted value in a state (pulumi sdk/go/common/resource/sig, ``Key``)."""
_STASH, _SECRETS = "pulumi:index:Stash", "clientSecrets"
Place = Literal["state", "file", "secret of others", "name"]
_TITLES: Mapping[Place, str] = {
    "state": "In the state of the stack, encrypted",
    "file": "In files, relative to the folder of Pulumi.yaml",
    "secret of others": f"In Secrets that somebody else makes, in namespace {names.TRUSTEE_NAMESPACE}",
    "name": "In DNS",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing to keep.

    Attributes:
        place: what kind of place it is in.
        name: its name there.
        what: what it is, or the setting that names it.
        note: what has to be known of it; empty for nothing.
    """

    place: Place
    name: str
    what: str
    note: str = ""


@click.command("backup", epilog="Exit code: 0 all of it can be read, 2 something cannot, 1 it cannot be told.")
@click.option("--stack", help="Name of the stack that has the Trustee; default: the selected one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(surroundings: CommandContext, stack: str | None, *, as_json: bool) -> int:
    """List what brings Trustee back where its cluster is lost, and try whether it can be read."""
    engine = surroundings.engine(stack)
    try:
        name, state, values = engine.name(), engine.deployment(), engine.settings()
        url = str(engine.outputs().get("trusteeUrl") or "")
        engine.secrets()
    except EngineError as error:
        raise CommandError(f"the stack cannot be read, and nothing could be brought back from it: {error}") from error
    settings, problems = _parsed(values, surroundings.project)
    if settings is not None and not settings.deploys_trustee:
        hub = settings.trustee.stack
        raise CommandError(f"the Trustee of {name} is that of {hub}: coco-azure backup --stack {hub}")
    parts = [*_kept(state), *_files(name, values, surroundings.project)]
    if settings is not None:
        others, missing = _of_others(settings)
        parts += [*others, *_host(settings, url)]
        problems += missing
    opened = _opened_by(state)
    if as_json:
        shown = {"stack": name, "openedBy": opened, "parts": [asdict(each) for each in parts], "problems": problems}
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo("\n".join(_text(name, opened, parts, problems)))
    return 2 if problems else 0


def _parsed(values: Mapping[str, Any], root: Path) -> tuple[Settings | None, list[str]]:
    try:
        return parse(values, root), []
    except SettingsError as error:
        return error.findings.valid_settings, list(error.findings.problems)


def _kept(state: Mapping[str, Any]) -> Iterator[Part]:
    """Yield the keys and secrets that the program has made; each of them has been decrypted before."""
    for resource in state.get("resources") or ():
        value = (resource.get("outputs") or {}).get("output")
        if resource.get("type") == _STASH and isinstance(value, Mapping) and _ENCRYPTED in value:
            yield Part(place="state", name=str(resource["urn"]).rpartition("::")[2], what="made once by the program")


def _opened_by(state: Mapping[str, Any]) -> str:
    """Return what decrypts the state: ``passphrase``, ``service``, or the URL of a key."""
    provider = state.get("secrets_providers") or {}
    return str((provider.get("state") or {}).get("url") or provider.get("type") or "nothing")


def _files(name: str, values: Mapping[str, Any], root: Path) -> Iterator[Part]:
    own = f"Pulumi.{name.rpartition('/')[2]}.yaml"
    if (root / own).is_file():
        yield Part(place="file", name=own, what="the settings; secret ones are encrypted")
    known = {key for part in schema.document()["$defs"].values() for key in part.get("properties", {})}
    others = {setting: value for setting, value in values.items() if setting != _SECRETS}
    for path, setting in _named(others, frozenset(key for key in known if key.endswith("File"))):
        yield Part(place="file", name=path, what=setting)
    secrets = values.get(_SECRETS)
    for secret, keys in secrets.items() if isinstance(secrets, Mapping) else ():
        if not isinstance(keys, Mapping):
            continue  # what it is instead is among the problems
        if keys.keys() == {"glob"}:
            yield Part(place="file", name=str(keys["glob"]), what=f"{_SECRETS}.{secret}")
        for key, source in keys.items():
            if isinstance(source, Mapping) and source.keys() == {"file"}:
                yield Part(place="file", name=str(source["file"]), what=f"{_SECRETS}.{secret}.{key}")


def _named(values: Mapping[str, Any], known: frozenset[str], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield each path of a file with the setting that names it, of those settings ``known`` by name."""
    for name, value in values.items():
        setting = f"{above}{name}"
        if isinstance(value, Mapping):
            inner = frozenset(value) if name == "imageConfigFiles" else known
            yield from _named(value, inner, f"{setting}.")
        elif isinstance(value, list):
            items = {f"[{at}]": each for at, each in enumerate(value) if isinstance(each, Mapping)}
            yield from _named(items, known, setting)
        elif name in known:
            yield str(value), setting


def _of_others(stack: Settings) -> tuple[list[Part], list[str]]:
    """Return the Secrets that somebody else makes, and what is wrong with those of the present cluster."""
    wanted = of_others(stack.client_secrets)
    parts = [
        Part(
            place="secret of others",
            name=secret,
            what=f"keys {', '.join(keys)} of clientSecrets.{secret}",
            note="its owner has to make it on the new cluster before `pulumi up`",
        )
        for secret, keys in wanted.items()
    ]
    if not wanted:
        return [], []
    own = stack.trustee.cluster
    place, setting = (stack.cluster, "cluster") if own is None else (own, "trustee.cluster")
    try:
        secrets = secret_bindings.read_existing(ClusterReader(kubernetes.connect(place)), stack)
    except Exception as error:  # noqa: BLE001 - whatever keeps the cluster from being asked, the rest is worth having
        reason = cluster_access.why_not(error, place, setting) or (str(error).splitlines() or [""])[0]
        return parts, [f"Secrets {', '.join(wanted)} could not be looked at: {reason}"]
    return parts, secret_bindings.existing_problems(stack, secrets)


def _host(stack: Settings, url: str) -> Iterator[Part]:
    if not url:
        return
    note = "it has to lead to the new cluster"
    if stack.trustee.host is None and stack.initdata.kbs_url is None:
        note = (
            "it is a name of the cluster's own domain, and running pods know no other: unless the new cluster has the "
            "same domain, they have to be started anew. A name of yours: pulumi config set --path "
            "coco-azure:trustee.host HOST"
        )
    yield Part(place="name", name=url, what="KBS, as initdata of the pods names it", note=note)


def _text(name: str, opened: str, parts: Sequence[Part], problems: Sequence[str]) -> Iterator[str]:
    yield f"What brings the Trustee of stack {name} back (docs/howto/backup.md)"
    for place, title in _TITLES.items():
        listed = [each for each in parts if each.place == place]
        if listed:
            yield f"\n{title}:"
        for each in listed:
            yield f"  {each.name}: {each.what}" + (f"; {each.note}" if each.note else "")
    yield "\nKeep away from the cluster, after each `pulumi up`:"
    yield f"  the state: pulumi stack export --stack {name} --file FILE (what is secret stays encrypted)"
    yield f"  what opens it: {opened}" + (" (nothing here knows it)" if opened == "passphrase" else "")
    yield "  the files above"
    for problem in problems:
        yield f"\ncannot be read: {problem}"
