"""What the program makes is made once, kept by generation, and made anew exactly when it must be."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format
from pulumi import Output, ResourceOptions
from pulumi.runtime import mocks, rpc

from coco_azure.formats.pki import certificates, signer
from coco_azure.settings.tls import RotationSettings
from coco_azure.versions.profiles import Token
from components.trustee.keys import KeptSigner, generations, kept_secret, kept_signer
from components.trustee.tls import MadeTls, made_tls
from rehearsal.kubelet import tls
from tests.unit.recording import new_event_loop

HOST, NOTHING = "kbs.apps.example.com", ResourceOptions()


class _State(mocks.Mocks):
    """What an engine does with a Stash that ignores changes: it keeps the first value, until its trigger changes."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Any, Any]] = {}
        self.asked: dict[str, Any] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return the kept value."""
        request = self.asked[args.name]
        assert list(request.ignoreChanges) == ["input"]
        trigger = json_format.MessageToJson(request.replacement_trigger)
        assert rpc._special_secret_sig not in trigger, "a trigger stands in the state in plain text"
        if args.name not in self.kept or self.kept[args.name][1] != trigger:
            self.kept[args.name] = (args.inputs["input"], trigger)
        return f"{args.name}-id", {**args.inputs, "output": self.kept[args.name][0]}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer no look-up."""
        raise NotImplementedError(args.token)


class _Monitor(mocks.MockMonitor):
    def __init__(self, state: _State) -> None:
        super().__init__(state)
        self.state = state

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        self.state.asked[request.name] = request
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def _run(state: _State, program: Callable[[], Mapping[str, Output[Any] | None]]) -> tuple[dict[str, Any], set[str]]:
    """Run a program on the state; return its outputs and which of them are secret. What it left out is deleted."""
    new_event_loop()
    state.asked.clear()
    pulumi.runtime.set_mocks(state, project="coco-azure", stack="test", preview=False, monitor=_Monitor(state))
    values: dict[str, Any] = {}
    secret: set[str] = set()

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    async def run() -> None:
        for name, output in program().items():
            values[name] = None if output is None else await output.future()
            if output is not None and await output.is_secret():
                secret.add(name)

    run()
    state.kept = {name: kept for name, kept in state.kept.items() if name in state.asked}
    return values, secret


def _numbers() -> Callable[[], str]:
    counter = count(1)
    return lambda: f"value {next(counter)}"


def _generation(state: _State, number: int, make: Callable[[], str], *, overlap: bool = True) -> tuple[Any, Any]:
    def program() -> Mapping[str, Output[Any] | None]:
        current, previous = generations("key", number, make, NOTHING, overlap=overlap)
        return {"current": current, "previous": previous}

    values, secret = _run(state, program)
    assert secret == {name for name, value in values.items() if value is not None}
    return values["current"], values["previous"]


def test_a_secret_is_the_first_value_that_was_made() -> None:
    state, make = _State(), _numbers()

    for _ in range(2):
        assert _run(state, lambda: {"key": kept_secret("key", make(), NOTHING)}) == ({"key": "value 1"}, {"key"})


def test_the_first_generation_keeps_the_name_of_older_stacks() -> None:
    state, make = _State(), _numbers()
    _run(state, lambda: {"key": kept_secret("key", make(), NOTHING)})

    assert _generation(state, 1, make) == ("value 1", None)
    assert set(state.kept) == {"key"}


def test_the_next_generation_is_new_and_the_previous_one_stays() -> None:
    state, make = _State(), _numbers()
    first, _ = _generation(state, 1, make)
    second, previous = _generation(state, 2, make)

    assert second != first
    assert previous == first
    assert _generation(state, 2, make) == (second, first)
    third, previous = _generation(state, 3, make)
    assert third not in (first, second)
    assert previous == second
    assert set(state.kept) == {"key-2", "key-3"}


def test_a_generation_that_is_lowered_brings_the_old_value_back() -> None:
    state, make = _State(), _numbers()
    first, _ = _generation(state, 1, make)
    _generation(state, 2, make)

    assert _generation(state, 1, make) == (first, None)


def test_the_end_of_an_overlap_deletes_the_previous_value_only() -> None:
    state, make = _State(), _numbers()
    _generation(state, 1, make)
    second, _ = _generation(state, 2, make)

    assert _generation(state, 2, make, overlap=False) == (second, None)
    assert set(state.kept) == {"key-2"}


