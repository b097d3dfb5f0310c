"""The production agent policy withstands a host that asks for more than a pod needs, in the forms of each version."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.policy import agent_requests
from coco_azure.formats.policy.agent_policy_check import NEEDED, WORKLOAD, check_agent_policy
from coco_azure.formats.policy.agent_requests import (
    SHARED,
    AgentCase,
    cases,
    changed,
    copy_file,
    create_container,
    create_sandbox,
)
from coco_azure.formats.policy.policies import agent_policy
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.versions.profiles import OSC
from tests.unit.recording import ROOT

IMAGE = "registry.example.com/org/app:1"
PRODUCTION = agent_policy("production")
LISTED = agent_policy("production", ("registry.example.com/org",))
ORDINARY, HOSTILE = cases("ordinary", IMAGE), cases("hostile", IMAGE)
# The policy of a stack whose author trusts a path's beginning and nothing else.
NAIVE = """
CopyFileRequest if startswith(input.path, "/run/kata-containers/shared/containers/")
"""
VOLUME = f"{SHARED}/{'c0' * 32}-0123456789abcdef-app"
dialects = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
policies = pytest.mark.parametrize("text", [PRODUCTION, LISTED], ids=["any image", "listed images"])
forms = pytest.mark.parametrize("named", [False, True], ids=["mode and data", "type and target"])


def _titles(case: AgentCase) -> str:
    return f"{case.request} {case.title}"


def _creates(text: str, *changes: list[Any], pause: bool = False) -> bool:
    document = changed(create_container(None if pause else IMAGE), changes)
    return judge_agent(text, "CreateContainerRequest", document)


def _copies(path: str, file_type: str = "Regular", content: str = "x", *, named: bool) -> bool:
    return judge_agent(LISTED, "CopyFileRequest", copy_file(path, file_type, content, named=named))


@dialects
@policies
@pytest.mark.parametrize("case", ORDINARY, ids=_titles)
def test_what_ordinary_pods_need_is_allowed(case: AgentCase, text: str, *, v1: bool) -> None:
    assert all(judge_agent(text, case.request, document, after=case.after, v1=v1) for document in case.documents)


@dialects
@policies
@pytest.mark.parametrize("case", [case for case in HOSTILE if case.kind != WORKLOAD], ids=_titles)
def test_what_a_hostile_host_asks_is_denied(case: AgentCase, text: str, *, v1: bool) -> None:
    assert not any(judge_agent(text, case.request, document, after=case.after, v1=v1) for document in case.documents)


def test_only_what_a_workload_runs_is_left_open_without_its_manifest() -> None:
    left = [case.title for case in HOSTILE if judge_agent(LISTED, case.request, case.documents[0], after=case.after)]

    assert left == ["another command", "another environment", "a file of the host's over one of the image"]


def test_the_lists_are_long_enough_and_name_every_kind_of_harm() -> None:
    assert len(ORDINARY) >= 30
    assert {case.kind for case in HOSTILE} == set(agent_requests.harms())
    assert {case.request for case in ORDINARY} <= set(NEEDED)
    for group in (ORDINARY, HOSTILE):
        titles = [_titles(case) for case in group]
        assert len(titles) == len(set(titles))


def test_the_page_on_trust_tells_how_many_there_are() -> None:
    page = " ".join((ROOT / "docs/trust-chain.md").read_text().split())

    assert f"on {len(ORDINARY)} requests of ordinary pods" in page
    assert f"and on {len(HOSTILE)} of a hostile host" in page


def test_a_file_that_is_copied_is_judged_in_the_form_of_the_version() -> None:
    values = {
        version: {
            tuple(sorted(document))
            for case in cases("ordinary", IMAGE, named=profile.copied_type_named)
            for document in case.documents
            if case.request == "CopyFileRequest"
        }
        for version, profile in OSC.items()
    }

    for version, shapes in values.items():
        assert len(shapes) == 1
        assert all(("symlink_target" in shape) == (version in ("1.12", "1.13")) for shape in shapes)
        assert all(("data" in shape) != ("symlink_target" in shape) for shape in shapes)


@pytest.mark.parametrize("version", OSC)
def test_a_policy_that_reads_the_fields_of_one_version_only_is_told_where_it_denies(version: str) -> None:
    rule = f'CopyFileRequest if {{\n\tinput.file_type == "Regular"\n\tstartswith(input.path, "{SHARED}/")\n}}\n'
    text = PRODUCTION.replace("CopyFileRequest if {", "never if {") + rule
    report = check_agent_policy(text, "production", (), OSC[version])

    denied = [item for item in report.warnings if item.startswith("the agent policy denies CopyFileRequest for ")]
    (warning,) = denied
    count, all_of_them = map(int, re.findall(r"for (\d+) of (\d+)", warning)[0])
    assert (count < all_of_them) == (version in ("1.12", "1.13"))


@pytest.mark.parametrize("kind", sorted(set(agent_requests.harms()) - {WORKLOAD}))
def test_a_policy_that_allows_one_kind_of_harm_has_one_problem_that_says_so(kind: str) -> None:
    requests = sorted({case.request for case in HOSTILE if case.kind == kind})
    rules = "\n".join(f"{name} := true if input.evil" for name in requests)
    stripped = "\n".join(
        line for line in PRODUCTION.splitlines() if not re.match(rf"(default )?({'|'.join(requests)}) :=", line)
    )
    text = stripped + "\n" + "\n".join(f"default {name} := true" for name in requests) + "\n" + rules
    problems = check_agent_policy(text, "production").problems

    (items,) = [each for each in problems if agent_requests.harms()[kind] in each]
    assert re.match(r"the agent policy allows \d+ of \d+ hostile requests of one kind \(", items)
    assert items.endswith(
        "Change the policy, or leave the setting out to get the program's own (coco-azure:initdata.agentPolicyFile)."
    )
    (warning,) = [each for each in check_agent_policy(text, "development").warnings if "have its way" in each]
    assert agent_requests.harms()[kind] in warning


def test_a_policy_that_looks_at_a_paths_beginning_alone_is_a_problem() -> None:
    problems = check_agent_policy(PRODUCTION + NAIVE, "production").problems

    (result,) = problems
    assert "a file with .. in its path; " in result
    assert "CVE-2026-41326" in result


def test_a_request_that_is_denied_in_one_form_only_counts_as_allowed() -> None:
    text = PRODUCTION + 'CopyFileRequest if input.file_type == "Symlink"\n'

    assert len(check_agent_policy(text, "production").problems) == 1
    assert check_agent_policy(text, "production", (), OSC["1.11"]).problems == []
    assert len(check_agent_policy(text, "production", (), OSC["1.12"]).problems) == 1


NAMES = st.sampled_from(["..", ".", "", "x", "..data", "a..b", "...", "run", "peerpod", "c0" * 32])


@forms
@given(
    start=st.sampled_from([VOLUME, SHARED, "/run/kata-containers", "/run/peerpod", "/etc", f"{SHARED}/{'c0' * 32}"]),
    names=st.lists(NAMES, max_size=6),
    kind=st.sampled_from(["Regular", "Directory"]),
)
def test_no_path_outside_of_a_copied_volume_and_none_with_dots_is_written(
    start: str, names: list[str], kind: str, *, named: bool
) -> None:
    path = "/".join([start, *names])
    inside = start == VOLUME and not {"..", ".", ""} & set(names)

    assert _copies(path, kind, named=named) == inside


@forms
@given(
    names=st.lists(NAMES, min_size=1, max_size=5),
    absolute=st.booleans(),
)
def test_no_link_leads_out_of_its_volume(names: list[str], *, absolute: bool, named: bool) -> None:
    target = ("/" if absolute else "") + "/".join(names)
    leads_out = target.startswith("/") or ".." in target.split("/")

    if target:
        assert _copies(f"{VOLUME}/link", "Symlink", target, named=named) != leads_out
    assert not _copies(VOLUME, "Symlink", target, named=named)


@given(target=st.text(alphabet="./a", min_size=1, max_size=8))
def test_a_target_is_judged_alike_by_its_name_and_by_its_bytes(target: str) -> None:
    values = {_copies(f"{VOLUME}/link", "Symlink", target, named=named) for named in (False, True)}

    assert len(values) == 1


@given(mode=st.integers(min_value=0, max_value=2**32 - 1))
def test_no_file_is_copied_but_files_folders_and_links(mode: int) -> None:
    document = copy_file(f"{VOLUME}/x", named=False) | {"file_mode": mode, "data": [120]}

    assert judge_agent(LISTED, "CopyFileRequest", document) == (mode >> 12 in {0o4, 0o10, 0o12})


def test_a_link_of_which_no_target_is_told_is_denied() -> None:
    for named in (False, True):
        document = copy_file(f"{VOLUME}/x", "Symlink", "y", named=named)
        document.pop("symlink_target" if named else "data")
        assert not judge_agent(LISTED, "CopyFileRequest", document)


@pytest.mark.parametrize(("target", "data"), [("/", "x"), ("x", "/")])
def test_where_a_target_is_told_its_bytes_do_not_count(target: str, data: str) -> None:
    document = copy_file(f"{VOLUME}/x", "Symlink", target, named=True) | {"data": list(data.encode())}

    assert judge_agent(LISTED, "CopyFileRequest", document) == (target == "x")


@given(
    destination=st.text(alphabet="/.ab", max_size=8),
    source=st.sampled_from(
        ["/", "/run", "/run/peerpod", "/etc/shadow", SHARED, f"{SHARED}/x", f"{VOLUME}/..", "/dev/sda"]
    ),
    kind=st.sampled_from(["bind", "local", "tmpfs", "overlay", "proc", "sysfs", "9p", "virtiofs", ""]),
    options=st.lists(st.sampled_from(["rbind", "rw", "ro", "rshared", "lowerdir=/"]), max_size=3),
)
def test_no_mount_of_another_kind_is_made(destination: str, source: str, kind: str, options: list[str]) -> None:
    mount = {"destination": destination, "source": source, "type_": kind, "options": options}

    assert not _creates(LISTED, ["/OCI/Mounts/-", mount])


@given(
    number=st.integers(min_value=0, max_value=6),
    options=st.lists(
        st.sampled_from(["rw", "rshared", "dev", "suid", "remount", "lowerdir=/x", "mode=0", ""]), min_size=1
    ),
)
def test_no_option_makes_a_mount_of_the_kernels_writable(number: int, options: list[str]) -> None:
    before = create_container(IMAGE)["OCI"]["Mounts"][number]
    bad = not set(options) <= {"rw", "mode=0"} or (before["destination"].startswith("/sys") and "rw" in options)

    assert _creates(LISTED, [f"/OCI/Mounts/{number}/options", [*before["options"], *options]]) != bad


BOUND = {
    *("CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD"),
    *("CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"),
    "CAP_SYS_CHROOT",
}
OTHERS = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_TIME", "CAP_IPC_LOCK", "cap_chown", "ALL", "", "CAP_CHOWN "]


@given(
    where=st.sampled_from(["Ambient", "Bounding", "Effective", "Inheritable", "Permitted"]),
    items=st.lists(st.sampled_from([*sorted(BOUND), *OTHERS]), max_size=5),
    pause=st.booleans(),
)
def test_no_capability_outside_of_the_bound_is_given(where: str, items: list[str], *, pause: bool) -> None:
    allowed = _creates(LISTED, [f"/OCI/Process/Capabilities/{where}", items], pause=pause)

    assert allowed == (set(items) <= BOUND)


@given(
    hooks=st.dictionaries(
        st.sampled_from(["Prestart", "CreateRuntime", "StartContainer", "Poststop"]),
        st.lists(st.fixed_dictionaries({"Path": st.text()}), max_size=2),
        min_size=1,
    ),
    pause=st.booleans(),
)
def test_no_request_with_hooks_is_taken(hooks: dict[str, Any], *, pause: bool) -> None:
    assert not _creates(LISTED, ["/OCI/Hooks", hooks], pause=pause)


@given(name=st.from_regex(r"[a-z]{1,6}([./][a-z_.]{1,8}){1,3}", fullmatch=True))
def test_no_sysctl_outside_of_a_containers_namespaces_is_set(name: str) -> None:
    allowed = _creates(LISTED, ["/OCI/Linux/Sysctl", {name: "1"}])

    assert not allowed or (
        name.startswith(("net.", "fs.mqueue.", "kernel.shm", "kernel.msg", "kernel.sem")) and "/" not in name
    )


SAFE_STORAGES = ("image_guest_pull", "ephemeral", "local")


@given(
    driver=st.sampled_from(
        ["blk", "scsi", "nvdimm", "overlayfs", "watchable-bind", "virtio-fs", "9p", "bind", "", *SAFE_STORAGES]
    ),
    mount_point=st.sampled_from(["/", "/run/peerpod", "/etc", SHARED, f"{SHARED}/x", "/run/kata-containers/sandbox"]),
    source=st.sampled_from(["tmpfs", "local", "/", "/dev/sda", IMAGE]),
    sandbox=st.booleans(),
)
def test_no_storage_of_another_kind_or_place_is_mounted(
    driver: str, mount_point: str, source: str, *, sandbox: bool
) -> None:
    storage = {"driver": driver, "source": source, "fstype": source, "mount_point": mount_point, "options": []}

    if sandbox:
        document = changed(create_sandbox(), [["/storages/-", storage]])
        assert not judge_agent(LISTED, "CreateSandboxRequest", document)
    else:
        assert not _creates(LISTED, ["/storages/-", storage])
