"""Which of the operator's pod VM images there is after a run, from which it follows what is accepted."""

from coco_azure.rollout.desired_kata_config import Applied, DesiredKataConfig
from coco_azure.rollout.plan import decide
from tests.unit.rollout_facts import LAST, WANTED, facts, kata_config, wish


def _applied(wanted: DesiredKataConfig, before: Applied | None = None) -> Applied:
    existing = kata_config()
    if before is not None:
        existing["metadata"]["annotations"]["coco-azure/applied"] = before.text
    return decide(facts(existing, last=LAST), wanted, "fail").applied


def test_each_image_that_is_built_has_a_text_of_its_own_which_stays_while_no_other_is_built() -> None:
    first = decide(facts(), WANTED, "fail").applied
    unchanged = _applied(wish(WANTED, log_level="debug"))
    rebuilt = _applied(wish(WANTED, rebuild_image="x"))
    after = _applied(WANTED, rebuilt)
    again = _applied(wish(WANTED, rebuild_image="y"), rebuilt)
    replaced = _applied(wish(WANTED, log_level="debug", change="recreate"))

    assert (unchanged.build, after.build) == (first.build, rebuilt.build)
    assert len({each.build for each in (first, rebuilt, again, replaced)}) == 4
