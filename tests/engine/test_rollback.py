"""``coco-azure rollback`` in a repository of its own: back to the configuration that attested before.

The tests share a cluster and go on from each other's state, in their order.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.cluster import CHECKOUT
from tests.engine import pods, trustee
from tests.engine.conftest import start
from tests.engine.harness import REHEARSAL, Done, Stack, _merged
from tests.engine.trustee import accepted_pcr8, attested

pytestmark = pytest.mark.engine

ANNOTATION = "io.katacontainers.config.hypervisor.cc_init_data"
PEER_PODS_CM = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/peer-pods-cm"
KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
_LEFT_OUT = (".git", ".venv", ".rehearsal", ".rollback", "__pycache__", ".*_cache", ".hypothesis", "tests")
SECOND: Mapping[str, Any] = {
    "initdata": {"allowedImages": ["registry.access.redhat.com/ubi9"], "secrets": ["kbsres1", "more"]},
    "clientSecrets": {
        "kbsres1": {"key1": {"generate": True}, "key2": {"generate": True}},
        "more": {"key": {"generate": True}},
    },
}


@dataclass(frozen=True)
class Repository:
    """A copy of the project under git, with the stack's settings committed, and the stack."""

    folder: Path
    stack: Stack

    def commit(self, title: str, changes: Mapping[str, Any]) -> str:
        """Commit these settings over those of the rehearsal, and return the commit."""
        config = _merged(REHEARSAL["config"], {f"coco-azure:{name}": value for name, value in changes.items()})
        (self.folder / "Pulumi.rehearsal.yaml").write_text(yaml.safe_dump({**REHEARSAL, "config": config}))
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", title)
        return git(self.folder, "rev-parse", "HEAD")

    def run(self, *command: str) -> Done:
        """Run a command in the project's folder, as its user would."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.stack._prepared.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=300,
        )
        return Done(done.returncode, done.stdout)

    def up(self) -> Done:
        """Run ``pulumi up`` of what is committed."""
        return self.run("pulumi", "up", "--stack", "rehearsal", "--yes", "--skip-preview", "--non-interactive")

    def back(self, *arguments: str) -> Done:
        """Run ``./coco-azure rollback``."""
        return self.run(sys.executable, "-m", "coco_azure", "rollback", "--stack", "rehearsal", *arguments)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.com")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Repository]:
    """A repository with a stack that is not deployed, on the newest versions."""
    folder = tmp_path_factory.mktemp("repository") / "project"
    shutil.copytree(CHECKOUT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (folder / ".venv").mkdir()
    for part in (CHECKOUT / ".venv").iterdir():
        (folder / ".venv" / part.name).symlink_to(part)
    git(folder, "init", "--quiet")
    variables = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.2"}
    for started in start(tmp_path_factory.mktemp("rollback"), tools, variables):
        yield Repository(folder, started)


@dataclass(frozen=True)
class First:
    """The first commit, and what it deployed."""

    commit: str
    deployed: Mapping[str, Any]


@pytest.fixture(scope="module")
def first(repository: Repository) -> First:
    commit = repository.commit("the first configuration", {})
    done = repository.up()
    assert done.code == 0, done.output
    assert attested(repository.stack)
    return First(commit, _deployed(repository.stack))


def _deployed(stack: Stack) -> dict[str, Any]:
    return {
        "pcr8": stack.outputs()["initdataPcr8"]["global"],
        "initdata": stack.get(PEER_PODS_CM)["data"]["INITDATA"],
        # The resource policy names the documents of the run before as well, while they are accepted.
        "policy": trustee.config_maps(stack)["attestation-policy"]["data"],
        "secret": trustee.secret(stack, "kbsres1"),
    }


def _pod(stack: Stack, initdata: str) -> Any:
    pod = pods.asking(stack, "default/kbsres1/key1", trustee.secret(stack, "kbsres1")["key1"])
    pod["metadata"] = {"annotations": {ANNOTATION: initdata}}
    return pod


def test_without_a_run_before_it_there_is_no_way_back(repository: Repository, first: First) -> None:
    done = repository.back("--yes")

    assert done.code == 1
    assert "the latest is 20" in done.output
    assert first.commit[:12] in done.output
    assert "--to COMMIT" in done.output


def test_after_a_run_that_attested_it_goes_back_to_the_commit_before_and_shows_it_first(
    repository: Repository, first: First
) -> None:
    second = repository.commit("another initdata and one more secret", SECOND)
    done = repository.up()
    assert done.code == 0, done.output
    mark = repository.stack.mark()
    shown = repository.back("--preview")

    assert shown.code == 0, shown.output
    assert f"commit {second[:12]} (another initdata and one more secret), attested" in shown.output
    assert f"commit {first.commit[:12]} (the first configuration), attested" in shown.output
    assert "trustee-content-more" in shown.output
    assert repository.stack.requests(mark) == []
    assert git(repository.folder, "rev-parse", "HEAD") == second, "the branch stays where it is"


def test_the_way_back_brings_initdata_policies_and_secrets_and_attests(repository: Repository, first: First) -> None:
    stack = repository.stack
    second = _deployed(stack)
    kata_config = stack.get(KATA_CONFIG)["metadata"]["uid"]
    assert second["pcr8"] != first.deployed["pcr8"]
    assert trustee.secret(stack, "more")
    done = repository.back("--yes")

    assert done.code == 0, done.output
    assert attested(stack)
    assert _deployed(stack) == first.deployed
    assert trustee.secret(stack, "more") == {}
    assert stack.get(KATA_CONFIG)["metadata"]["uid"] == kata_config, "nodes have rebooted"
    assert set(accepted_pcr8(stack)) == {*stack.outputs()["initdataPcr8"].values(), second["pcr8"]}
    assert trustee.outcome(stack, "of-the-second", _pod(stack, second["initdata"]))[0], "its pods go on meanwhile"
    assert trustee.outcome(stack, "of-the-first", _pod(stack, first.deployed["initdata"]))[0]
    assert git(repository.folder, "status", "--porcelain") == ""


def test_the_run_after_that_ends_the_overlap(repository: Repository, first: First) -> None:
    git(repository.folder, "revert", "--no-edit", "HEAD")
    done = repository.up()

    assert done.code == 0, done.output
    assert set(accepted_pcr8(repository.stack)) == set(repository.stack.outputs()["initdataPcr8"].values())
    assert _deployed(repository.stack) == first.deployed


def test_after_a_run_that_failed_it_goes_back_to_the_last_one_that_attested(
    repository: Repository, first: First
) -> None:
    stack = repository.stack
    good = git(repository.folder, "rev-parse", "HEAD")
    bad = repository.commit("one that nobody can attest", {**SECOND, "attestationCheck": {"timeout": "20s"}})
    stack.ask_for_fault("pod-vm-fails", "SkuNotAvailable")
    failed = repository.up()
    stack.ask_for_fault("pod-vm-fails", None)
    assert failed.code != 0
    assert stack.get(PEER_PODS_CM)["data"]["INITDATA"] != first.deployed["initdata"], "it got half-way"
    done = repository.back("--yes")

    assert done.code == 0, done.output
    assert f"commit {bad[:12]} (one that nobody can attest), failed" in done.output
    assert f"commit {good[:12]}" in done.output
    assert _deployed(stack) == first.deployed
    documents = set(stack.outputs()["initdataPcr8"].values())
    assert set(accepted_pcr8(stack)) == documents, "what never attested is not accepted"


@pytest.mark.usefixtures("first")
def test_a_commit_whose_pin_olm_cannot_go_back_to_ends_before_anything_changes(repository: Repository) -> None:
    older = repository.commit("an older Trustee", {"trustee": {"operator": {"version": "1.1.0"}}})
    repository.commit("the present one", {})
    mark = repository.stack.mark()
    done = repository.back("--yes", "--to", older)

    assert done.code != 0
    assert "1.1.0" in done.output
    assert "OLM never goes back" in done.output
    assert repository.stack.requests(mark) == []
