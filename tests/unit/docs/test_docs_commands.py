"""Every command in README and docs is one that this project and its engine have."""

import re

import pytest

from tests.unit import shell_commands
from tests.unit.shell_commands import of_document, of_script, problem
from tests.unit.stack_files import ROOT

DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
WITHOUT_CONSOLE = "```console\n$ {}\n```\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_of_a_document_is_known(name: str) -> None:
    wrong = {command.line: result for command in of_document((ROOT / name).read_text()) if (result := problem(command))}

    assert wrong == {}


def test_the_documents_have_commands_to_look_at() -> None:
    items = [command for name in DOCUMENTS for command in of_document((ROOT / name).read_text())]

    assert len(items) > 100
    assert {"make", "pulumi", "python"} <= {command.words[0] for command in items}


@pytest.mark.parametrize(
    "line",
    [
        "make rehearze",
        "make rehearse OSV=1.12",
        "python -m lefovers",
        "./coco-azure leftovers --cluster",
        "./coco-azure settings --jsom",
        "./coco-azure workload prepar deployment.yaml",
        "./coco-azure workload check shop.yaml --size x",
        "pulumi config set --path coco-azure:clientSecrets.db.existing.kys[0] password",
        "pulumi config set coco-azure:peerPods.tee tdx",
        "pulumi config set --path coco-azure:peerPods.te tdx",
        "pulumi config set --path coco-azure:peerPods.tee sgx",
        "pulumi config set --path 'coco-azure:trustee.tokenDuration' soon",
        "pulumi config rm --path coco-azure:trustee.rotations.tls",
        "pulumi config set --path coco-azure:peerPods.kataConfig.poolSelector.matchLabels.cc true",
        "kubctl get pods",
        "true && make rehearze",
        "A=1 B=2 make rehearze # comment",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    items = [problem(command) for command in of_document(WITHOUT_CONSOLE.format(line))]

    assert [each for each in items if each], line


@pytest.mark.parametrize(
    "line",
    [
        "pulumi upp",
        "pulumi up --no-such-option",
        "pulumi up --event-log events.json",
        "./coco-azure report --evnts FILE -- --yes",
        "pulumi stack schedule begin",
        "pulumi deployment settings push",
    ],
)
def test_a_command_that_the_engine_does_not_have_is_found(line: str) -> None:
    if shell_commands.engine() is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache")

    assert [each for command in of_script(line) if (each := problem(command))]


def test_commands_after_pipes_and_in_continued_lines_are_looked_at_and_redirections_are_not_words() -> None:
    page = WITHOUT_CONSOLE.format(
        "pulumi stack output proof \\\n    > proof.json 2>&1 && jq . < proof.json | tee x # y"
    )

    assert [command.words for command in of_document(page)] == [
        ("pulumi", "stack", "output", "proof"),
        ("jq", "."),
        ("tee", "x"),
    ]


def test_what_make_offers_fits_a_terminal() -> None:
    texts = re.findall(r"^[a-z-]+:.*## (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert texts
    assert [text for text in texts if len(text) > 80] == []