def _tls(state: _State, host: str = HOST, days: int = 365, **rotation: Any) -> dict[str, str]:
    def program() -> Mapping[str, Output[Any] | None]:
        made: MadeTls = made_tls(
            "tls", Output.from_input(host), RotationSettings.model_validate(rotation), NOTHING, days=days
        )
        return {"ca": made.ca, "certificate": made.certificate, "key": made.private_key}

    values, secret = _run(state, program)
    assert secret == {"key"}
    assert all("PRIVATE" not in values[name] for name in ("ca", "certificate"))
    return values


def _good(made: Mapping[str, str], host: str = HOST) -> None:
    leaf = certificates.split(made["certificate"])[0]
    assert certificates.problems(leaf, made["key"], host, datetime.now(UTC), roots_pem=made["ca"]) == []
    tls.check(host, made["certificate"], made["ca"])


def test_tls_is_made_once_and_pods_take_it() -> None:
    state = _State()
    made = _tls(state)

    _good(made)
    assert _tls(state) == made
    assert set(state.kept) == {"tls-ca", "tls-leaf"}


def test_the_authority_outlives_every_leaf_by_years() -> None:
    made = _tls(_State(), days=3650)

    ends = {name: certificates.expiry(made[name]) - datetime.now(UTC) for name in ("ca", "certificate")}
    assert timedelta(days=7299) < ends["ca"] <= timedelta(days=7300)
    assert timedelta(days=3649) < ends["certificate"] <= timedelta(days=3650)


@pytest.mark.parametrize("change", [{"tls": 2}, {"host": "kbs.other.example.com"}, {"days": 30}])
def test_a_new_leaf_leaves_the_authority_and_so_initdata_alone(change: dict[str, Any]) -> None:
    state = _State()
    made = _tls(state)
    again = _tls(state, **change)

    assert again["ca"] == made["ca"]
    assert again["certificate"] != made["certificate"]
    _good(again, change.get("host", HOST))
    assert _tls(state, **change) == again


def test_a_new_authority_is_trusted_at_once_and_old_pods_go_on_until_the_overlap_ends() -> None:
    state = _State()
    old = _tls(state)
    new = _tls(state, tlsAuthority=2)

    assert new["ca"] != old["ca"]
    _good(new)
    tls.check(HOST, new["certificate"], old["ca"])
    assert _tls(state, tlsAuthority=2) == new
    ended = _tls(state, tlsAuthority=2, overlap=False)
    assert ended["ca"] == new["ca"]
    assert new["certificate"].startswith(ended["certificate"])
    _good(ended)
    with pytest.raises(tls.TlsError, match="UnknownIssuer"):
        tls.check(HOST, ended["certificate"], old["ca"])


def _signer(state: _State, token: Token, **rotation: Any) -> dict[str, str]:
    def program() -> Mapping[str, Output[Any] | None]:
        kept: KeptSigner = kept_signer(
            "signer", Output.from_input(token), RotationSettings.model_validate(rotation), NOTHING
        )
        return {"certificate": kept.certificate, "key": kept.private_key, "previous": kept.previous}

    values, secret = _run(state, program)
    assert secret == {"key"}
    assert signer.problems(token, values["certificate"], values["key"], datetime.now(UTC)) == []
    return values


def test_the_signer_is_made_once_and_its_previous_certificate_stays_trusted() -> None:
    state = _State()
    first = _signer(state, "Ear")
    assert _signer(state, "Ear") == first
    second = _signer(state, "Ear", tokenSigner=2)

    assert second["certificate"] != first["certificate"]
    assert second["previous"] == first["certificate"]
    assert _signer(state, "Ear", tokenSigner=2, overlap=False) == {**second, "previous": None}


def test_another_type_of_token_makes_another_signer() -> None:
    state = _State()
    simple = _signer(state, "Simple")

    assert _signer(state, "Ear")["certificate"] != simple["certificate"]
    assert set(state.kept) == {"signer"}


def test_what_is_kept_is_registered_as_a_secret() -> None:
    state = _State()
    _tls(state, tlsAuthority=2)
    _signer(state, "Ear")

    for request in state.asked.values():
        result = json.loads(json_format.MessageToJson(request.object))["input"]
        assert result[rpc._special_sig_key] == rpc._special_secret_sig
