"""``./coco-azure workload prepare`` and ``check``: by file and by pipe, from the stack or from a file."""

import codecs
import io
import json
import re
from pathlib import Path

import pytest
import yaml

from coco_azure.cli import main
from coco_azure.formats.workload import terms as formats
from coco_azure.formats.workload.terms import TermsError
from tests.unit.programs import on_path
from tests.unit.workload_terms import PLAIN, terms


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "deployment.yaml"
    path.write_text(PLAIN)
    return str(path)


@pytest.fixture
def published(tmp_path: Path) -> str:
    path = tmp_path / "terms.yaml"
    path.write_text(yaml.safe_dump({"kind": "ConfigMap", "data": formats.to_config_map([terms(previous="before")])}))
    return str(path)


def test_the_terms_of_a_config_map_are_those_of_the_output() -> None:
    every = [terms(previous="before"), terms(workload="web", secrets=None, sealed={}, image_policy=None)]

    data = formats.to_config_map(every)
    wanted = {each.workload: each for each in every}
    assert formats.parse(f"{formats.to_line(every)}\n", "output") == wanted
    assert formats.parse(json.dumps({name: formats.to_dict(each) for name, each in wanted.items()}), "json") == wanted
    assert formats.parse(yaml.safe_dump({"kind": "ConfigMap", "data": data}), "map") == wanted
    assert data["shop"] == terms().initdata
    assert data["shop.previous"] == "before"
    assert "web.previous" not in data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "needed is what `pulumi stack output workloads` prints"),
        ("a: b: c", "needed is what"),
        ("{}", "initdata.workloads.NAME.manifestFile"),
        ('{"shop": {}}', "needed is what"),
        ('{"kind": "ConfigMap", "data": {"shop.json": "{}"}}', "needed is what"),
    ],
)
def test_a_text_without_terms_is_an_error_that_names_where_they_are(text: str, words: str) -> None:
    with pytest.raises(TermsError, match=words):
        formats.parse(text, "FILE")


@pytest.mark.parametrize("text", ["[]", "", "5", '{"shop": {}}', '{"kind": "ConfigMap", "data": {"shop.json": "{}"}}'])
def test_a_text_without_terms_is_an_error_in_no_words_of_python(text: str) -> None:
    with pytest.raises(TermsError) as refused:
        formats.parse(text, "FILE")

    assert not re.search(r"Error|object has no|NoneType|subscript", str(refused.value))


def test_one_of_several_workloads_has_to_be_named() -> None:
    both = {"shop": terms(), "web": terms(workload="web")}

    assert formats.terms_of(both, "web", "FILE").workload == "web"
    with pytest.raises(TermsError, match=r"several workloads \(shop, web\); name one: --workload NAME"):
        formats.terms_of(both, None, "FILE")
    with pytest.raises(TermsError, match="no workload cart"):
        formats.terms_of(both, "cart", "FILE")


def test_a_manifest_is_prepared_and_then_nothing_stops_it(
    manifest: str, published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "shop.yaml")

    assert main(["workload", "check", manifest, "--from", published]) == 2
    assert main(["workload", "prepare", manifest, "--from", published, "--output", output]) == 0
    shown = capsys.readouterr()
    assert main(["workload", "check", output, "--from", published, "--workload", "shop"]) == 0

    assert shown.out.endswith(f"{manifest} as workload shop: 2 problems\n")
    assert "+      runtimeClassName: kata-remote\n" in shown.err
    assert capsys.readouterr().out == f"{output} as workload shop: nothing stops it\n"


def test_a_pipe_is_read_and_written(
    published: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PLAIN.encode()), encoding="utf-8"))

    assert main(["workload", "prepare", "-", "--from", published, "--size", "Standard_DC4as_v5"]) == 0

    pod = next(iter(yaml.safe_load_all(capsys.readouterr().out)))["spec"]["template"]
    assert pod["spec"]["runtimeClassName"] == "kata-remote"
    assert "Standard_DC4as_v5" in pod["metadata"]["annotations"].values()


def test_findings_are_printed_as_json(manifest: str, published: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workload", "check", manifest, "--from", published, "--json"]) == 2

    result = json.loads(capsys.readouterr().out)
    assert result["workload"] == "shop"
    assert {each["level"] for each in result["findings"]} == {"problem"}


def test_the_stack_is_asked_for_its_terms(
    manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outputs").write_text(json.dumps({"workloads": formats.to_line([terms()])}))
    on_path(monkeypatch, tmp_path, "pulumi", f"#!/bin/sh\ncat {tmp_path}/outputs\n")

    assert main(["workload", "prepare", manifest, "--stack", "prod"]) == 0
    assert terms().initdata in capsys.readouterr().out
    (tmp_path / "outputs").write_text("{}")
    assert main(["workload", "prepare", manifest]) == 1
    assert "initdata.workloads.NAME.manifestFile" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["workload", "check", "{file}", "--from", "{published}"],
        ["workload", "prepare", "{manifest}", "--from", "{file}"],
        ["workload", "check", "{manifest}", "--from", "{published}", "--image-config", "a={file}"],
        ["workload", "status", "--from", "{published}", "--kbs-log", "{file}"],
        ["versions", "--catalog", "{file}"],
    ],
)
def test_a_file_that_is_no_text_is_named_with_the_command_that_writes_it_anew(
    arguments: list[str], manifest: str, published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "any.file"
    file.write_bytes(b"caf\xe9\n")

    assert main([each.format(manifest=manifest, published=published, file=file) for each in arguments]) == 1

    message = capsys.readouterr().err
    assert f"{file} is no text in UTF-8. Write it anew: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW" in message
    assert "does not answer" not in message


def test_files_as_powershell_writes_them_are_read(
    manifest: str, published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (manifest, published):
        text = Path(path).read_text().replace("\n", "\r\n")
        Path(path).write_bytes(codecs.BOM_UTF16_LE + text.encode("utf-16-le"))

    assert main(["workload", "prepare", manifest, "--from", published, "-o", str(tmp_path / "new.yaml")]) == 0

    assert main(["workload", "check", str(tmp_path / "new.yaml"), "--from", published]) in (0, 2)
    assert terms().initdata in (tmp_path / "new.yaml").read_text(encoding="utf-8")
    assert capsys.readouterr().err.count("Error") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prepare", "{manifest}", "--from", "/nowhere"], "/nowhere cannot be read"),
        (["prepare", "{manifest}", "--from", "{published}", "--size", "big"], "size big is none"),
        (["prepare", "{manifest}", "--from", "{published}", "-o", "/nowhere/x"], "/nowhere/x cannot be written"),
        (["check", "{manifest}", "--from", "{published}", "--image-config", "a=/nowhere"], "/nowhere cannot be read"),
        (["check", "{manifest}", "--from", "{published}", "--image-config", "/nowhere"], "needed IMAGE=FILE"),
        (["status", "--from", "{published}", "--kbs-log", "/nowhere"], "Error: /nowhere cannot be read: No such file"),
        (["check", "/nowhere", "--from", "{published}"], "/nowhere cannot be read"),
        (["check", "{published}", "--from", "{published}"], "no pod template"),
        (["check", "{manifest}", "--from", "{published}", "-w", "cart"], "no workload cart"),
    ],
)
def test_what_is_wrong_with_the_arguments_ends_with_1(
    arguments: list[str], words: str, manifest: str, published: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [each.format(manifest=manifest, published=published) for each in arguments]

    assert main(["workload", *filled]) == 1
    assert words in capsys.readouterr().err
