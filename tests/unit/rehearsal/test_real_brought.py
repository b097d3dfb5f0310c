"""What a user can bring to a rehearsal, and what is said of what cannot be used."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest

from rehearsal.cluster import check_settings
from rehearsal.control_plane import ClusterError
from rehearsal.operators import app, crds
from rehearsal.real import brought, own_root
from tests.unit.stack_files import ROOT

OSC, KBS = brought.OSC_OPERATOR, brought.KBS


def _program(folder: Path, mode: int = 0o755) -> Path:
    path = folder / "manager"
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def _running(monkeypatch: pytest.MonkeyPatch, **variables: str) -> set[str]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return {app._name(make) for make in app.components_to_run()}


def test_a_program_that_is_not_there_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCO_REHEARSAL_OSC_OPERATOR", "/no/such/manager")

    with pytest.raises(ClusterError, match=r"OSC_OPERATOR is /no/such/manager.*--path /manager:\."):
        check_settings()


def test_a_program_that_is_not_executable_is_told(tmp_path: Path) -> None:
    path = _program(tmp_path, 0o644)

    with pytest.raises(ValueError, match=f"chmod \\+x {path}"):
        brought.check({KBS.variable: str(path)})


def test_a_machine_without_user_namespaces_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(own_root, "way", lambda: None)

    with pytest.raises(ValueError, match=r"KBS: a real program needs .*max_user_namespaces"):
        brought.check({KBS.variable: str(_program(tmp_path))})


def test_a_component_that_there_is_not_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match=r"WITHOUT names kubelets; .*machine-config-operator"):
        brought.check({"COCO_REHEARSAL_WITHOUT": "olm, kubelets"})


def test_a_folder_without_crds_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Service\n")

    with pytest.raises(ValueError, match=r"CustomResourceDefinition.*oc image extract BUNDLE"):
        brought.check({"COCO_REHEARSAL_CRDS": str(tmp_path)})


def test_nothing_is_left_out_by_itself_and_every_component_has_the_name_that_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _running(monkeypatch) == set(brought.COMPONENTS)


def test_what_is_named_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    running = _running(monkeypatch, COCO_REHEARSAL_WITHOUT="olm,router")

    assert set(brought.COMPONENTS) - running == {"olm", "router"}


def test_a_real_operator_takes_the_place_of_the_simulated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    running = _running(monkeypatch, COCO_REHEARSAL_OSC_OPERATOR="m", COCO_REHEARSAL_TRUSTEE_OPERATOR="t")

    absent = {"sandboxed-containers-operator", "trustee-operator"}
    assert running == {*brought.COMPONENTS, "webhooks", "older-caa"} - absent


def test_crds_of_a_bundle_take_the_place_of_the_rehearsals_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("kbsconfigs.confidentialcontainers.org", "others.example.com"):
        text = (
            f"kind: CustomResourceDefinition\nmetadata: {{name: {name}, labels: {{a: b}}}}\nspec: {{group: brought}}\n"
        )
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("COCO_REHEARSAL_CRDS", str(tmp_path))

    def groups(owner: str, version: str | None = None) -> dict[str, str]:
        return {each["metadata"]["name"]: each["spec"]["group"] for each in crds.of(owner, version)}

    assert groups("trustee-operator", "0.3.0") == {"kbsconfigs.confidentialcontainers.org": "brought"}
    assert "brought" not in groups("sandboxed-containers-operator").values()
    assert groups("cluster")["others.example.com"] == "brought"
    assert "kbsconfigs.confidentialcontainers.org" not in groups("cluster")


def test_each_program_and_the_words_for_people_are_in_the_makefile_and_on_the_page() -> None:
    makefile, page = ((ROOT / each).read_text() for each in ("Makefile", "docs/rehearsal.md"))

    for program in brought.PROGRAMS:
        assert program.word in makefile
        assert f"{program.word}=" in page
    (words,) = brought.words({OSC.variable: "/m", "COCO_REHEARSAL_OSC": "1.13"})
    assert words == "real: the OSC operator /m, taken for version 1.13.1 (another: OSC=VERSION)"


def test_a_rehearsal_without_nodes_serves_nothing_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def no_world(_: object) -> None: ...

    monkeypatch.setattr("rehearsal.operators.world.make", no_world)
    monkeypatch.setattr(app, "components_to_run", list)
    for name in ("Api", "serving"):
        monkeypatch.setattr(app, name, lambda *_: nullcontext())

    async def run() -> None:
        stop = asyncio.Event()
        stop.set()
        await app.run(tmp_path / "kubeconfig", 60.0, tmp_path / "ready", stop)

    asyncio.run(run())
