"""Rules about what the stack has in the cluster: pinned operators, a protected KataConfig, where things are."""

from collections.abc import Iterator, Mapping

from coco_azure import names
from policies.model import Config, Option, Resource, Rule, Stack, Violation
from policies.reading import STASH

NAMES: Mapping[str, tuple[str, ...]] = {
    "KataConfig": (names.KATA_CONFIG,),
    "KbsConfig": (f"{names.TRUSTEE_NAMESPACE}/{names.KBS_CONFIG}",),
    "Route": (f"{names.TRUSTEE_NAMESPACE}/{names.KBS_SERVICE}",),
    "OperatorGroup": (
        f"{names.TRUSTEE_NAMESPACE}/{names.TRUSTEE_GROUP}",
        f"{names.OSC_NAMESPACE}/{names.OSC_GROUP}",
    ),
    "Subscription": (
        f"{names.TRUSTEE_NAMESPACE}/{names.TRUSTEE_SUBSCRIPTION}",
        f"{names.OSC_NAMESPACE}/{names.OSC_SUBSCRIPTION}",
    ),
    "ConfigMap": (
        *(
            f"{names.TRUSTEE_NAMESPACE}/{name}"
            for name in (
                names.KBS_CONFIG_CM,
                names.REFERENCE_VALUES,
                names.RESOURCE_POLICY,
                names.ATTESTATION_POLICY,
                names.TDX_CONFIG,
            )
        ),
        f"{names.OSC_NAMESPACE}/{names.PEER_PODS_CM}",
        f"{names.OSC_NAMESPACE}/{names.FEATURE_GATES}",
        f"{names.CHECK_NAMESPACE}/{names.DENIALS}",
    ),
    "DaemonSet": (f"{names.OSC_NAMESPACE}/{names.CAA}",),
    "Deployment": (f"{names.TRUSTEE_NAMESPACE}/{names.KBS_DEPLOYMENT}",),
}
"""Names that the chapter, the operators and this project's documents say; what other kinds are called is free."""
_SEALED = "coco-azure:index:SealedSecrets$"
_TERMS = "coco-azure:index:Workloads$"
_GUARD = "-kataconfig-guard"


def _pinned(resource: Resource, _: Config) -> Iterator[str]:
    if resource.object_kind != "Subscription" or not resource.is_object:
        return
    if resource.at("spec", "installPlanApproval") != "Manual" or not resource.at("spec", "startingCSV"):
        yield f"{resource}: OLM upgrades {resource.at('spec', 'name')} by itself whenever the catalog moves"


def _protected(stack: Stack, _: Config) -> Iterator[Violation]:
    guards = [each for each in stack.resources if each.kind == STASH and each.name.endswith(_GUARD)]
    guarded = bool(guards) and all(each.protect for each in guards)
    for kata_config in stack.objects("KataConfig"):
        # An approved roll-out takes the object's own protection away, for that run; the guard's stays.
        if not kata_config.is_patch and not kata_config.protect and not guarded:
            message = f"{kata_config} may be replaced and deleted by any run, which reboots its nodes"
            yield Violation(message=message, resource=kata_config)


def _named(resource: Resource, config: Config) -> Iterator[str]:
    if not resource.is_object or _SEALED in resource.urn or _TERMS in resource.urn:
        return  # sealed secrets and terms stand where their workloads are
    namespaces = {names.TRUSTEE_NAMESPACE, names.OSC_NAMESPACE, names.CHECK_NAMESPACE, *config["namespaces"]}
    where = resource.namespace
    own = resource.object_name if resource.object_kind == "Namespace" else where
    if own and own not in namespaces and not resource.is_patch:
        yield f"{resource} stands in namespace {own}; documented are {', '.join(sorted(namespaces))}"
        return
    allowed = {*NAMES.get(resource.object_kind, ()), *config["names"]}
    name = f"{where}/{resource.object_name}" if where else resource.object_name
    if resource.object_kind in NAMES and resource.object_name and name not in allowed:
        yield f"{resource}: documented are {', '.join(NAMES[resource.object_kind])}"


def _apart(stack: Stack, _: Config) -> Iterator[Violation]:
    trustees = [each for each in stack.objects("KbsConfig") if not each.is_patch]
    runtimes = [each for each in stack.objects("KataConfig") if not each.is_patch]
    clusters = {_cluster(each) for each in runtimes}
    for trustee in trustees:
        if _cluster(trustee) in clusters:
            message = (
                f"{trustee} is on the cluster of the pods that it judges: whoever controls it controls the verdict"
            )
            yield Violation(message=message, resource=trustee)


def _cluster(resource: Resource) -> tuple[str, str]:
    """Return what tells one cluster from another: kubeconfig and context of the provider, as far as they are said."""
    _, props = resource.provider or ("", {})
    return str(props.get("kubeconfig", "")), str(props.get("context", ""))


def _proved(stack: Stack, _: Config) -> Iterator[Violation]:
    if stack.objects("KataConfig") and not any(each.kind.endswith(":AttestationCheck") for each in stack.resources):
        yield Violation(message="the stack has peer pods, and nothing proves that they attest (no AttestationCheck)")


_LIST = {"type": "array", "items": {"type": "string"}}

RULES = (
    Rule(
        id="operators-pinned",
        title="Operators are pinned: they change version only when the stack says so",
        why="An upgrade may come at any hour, reboot nodes and change what pod VMs measure",
        remedy="Leave approval to the stack: pulumi config rm --path 'coco-azure:peerPods.operator.approval', and the "
        "same for trustee.operator.approval",
        severity="high",
        resource=_pinned,
    ),
    Rule(
        id="kataconfig-protected",
        title="KataConfig is protected: what reboots nodes is approved once, not for ever",
        why="A mistake in a setting would reboot every node that runs the runtime",
        remedy="Approve roll-outs one by one: pulumi config set --path 'coco-azure:peerPods.kataConfig.allowReboot' "
        "false; a preview prints the ticket for one",
        severity="critical",
        stack=_protected,
    ),
    Rule(
        id="trustee-on-another-cluster",
        title="Trustee runs on another cluster than the pods that it judges",
        why="The administrator of one cluster could let anything pass",
        remedy="Name a trusted cluster (coco-azure:trustee.cluster.kubeconfig) or a stack that has Trustee "
        "(coco-azure:trustee.stack); docs/two-clusters.md",
        severity="high",
        stack=_apart,
    ),
    Rule(
        id="names-as-documented",
        title="Namespaces and names are those that are documented",
        why="Operators look for some of these names, and people and other tools for the rest",
        remedy="Use the documented name, or list yours in the pack's configuration (`namespaces`, `names`)",
        severity="medium",
        resource=_named,
        options={
            "namespaces": Option(schema=_LIST, default=[], doc="further namespaces for the stack's objects"),
            "names": Option(schema=_LIST, default=[], doc="further names, as `namespace/name` or `name`"),
        },
    ),
    Rule(
        id="chain-is-proved",
        title="A stack with peer pods proves in every run that a pod attests",
        why="A chain that denies every pod, or no pod, would go unnoticed",
        remedy="Remove the setting: pulumi config rm --path 'coco-azure:attestationCheck.enabled'",
        severity="medium",
        stack=_proved,
    ),
)
