"""Only listed images run in a pod VM, whatever the host does with their names; as Rego v0 and v1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats import initdata
from coco_azure.formats.images import image_reference
from coco_azure.formats.policy.agent_requests import changed, create_container
from coco_azure.formats.policy.policies import Variant, agent_policy
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.versions.profiles import OSC

DIGEST = "@sha256:" + "ab" * 32
LISTED = ("quay.io/org/app", "quay.io/org/one:1.2", f"quay.io/org/two{DIGEST}", "registry.example.com:5000")
dialects = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
variants = pytest.mark.parametrize("variant", ["development", "production"])


def _runs(text: str, image: str | None, source: str | None = None, *, v1: bool = False) -> bool:
    return judge_agent(text, "CreateContainerRequest", create_container(image, source), v1=v1)


@dialects
@variants
@pytest.mark.parametrize(
    ("image", "runs"),
    [
        ("quay.io/org/app", True),
        ("quay.io/org/app:1", True),
        (f"quay.io/org/app{DIGEST}", True),
        (f"quay.io/org/app:1{DIGEST}", True),
        ("quay.io/org/app/part:1", True),
        ("quay.io/org/app-evil", False),
        ("quay.io/org/app-evil:1", False),
        ("quay.io/org/app2", False),
        ("quay.io/org-evil/app", False),
        ("quay.io/org", False),
        ("quay.io/org/app:5000/evil", False),
        ("quay.io/org/app:1/../../evil", False),
        ("quay.io/org/app/../../evil/app", False),
        (f"quay.io/org/app{DIGEST}/evil", False),
        ("quay.io:5000/org/app", False),
        ("evil.io/quay.io/org/app", False),
        ("xquay.io/org/app", False),
        ("quay.io.evil.io/org/app", False),
        ("quay.io/org/one:1.2", True),
        (f"quay.io/org/one:1.2{DIGEST}", True),
        ("quay.io/org/one", False),
        ("quay.io/org/one:1.20", False),
        ("quay.io/org/one:1.2-evil", False),
        (f"quay.io/org/one{DIGEST}", False),
        (f"quay.io/org/two{DIGEST}", True),
        (f"quay.io/org/two{DIGEST}{DIGEST}", False),
        ("quay.io/org/two:latest", False),
        ("quay.io/org/two@sha256:" + "ab" * 31, False),
        ("registry.example.com:5000/any/thing:1", True),
        ("registry.example.com:5000", False),
        ("registry.example.com:50001/any/thing:1", False),
        ("registry.example.com/any/thing:1", False),
        ("registry.example.com:5000.evil.io/any", False),
        ("app", False),
        ("", False),
    ],
)
def test_only_listed_images_run(image: str, variant: Variant, *, runs: bool, v1: bool) -> None:
    assert _runs(agent_policy(variant, LISTED), image, v1=v1) == runs


HOSTS = ("quay.io", "quay.io:5000", "quay.io.evil.io", "evil.io", "registry.example.com")
NAMES = st.lists(st.sampled_from(["org", "org-evil", "app", "app-evil", "app2", "a", "quay.io", ".."]), min_size=1)
ENDS = st.sampled_from(["", ":1", ":1.2", ":5000", "-evil", DIGEST, f":1{DIGEST}", ":5000/evil", "/..", "/evil:1"])
TRICKS = st.builds(lambda host, names, end: "/".join([host, *names]) + end, st.sampled_from(HOSTS), NAMES, ENDS)


@given(
    listed=st.sampled_from(["quay.io/org/app", "quay.io/org", "quay.io/org/app:1", f"quay.io/org/app{DIGEST}"]),
    image=TRICKS,
)
def test_no_trick_with_a_name_gets_an_image_in_that_is_not_listed(listed: str, image: str) -> None:
    if not _runs(agent_policy("production", (listed,)), image):
        return
    rest = image.removeprefix(listed)
    assert image.startswith(listed)
    assert ".." not in image
    # What follows a listed name begins at a boundary, and no boundary but a slash has a slash behind it.
    assert rest[:1] in {"", ":", "@", "/"}
    assert rest.startswith("/") or "/" not in rest
    if ":" in listed:
        assert rest == "" or (rest.startswith("@sha256:") and "@" not in listed)


@given(
    host=st.sampled_from(HOSTS[:3]),
    names=st.lists(st.from_regex(r"[a-z0-9]{1,5}(?:[._-][a-z0-9]{1,3})?", fullmatch=True), min_size=1, max_size=3),
    end=st.sampled_from(["", ":1", DIGEST, f":1{DIGEST}"]),
)
def test_a_listed_image_always_runs(host: str, names: list[str], end: str) -> None:
    image = "/".join([host, *names]) + end

    for listed in (image, "/".join([host, *names]), host):
        assert _runs(agent_policy("production", (listed,)), image), listed


@dialects
def test_the_pause_container_runs_and_may_pull_nothing_else(*, v1: bool) -> None:
    text = agent_policy("production", LISTED)

    assert _runs(text, None, v1=v1)
    assert not _runs(text, None, "quay.io/evil/app", v1=v1)
    assert not _runs(text, None, "quay.io/org/app", v1=v1)


@dialects
@variants
def test_the_name_that_is_pulled_has_to_be_the_one_in_the_annotations(variant: Variant, *, v1: bool) -> None:
    text = agent_policy(variant, LISTED)

    assert _runs(text, "quay.io/org/app:1", "quay.io/org/app:1", v1=v1)
    assert not _runs(text, "quay.io/org/app:1", "quay.io/org/app:2", v1=v1)
    assert not _runs(text, "quay.io/org/app:1", "quay.io/evil/app:1", v1=v1)
    assert not _runs(text, "quay.io/evil/app:1", "quay.io/org/app:1", v1=v1)


@dialects
@pytest.mark.parametrize("images", [(), LISTED])
@pytest.mark.parametrize(("image", "runs"), [("quay.io/org/app:1", True), ("quay.io/evil/app:1", False), (None, True)])
def test_containerds_annotations_are_read_as_well(
    image: str | None, images: tuple[str, ...], *, runs: bool, v1: bool
) -> None:
    document = create_container(image, cri="containerd")

    allowed = judge_agent(agent_policy("production", images), "CreateContainerRequest", document, v1=v1)
    assert allowed == (runs or not images)


def test_every_name_of_an_image_has_to_be_listed() -> None:
    """The list holds by itself, whatever else is asked of a container's names."""
    text = agent_policy("production", LISTED)
    named = [["/OCI/Annotations/io.kubernetes.cri.image-name", "quay.io/evil/app:1"]]
    root_free = text.replace("denied if not root_pulled", "")

    assert judge_agent(root_free, "CreateContainerRequest", create_container("quay.io/org/app:1"))
    for document in (
        changed(create_container("quay.io/org/app:1"), named),
        create_container("quay.io/org/app:1", "quay.io/evil/app:1"),
    ):
        assert not judge_agent(root_free, "CreateContainerRequest", document)


