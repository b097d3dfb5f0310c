"""Commands that a run of ``pulumi`` prints, carried out to the letter: ``pulumi config``, and some of ``oc``."""

import shlex
from collections.abc import Iterator

from tests.engine.harness import Stack

MERGE = "application/merge-patch+json"
_FOLDERS = {
    "configmap": "/api/v1/namespaces/{}/configmaps",
    "secret": "/api/v1/namespaces/{}/secrets",
    "route": "/apis/route.openshift.io/v1/namespaces/{}/routes",
    "kbsconfig": "/apis/confidentialcontainers.org/v1alpha1/namespaces/{}/kbsconfigs",
    "trusteeconfig": "/apis/confidentialcontainers.org/v1alpha1/namespaces/{}/trusteeconfigs",
    "subscriptions.operators.coreos.com": "/apis/operators.coreos.com/v1alpha1/namespaces/{}/subscriptions",
    "clusterserviceversions.operators.coreos.com": (
        "/apis/operators.coreos.com/v1alpha1/namespaces/{}/clusterserviceversions"
    ),
    "operatorgroups.operators.coreos.com": "/apis/operators.coreos.com/v1/namespaces/{}/operatorgroups",
}


def carry_out(stack: Stack, command: str) -> None:
    """Carry out ``pulumi config ...``, ``oc -n NAMESPACE delete ...`` or ``oc -n NAMESPACE annotate ...``."""
    words = shlex.split(command)
    if words[0] == "pulumi":
        stack.run(*words[1:], "--stack", stack.name)
        return
    program, option, namespace, verb, *rest = words
    assert (program, option) == ("oc", "-n"), command
    paths = list(_paths(namespace, [word for word in rest if "/" in word and "=" not in word]))
    if verb == "delete":
        for path in paths:
            stack.api("DELETE", path)
        return
    assert verb == "annotate", command
    key, _, value = rest[-1].partition("=")
    for path in paths:
        stack.api("PATCH", path, {"metadata": {"annotations": {key: value}}}, MERGE)


def _paths(namespace: str, names: list[str]) -> Iterator[str]:
    for each in names:
        kind, _, name = each.partition("/")
        yield f"{_FOLDERS[kind].format(namespace)}/{name}"
