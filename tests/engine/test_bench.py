"""The benchmark's other way: the chapter step by step, with the objects of a finished stack."""

from pathlib import Path

import pytest

from rehearsal.bench import chapter, main_job
from rehearsal.bench.chapter import Chapter
from rehearsal.bench.main_job import INSTANT
from rehearsal.bench.stage import stage

pytestmark = pytest.mark.engine


def test_step_by_step_the_same_objects_lead_to_a_pod_that_attested_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCO_KUBERNETES_PROVIDER", "auto")
    with stage(tmp_path / "program", INSTANT) as place:
        place.configure({})
        run = place.run("up")
        objects, reboots = chapter.objects(place.state()), place.reboots()
    with stage(tmp_path / "chapter", INSTANT) as place:
        main_job.on_fresh(Chapter(place.server, objects))
        jobs = place.server.get("/apis/batch/v1/jobs")["items"]

        assert place.reboots() == reboots == place.nodes()
    assert [job["status"]["succeeded"] for job in jobs if job["metadata"]["name"] == "attestation-check"] == [1]
    assert run.seconds > 0
    assert run.memory > 100
