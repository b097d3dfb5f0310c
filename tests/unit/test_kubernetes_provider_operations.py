"""The stand-in of the Kubernetes provider: what it asks of the API server."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from rehearsal.kubernetes_provider import operations
from rehearsal.kubernetes_provider.client import APPLY_PATCH, JSON, JSON_PATCH, Client, Place
from rehearsal.kubernetes_provider.errors import ApiError, NoMatchError
from rehearsal.kubernetes_provider.kubeconfig import connect
from rehearsal.kubernetes_provider.notes import Progress
from rehearsal.kubernetes_provider.objects import Gvk
from rehearsal.kubernetes_provider.operations import ConflictError, ExistsError, NamespaceMissingError, Operation
from tests.unit.test_kubernetes_provider_settings import config
from tests.unit.test_kubernetes_provider_waits import Log

CONFIG_MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "cm", "namespace": "ns"},
    "data": {"a": "1"},
}
PATH = "/api/v1/namespaces/ns/configmaps"


class Sent(NamedTuple):
    """A request."""

    method: str
    path: str
    query: Mapping[str, str]
    kind: str
    body: Any


class Recorder(Client):
    """Keeps requests; answers each with the next of ``answers``, and then with the body."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(connect(config()), "test")
        self.sent: list[Sent] = []
        self._answers = list(answers)

    async def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, kind: str = JSON
    ) -> Any:
        """Keep the request and answer it."""
        self.sent.append(Sent(method, path, query or {}, kind, body))
        answer = self._answers.pop(0) if self._answers else body
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def place(self, gvk: Gvk, in_namespace: str) -> Place:
        """Return a place as if the kind were served."""
        return Place(f"/api/v1/namespaces/{in_namespace}/{gvk.kind.lower()}s")


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []

    async def pause(seconds: float, stop: asyncio.Event) -> bool:
        taken.append(seconds)
        return stop.is_set()

    monkeypatch.setattr(operations, "pause", pause)
    return taken


def _operation(
    client: Client, *, patch: bool = False, preview: bool = False, force: bool = False, upsert: bool = False
) -> Operation:
    return Operation(
        client=client,
        progress=Progress(Log(), "urn"),
        stop=asyncio.Event(),
        patch=patch,
        manager="ours",
        force=force,
        upsert=upsert,
        preview=preview,
    )


def test_a_create_is_a_post_of_a_common_manager() -> None:
    client = Recorder()

    assert asyncio.run(_operation(client).create(CONFIG_MAP)) == CONFIG_MAP
    assert client.sent == [Sent("POST", PATH, {"fieldManager": "pulumi-kubernetes"}, JSON, CONFIG_MAP)]


def test_a_preview_only_tries() -> None:
    client = Recorder()
    asyncio.run(_operation(client, preview=True).create(CONFIG_MAP))

    assert client.sent[0].query["dryRun"] == "All"


def test_a_patch_is_applied_by_its_own_manager() -> None:
    client = Recorder()
    asyncio.run(_operation(client, patch=True).create(CONFIG_MAP))

    query = {"fieldManager": "ours", "force": "false", "fieldValidation": "Warn"}
    assert client.sent == [Sent("PATCH", f"{PATH}/cm", query, APPLY_PATCH, CONFIG_MAP)]


@pytest.mark.parametrize("by_annotation", [True, False])
def test_a_patch_is_forced_by_its_annotation_or_by_the_provider(by_annotation: bool) -> None:  # noqa: FBT001
    client = Recorder()
    annotations = {"pulumi.com/patchForce": "true"} if by_annotation else {}
    inputs = {**CONFIG_MAP, "metadata": {**CONFIG_MAP["metadata"], "annotations": annotations}}
    asyncio.run(_operation(client, patch=True, force=not by_annotation).create(inputs))

    assert client.sent[0].query["force"] == "true"


def test_an_existing_object_is_not_overwritten_and_the_error_says_what_to_do(pauses: list[float]) -> None:
    client = Recorder(ApiError(409, 'configmaps "cm" already exists', "AlreadyExists"))

    with pytest.raises(ExistsError, match=r'(?s)"cm" already exists.*use a Patch resource.*pulumi import'):
        asyncio.run(_operation(client).create(CONFIG_MAP))
    assert pauses == []


def test_an_upserting_create_is_applied_by_its_own_manager() -> None:
    client = Recorder()
    asyncio.run(_operation(client, upsert=True).create(CONFIG_MAP))

    query = {"fieldManager": "ours", "force": "false", "fieldValidation": "Warn"}
    assert client.sent == [Sent("PATCH", f"{PATH}/cm", query, APPLY_PATCH, CONFIG_MAP)]


def test_an_upserting_create_takes_nothing_from_another_manager_unless_it_is_forced() -> None:
    conflict = ApiError(409, 'conflict with "olm": .data.a', "Conflict")

    with pytest.raises(ConflictError, match=r'(?s)apply conflict: .*"olm": \.data\.a'):
        asyncio.run(_operation(Recorder(conflict), upsert=True).create(CONFIG_MAP))


