"""The benchmark's other way: the chapter step by step, with the objects of a finished stack."""

from pathlib import Path

import pytest

from rehearsal.bench import chapter, everyday, growth, main_job
from rehearsal.bench.chapter import Chapter
from rehearsal.bench.main_job import INSTANT
from rehearsal.bench.stage import stage

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("warm_bench")]


def test_step_by_step_the_same_objects_lead_to_a_pod_that_attested_itself(tmp_path: Path) -> None:
    with stage(tmp_path / "program", INSTANT) as place:
        place.configure({})
        run = place.run("up")
        objects, reboots = chapter.objects(place.state("--show-secrets")["resources"]), place.reboots()
    with stage(tmp_path / "chapter", INSTANT) as place:
        main_job.on_fresh(Chapter(place.server, objects))
        jobs = place.server.get("/apis/batch/v1/jobs")["items"]

        assert place.reboots() == reboots == place.nodes()
    assert [job["status"]["succeeded"] for job in jobs if job["metadata"]["name"] == "attestation-check"] == [1]
    assert run.seconds > 0
    assert run.memory > 100


def test_a_pod_that_was_denied_gets_its_secret_once_a_line_of_the_policy_has_changed(tmp_path: Path) -> None:
    result = everyday.everyday(tmp_path / "everyday", 1, lambda _: None)

    assert len(result.unchanged) == len(result.changed) == len(result.answered) == 1
    assert result.answered[0] > 0


def test_previews_are_measured_beside_those_of_a_program_that_does_next_to_nothing(tmp_path: Path) -> None:
    result = everyday.previews(tmp_path / "previews", 1, lambda _: None)

    assert [len(each) for each in (result.whole, result.empty, result.installed, result.empty_too)] == [1, 1, 1, 1]


def test_growth_is_measured_for_secrets_and_for_workloads(tmp_path: Path) -> None:
    result = growth.growth(tmp_path / "growth", 1, lambda _: None, secrets=[2], workloads=[1])

    for case in result:
        (size,) = case.sizes
        assert [len(runs) for runs in (size.preview, size.up, size.unwritten)] == [1, 1, 1], case.name
