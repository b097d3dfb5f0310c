"""The environment of a container as the kubelet and CRI-O make it of manifest and image.

Sources: kubernetes 1.34 ``pkg/kubelet/kubelet_pods.go`` makeEnvironmentVariables (``envFrom`` first, then ``env``, each
later one replaces), cri-o 1.34 ``server/container_create.go`` mergeEnvs (the image's only where the pod has none).
What of ``valueFrom`` can be known follows genpolicy of kata-containers 3.25.

Source: kubernetes 1.34 ``third_party/forked/golang/expansion/expand.go``, ``pkg/kubelet/container/helpers.go``.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coco_azure.formats.workload import reading
from coco_azure.formats.workload.reading import ManifestError, Template

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^)]*)\)|)")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
ADDRESS = r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}"
_OF_SERVICES: Mapping[str, str] = {"_SERVICE_HOST": ADDRESS, "_SERVICE_PORT": "[0-9]{1,5}"}

ANYTHING = "(?s).*"


@dataclass(frozen=True, kw_only=True)
class Value:
    """The value of a variable or an argument.

    Attributes:
        text: the value; where ``pattern`` is set, a regular expression for the whole of it, in the syntax that Rust's
            ``regex`` and Python share.
        pattern: whether ``text`` is a regular expression.
        required: whether it is always there.
        example: a value that the pattern matches.
    """

    text: str
    pattern: bool = False
    required: bool = True
    example: str = ""

    @property
    def open(self) -> bool:
        """Whether the host may choose it freely."""
        return self.pattern and self.text == ANYTHING

    @property
    def as_pattern(self) -> str:
        """The value as a regular expression."""
        return self.text if self.pattern else escaped(self.text)

    @property
    def sample(self) -> str:
        """A value that fits."""
        return self.example if self.pattern else self.text


def like(pattern: str, example: str, *, required: bool = True) -> Value:
    """Return a value that only a pattern is known of, which matches the example."""
    return Value(text=pattern, pattern=True, required=required, example=example)


def anything(*, required: bool = True) -> Value:
    """Return a value that nothing is known of."""
    return like(ANYTHING, "anything", required=required)


def escaped(text: str) -> str:
    """Return a regular expression for exactly this text; ``re.escape`` escapes more than Rust's ``regex`` takes."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", text)


def expand(text: str, known: Mapping[str, Value], on_open: Callable[[str], None]) -> Value:
    """Return what the kubelet makes of a text.

    Args:
        text: as in the manifest; ``$$`` is a dollar sign, ``$(NAME)`` a variable, or itself where there is none.
        known: the variables that it may name.
        on_open: called with each variable whose value the host may choose freely.
    """
    parts: list[Value] = []
    at = 0
    for reference in _REFERENCE.finditer(text):
        parts += [Value(text=text[at : reference.start()]), _meant(reference, known, on_open)]
        at = reference.end()
    parts.append(Value(text=text[at:]))
    if any(part.pattern for part in parts):
        pattern = "".join(f"({part.text})" if part.pattern else part.as_pattern for part in parts)
        return like(pattern, "".join(part.sample for part in parts))
    return Value(text="".join(part.text for part in parts))


def _meant(reference: re.Match[str], known: Mapping[str, Value], on_open: Callable[[str], None]) -> Value:
    name = reference["name"]
    if name is None:
        return Value(text="$")
    value = known.get(name)
    if value is not None:
        if value.open or not value.required:
            on_open(name)
        return value
    of_service = next((pattern for end, pattern in _OF_SERVICES.items() if name.endswith(end)), None)
    if of_service is not None and re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return like(f"{of_service}|{escaped(reference[0])}", reference[0])
    return Value(text=reference[0])