def test_the_preview_of_a_replacement_that_cannot_be_applied_is_tried_under_another_name() -> None:
    refused = ApiError(422, "Job is invalid: spec.template: field is immutable", "Invalid")
    client = Recorder(refused)
    asyncio.run(_operation(client, upsert=True, preview=True).create(CONFIG_MAP))

    assert client.sent[1].path.startswith(f"{PATH}/cm")
    assert client.sent[1].path != f"{PATH}/cm"
    with pytest.raises(ApiError):
        asyncio.run(_operation(Recorder(refused), upsert=True).create(CONFIG_MAP))


def test_an_upserting_provider_deletes_its_objects_as_any_other() -> None:
    client = Recorder({}, ApiError(404, "not found"))
    asyncio.run(_operation(client, upsert=True).delete(CONFIG_MAP, CONFIG_MAP, "cm"))

    assert client.sent[0].method == "DELETE"


def test_a_create_waits_for_its_namespace(pauses: list[float]) -> None:
    missing = ApiError(404, 'namespaces "ns" not found', "NotFound", {"kind": "namespaces"})

    assert asyncio.run(_operation(Recorder(missing, missing)).create(CONFIG_MAP)) == CONFIG_MAP
    assert pauses == [1.0, 2.0]


def test_a_create_gives_up_on_a_kind_that_never_comes(pauses: list[float]) -> None:
    client = Recorder(*[NoMatchError("v1", "ConfigMap")] * 6)

    with pytest.raises(NoMatchError):
        asyncio.run(_operation(client).create(CONFIG_MAP))
    assert len(client.sent) == 6
    assert sum(pauses) == 31


def test_a_preview_does_not_wait_for_a_namespace(pauses: list[float]) -> None:
    missing = ApiError(404, 'namespaces "ns" not found', "NotFound", {"kind": "namespaces"})

    with pytest.raises(NamespaceMissingError):
        asyncio.run(_operation(Recorder(missing), preview=True).create(CONFIG_MAP))
    assert pauses == []


def test_a_cancelled_create_does_not_try_again() -> None:
    operation = _operation(client := Recorder(*[NoMatchError("v1", "ConfigMap")] * 6))
    operation.stop.set()

    with pytest.raises(NoMatchError):
        asyncio.run(operation.create(CONFIG_MAP))
    assert len(client.sent) == 1


def _live(*entries: dict[str, Any]) -> dict[str, Any]:
    return {**CONFIG_MAP, "metadata": {**CONFIG_MAP["metadata"], "managedFields": list(entries)}}


def test_an_update_takes_over_what_the_create_has_set_and_then_applies() -> None:
    live = _live({"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {}})
    client = Recorder(live, live)
    asyncio.run(_operation(client).update(CONFIG_MAP, live))

    assert [(sent.method, sent.kind) for sent in client.sent] == [
        ("GET", JSON),
        ("PATCH", JSON_PATCH),
        ("PATCH", APPLY_PATCH),
    ]
    assert client.sent[2].query == {"fieldManager": "ours", "force": "false"}


def test_the_update_of_a_patch_takes_nothing_over() -> None:
    live = _live({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {}})
    client = Recorder(live)
    asyncio.run(_operation(client, patch=True).update(CONFIG_MAP, live))

    assert [sent.kind for sent in client.sent] == [JSON, APPLY_PATCH]


def test_a_conflict_names_our_manager_and_gives_the_servers_words() -> None:
    live = _live({"manager": "operator", "operation": "Update", "fieldsV1": {}})
    conflict = ApiError(409, 'conflict with "operator": .data.a', "Conflict")

    with pytest.raises(ConflictError, match=r'(?s)field manager "ours" had an apply conflict: .*"operator": \.data\.a'):
        asyncio.run(_operation(Recorder(live, conflict), patch=True).update(CONFIG_MAP, live))


def test_a_delete_takes_the_dependants_along_and_waits_until_it_is_gone() -> None:
    client = Recorder({}, ApiError(404, "not found"))
    asyncio.run(_operation(client).delete(CONFIG_MAP, CONFIG_MAP, "cm"))

    assert client.sent[0] == Sent("DELETE", f"{PATH}/cm", {}, JSON, {"propagationPolicy": "Foreground"})
    assert client.sent[1].method == "GET"


def test_another_object_of_that_name_does_not_keep_a_delete() -> None:
    old = {**CONFIG_MAP, "metadata": {**CONFIG_MAP["metadata"], "uid": "old"}}
    client = Recorder({}, {**CONFIG_MAP, "metadata": {"uid": "new"}})
    asyncio.run(_operation(client).delete(CONFIG_MAP, old, "cm"))

    assert len(client.sent) == 2


def test_deleting_what_is_gone_is_no_error() -> None:
    client = Recorder(ApiError(404, "not found"))
    asyncio.run(_operation(client).delete(CONFIG_MAP, CONFIG_MAP, "cm"))

    assert len(client.sent) == 1


def test_deleting_a_patch_only_gives_its_fields_up() -> None:
    client = Recorder()
    asyncio.run(_operation(client, patch=True).delete(CONFIG_MAP, CONFIG_MAP, "cm"))

    least = {key: CONFIG_MAP[key] for key in ("apiVersion", "kind", "metadata")}
    assert client.sent == [Sent("PATCH", f"{PATH}/cm", {"fieldManager": "ours"}, APPLY_PATCH, least)]
