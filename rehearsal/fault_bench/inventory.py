"""What a stack has in the cluster, by its mark, and how that differs from what it should be."""

import hashlib
import http
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coco_azure import names
from rehearsal.rest import ApiError, ApiServer

# Made anew by design: a Job cannot be changed, and a new KataConfig is what a replacement is for.
_MADE_ANEW = {"replace": ("Job", "KataConfig"), "destroy": ()}
_ELSE_MADE_ANEW = ("Job",)

# Owned together with the operator, so they have no mark; a half-written one shows by its keys.
_SHARED = ("peer-pods-cm", "osc-feature-gates")
_TRIES = 30
_PAUSE = 1.0
"""Seconds between two tries."""

Title = tuple[str, str, str]
"""Kind, namespace or "", and name."""


@dataclass(frozen=True)
class Item:
    """One object.

    Attributes:
        uid: its identity.
        keys: keys of its data, the annotation that approves a change of it, and what the binding of a policy does.
        secret: a digest of its data, where it is a Secret.
    """

    uid: str
    keys: tuple[str, ...]
    secret: str


@dataclass(frozen=True)
class Difference:
    """What is wrong; empty where nothing is.

    Attributes:
        lost: objects that should be there, keys of data, and objects or secrets that were there and were made anew.
        doubled: more than one where there may be one.
        left: objects that nobody should have.
        rebooted: nodes that rebooted more often than by an undisturbed run.
    """

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    rebooted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.left or self.rebooted)


def taken(server: ApiServer) -> dict[Title, Item]:
    """Return every object in the cluster that has the mark of a stack, every KataConfig, and the shared ConfigMaps."""
    objects = {}
    for base in _groups(server):
        for kind in (server.get(base) or {}).get("resources", []):
            if "/" in kind["name"] or "list" not in kind["verbs"]:
                continue
            for each in (patiently(server, f"{base}/{kind['name']}") or {}).get("items", []):
                marked = names.STACK in (each["metadata"].get("annotations") or {})
                if marked or kind["kind"] == "KataConfig" or each["metadata"]["name"] in _SHARED:
                    title = (kind["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"])
                    objects[title] = _item(kind["kind"], each)
    return objects


def patiently(server: ApiServer, path: str) -> Any:
    """Return what the server says, once it is ready for it: of a kind that is new, or new to it, it says 429 at first.

    Raises:
        ApiError: it refuses for another reason, or for longer than some seconds.
    """
    for _ in range(_TRIES):
        try:
            return server.get(path)
        except ApiError as error:
            if error.status != http.HTTPStatus.TOO_MANY_REQUESTS:
                raise
            time.sleep(_PAUSE)
    return server.get(path)


def known_to_both(earlier: Mapping[Title, Item], later: Mapping[Title, Item]) -> dict[Title, Item]:
    """Return what is later as it was earlier, and whatever is no Secret.

    Values that a run has made up are in its state alone: with a state from before it they are made anew.
    """
    return {
        title: item for title, item in later.items() if not item.secret or item.secret == _secret_of(earlier.get(title))
    }


def _secret_of(item: Item | None) -> str:
    return item.secret if item is not None else ""


def compare(
    wanted: Mapping[Title, Item], before: Mapping[Title, Item], now: Mapping[Title, Item], run: str
) -> Difference:
    """Return what is wrong after a run.

    Args:
        wanted: what an undisturbed run ends with.
        before: what there was right after the fault; it has to be there still, the same objects and secrets, but for
            secrets that the run changes to what ``wanted`` has.
        now: what there is.
        run: which kind of run it was.
    """
    lost = [_name(title) for title in wanted.keys() - now.keys()]
    lost += [
        f"keys of {_name(title)}"
        for title in wanted.keys() & now.keys()
        if set(wanted[title].keys) - set(now[title].keys)
    ]
    for title in before.keys() & now.keys() & wanted.keys():
        if title[0] in _MADE_ANEW.get(run, _ELSE_MADE_ANEW):
            continue
        if before[title].uid != now[title].uid:
            lost.append(f"{_name(title)} was made anew")
        # The run changes some by design, such as the image policy: then it ends as an undisturbed one does. What the
        # stack makes up is another in each life of a stack.
        elif now[title].secret not in (before[title].secret, wanted[title].secret):
            lost.append(f"{_name(title)} has other values")
    # What a run approves there comes and goes with it.
    opened = [f"an approval on {_name(title)}" for title, item in now.items() if names.APPROVED in item.keys]
    configs = [_name(title) for title in now if title[0] == "KataConfig"]
    return Difference(
        tuple(sorted(lost)),
        tuple(configs if len(configs) > 1 else ()),
        tuple(sorted([*opened, *(_name(title) for title in now.keys() - wanted.keys())])),
    )


def doubled(deployment: Mapping[str, Any]) -> list[str]:
    """Return what a state (``pulumi stack export``) has twice, or has still to delete."""
    seen: dict[str, int] = {}
    for resource in deployment.get("resources", []):
        seen[resource["urn"]] = seen.get(resource["urn"], 0) + 1
    return [urn.rpartition("::")[2] for urn, count in seen.items() if count > 1]


def _groups(server: ApiServer) -> list[str]:
    groups = server.request("GET", "/apis")["groups"]
    # All versions: a group may serve some of its kinds in one of them only.
    versions = [version["groupVersion"] for group in groups for version in group["versions"]]
    return ["/api/v1", *(f"/apis/{version}" for version in versions)]


def _item(kind: str, obj: Mapping[str, Any]) -> Item:
    data = obj.get("data") or {}
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest() if kind == "Secret" else ""
    annotations = obj["metadata"].get("annotations") or {}
    keys = [*(data if isinstance(data, Mapping) else ()), *({names.APPROVED} & annotations.keys())]
    # A guard that was left open only audits.
    keys += obj["spec"]["validationActions"] if kind == "ValidatingAdmissionPolicyBinding" else []
    return Item(obj["metadata"]["uid"], tuple(sorted(keys)), digest)


def _name(title: Title) -> str:
    kind, namespace, name = title
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