_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_STEERING = re.compile(
    r"LD_.*|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|NLSPATH|PATH|HOME|SHELL|ENV|BASH.*|SHELLOPTS|IFS|PS4|PROMPT_COMMAND|"
    r"PYTHON.*|PERL.*|RUBY.*|NODE_.*|GEM_.*|LUA_.*|CLASSPATH|JAVA_.*|_JAVA_.*|JDK_.*|JVM_.*|MAVEN_.*|CATALINA_.*|"
    r"PHP.*|DOTNET_.*|COR(ECLR)?_.*|OPENSSL_.*|GIT_.*|EDITOR|PAGER|VISUAL|"
    r"SSL_CERT_.*|NSS_.*|XDG_.*|NPM_CONFIG_.*|npm_config_.*|KUBECONFIG|AWS_CONFIG_FILE|DOCKER_CONFIG|DJANGO_SETTINGS_MODULE|"
    r"FLASK_APP|UWSGI_.*|ERL_.*|R_(PROFILE|LIBS|ENVIRON).*|SPRING_(APPLICATION_JSON|CONFIG_.*)|"
    r"([A-Z0-9]+_)+(ARGS|FLAGS|OPTIONS|OPTS)"
)
_LABEL = re.compile(r"metadata\.(?P<map>labels|annotations)\['(?P<key>[^']+)'\]")
_DNS = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NUMBER = like("[0-9]+", "1")
_IP, _IPS = like(ADDRESS, "10.1.2.3"), like(f"({ADDRESS})(,({ADDRESS}))*", "10.1.2.3,fd00::3")
_HOST_NAME, _ID = like(_DNS, "shop-1"), like(_UUID, "0b5c9a4e-3f6d-4c1a-9e2b-7d8f6a5b4c3d")
_FIELDS: Mapping[str, Value] = {
    "metadata.uid": _ID,
    "spec.nodeName": _HOST_NAME,
    "status.hostIP": _IP,
    "status.podIP": _IP,
    "status.hostIPs": _IPS,
    "status.podIPs": _IPS,
}
_INDEX = "batch.kubernetes.io/job-completion-index"
_LONGEST_STEM = 37
"""Characters of a workload's name that its pods' names surely begin with: the API server cuts names at 63."""
_TOKEN = "/var/run/secrets/azure/tokens/azure-identity-token"  # noqa: S105 - a path
_IDENTITY: Mapping[str, Value] = {
    "AZURE_CLIENT_ID": _ID,
    "AZURE_TENANT_ID": _ID,
    "AZURE_FEDERATED_TOKEN_FILE": like(_TOKEN, _TOKEN),
    "AZURE_AUTHORITY_HOST": like(r"https://login\.[a-z0-9.]+/", "https://login.microsoftonline.com/"),
}
"""What the webhook of Azure's workload identity adds to pods that have its label."""


def environment(container: Mapping[str, Any], template: Template, image: Sequence[str]) -> dict[str, Value]:
    """Return the variables of a container by name.

    Args:
        image: the variables of the image as far as they are known, each ``NAME=VALUE``.

    Raises:
        ManifestError: a variable cannot be held to anything.
    """
    made: dict[str, Value] = {}
    for source in reading.objects(container, "envFrom"):
        made |= _from_object(source, template)
    for entry in reading.objects(container, "env"):
        name = reading.optional(entry, "name", str)
        if not name or "=" in name:
            raise ManifestError(f"env has an entry named {reading.shown(name)}, needed a name without =")
        made[name] = _value(name, entry, made, template)
    for name, value in made.items():
        if value.open and _STEERING.fullmatch(name):
            raise ManifestError(
                f"env {name} steers which code runs, and its value is read from an object that the pods' cluster may "
                "change; write it into the manifest (value: ...), or name the variable otherwise"
            )
    own = {name: Value(text=text) for name, text in (entry.split("=", 1) for entry in image if "=" in entry)}
    return {**_added(template), **own, **made}


def literal(container: Mapping[str, Any]) -> dict[str, Value]:
    """Return the variables that commands of probes may name: as they stand there, without those taken from objects."""
    return {str(entry.get("name")): Value(text=str(entry.get("value", ""))) for entry in container.get("env") or []}