@pytest.mark.parametrize(
    "image", ["nginx", "org/app", "quay.io/", "quay.io/Org/app", "https://quay.io/org/app", "quay.io/org/app:", "*", ""]
)
def test_a_name_that_cannot_be_held_to_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match="needed is REGISTRY/REPOSITORY") as raised:
        agent_policy("production", ("quay.io/org/app", image))

    assert repr(image) in str(raised.value)
    assert "'quay.io/org/app'" not in str(raised.value)


def test_images_are_sorted_by_kind() -> None:
    result = image_reference.sort_images(
        [*reversed(LISTED), "localhost:5000/app", "localhost", "registry:5000/app:1", LISTED[0]]
    )

    assert result.exact == ("quay.io/org/one:1.2", f"quay.io/org/two{DIGEST}", "registry:5000/app:1")
    assert result.repositories == ("localhost:5000/app", "quay.io/org/app")
    assert result.registries == ("localhost", "registry.example.com:5000")


@pytest.mark.parametrize("version", OSC)
def test_the_policy_leaves_room_for_certificates_in_azures_user_data(version: str) -> None:
    policy = agent_policy("production", ("registry.example.com/org",))
    text = initdata.render(initdata.Initdata(kbs_url="https://kbs.example.com", agent_policy=policy))

    assert initdata.user_data_size(initdata.encode(text, OSC[version])) < initdata.USER_DATA_LIMIT // 2
