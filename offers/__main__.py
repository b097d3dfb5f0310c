"""``python -m offers``: exit code 0 every version has a profile, 2 one has none, 1 cannot tell. Changes nothing."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from components.cluster import client as cluster_client
from offers import model, read
from offers.model import Offer
from settings.cluster import ClusterSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the versions without a profile, and return the exit code."""
    told = _parser().parse_args(arguments)
    try:
        offers = _offers(told)
    except Exception as error:  # noqa: BLE001 - the client's libraries raise their own, and each means the same here
        sys.stderr.write(f"error: what is offered cannot be told: {error}\n")
        return 1
    found = model.unknown(offers)
    text = json.dumps(model.to_dict(found), indent=2) + "\n" if told.json else model.to_text(found, len(offers))
    sys.stdout.write(text)
    return 2 if found else 0


def _offers(told: argparse.Namespace) -> list[Offer]:
    if told.catalog is None:
        settings = ClusterSettings(kubeconfig=told.kubeconfig, context=told.context)
        return read.cluster(cluster_client.connect(settings), told.namespace)
    if told.catalog == "-":
        return read.catalog(sys.stdin.read(), "standard input")
    return read.catalog(Path(told.catalog).read_text(), told.catalog)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m offers",
        description="List versions of the two operators that catalogs offer and that have no profile. Changes nothing.",
        epilog="Exit code: 0 every version has a profile, 2 one has none, 1 cannot tell.",
    )
    parser.add_argument("--catalog", metavar="FILE", help="what `opm render` printed, - for standard input; no cluster")
    parser.add_argument("--kubeconfig", help="the cluster's; default: that of oc")
    parser.add_argument("--context", help="a context in it; default: the current one")
    parser.add_argument("--namespace", default="openshift-marketplace", help="where its CatalogSources are")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


if __name__ == "__main__":
    sys.exit(main())