def _added(template: Template) -> dict[str, Value]:
    labels = reading.object_of(template.metadata, "labels")
    made: dict[str, Value] = {}
    if labels.get("azure.workload.identity/use") == "true":
        made |= {name: replace(value, required=False) for name, value in _IDENTITY.items()}
    if template.kind in {"Job", "CronJob"}:
        made["JOB_COMPLETION_INDEX"] = replace(_NUMBER, required=False)
    return made


def _from_object(source: Mapping[str, Any], template: Template) -> dict[str, Value]:
    prefix = reading.optional(source, "prefix", str) or ""
    for key, kind, known in (
        ("configMapRef", "ConfigMap", template.configs),
        ("secretRef", "Secret", template.secrets),
    ):
        if (reference := source.get(key)) is None:
            continue
        name = str(reference.get("name"))
        data = known.get(name)
        if data is None:
            raise ManifestError(
                f"envFrom: {kind} {name} is not in the file, so the names of its variables are not known, and the "
                f"pods' cluster could add any; add the {kind} to the file, or name each variable (env, valueFrom)"
            )
        return {f"{prefix}{each}": _of(data[each]) for each in data if _NAME.fullmatch(f"{prefix}{each}")}
    raise ManifestError(f"envFrom has {', '.join(map(str, source)) or 'nothing'}, known are configMapRef and secretRef")


def _of(text: object) -> Value:
    """Return the value from an object of the manifest, as far as it may be known."""
    return Value(text=text) if isinstance(text, str) else anything()


def _value(name: str, entry: Mapping[str, Any], before: Mapping[str, Value], template: Template) -> Value:
    text = reading.optional(entry, "value", str)
    source = reading.object_of(entry, "valueFrom")
    if not source:
        refused: list[str] = []
        made = expand(text or "", before, refused.append)
        # What is made of a value that the host chooses is itself the host's choice.
        return anything() if refused else made
    return next(_sources(name, source, template))


def _sources(name: str, source: Mapping[str, Any], template: Template) -> Iterator[Value]:
    for key, objects in (("configMapKeyRef", template.configs), ("secretKeyRef", template.secrets)):
        if reference := reading.object_of(source, key):
            required = not reading.optional(reference, "optional", bool)
            text = objects.get(str(reference.get("name")), {}).get(str(reference.get("key")))
            yield _of(text) if isinstance(text, str) else anything(required=required)
    if reference := reading.object_of(source, "fieldRef"):
        yield _field(str(reference.get("fieldPath")), template)
    if reading.object_of(source, "resourceFieldRef"):
        yield _NUMBER
    raise ManifestError(f"env {name}: valueFrom has {', '.join(map(str, source))}, which is not known")


def _field(path: str, template: Template) -> Value:
    spec = template.spec
    known: dict[str, Value] = {
        **_FIELDS,
        "metadata.name": _pod_name(template),
        "metadata.namespace": _HOST_NAME if template.namespace is None else Value(text=template.namespace),
        "spec.serviceAccountName": Value(
            text=spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        ),
    }
    return known[path] if path in known else _labelled(path, template)


def _labelled(path: str, template: Template) -> Value:
    place = _LABEL.fullmatch(path)
    if place is None:
        raise ManifestError(f"fieldRef {path} is not known")
    fixed = reading.object_of(template.metadata, place["map"]).get(place["key"])
    if isinstance(fixed, str):
        return Value(text=fixed)
    if place["key"] == _INDEX:
        return like("[0-9]*", "0")
    return like("[-A-Za-z0-9_.]{0,63}", "a") if place["map"] == "labels" else anything()


def _pod_name(template: Template) -> Value:
    if template.name is None:
        return _HOST_NAME
    if template.kind == "Pod":
        return Value(text=template.name)
    stem = template.name[:_LONGEST_STEM]
    return like(f"{escaped(stem)}[-a-z0-9.]*", f"{stem}-5d8f7-x2x4z")
