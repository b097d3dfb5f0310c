"""Which run of a stack's history to go back to."""

from collections.abc import Sequence

from coco_azure.clients.stack_history import Update


class NoTargetError(Exception):
    """There is no run to go back to; the message says what there is and what can be done."""


def choose(updates: Sequence[Update]) -> Update:
    """Return the run to go back to.

    After a run that failed it is the last one that attested; after one that attested, the last one before it with
    another commit.

    Args:
        updates: deployments of the stack, the latest first.

    Raises:
        NoTargetError: there is none, or its settings cannot be had from its commit.
    """
    latest = updates[0] if updates else None
    for update in updates:
        if not update.attested or (latest is not None and latest.attested and update.commit == latest.commit):
            continue
        if not update.commit:
            raise NoTargetError(
                f"the last attested run was not made of a git commit ({update.described}); put its program and "
                "settings back by hand, and run `pulumi up`"
            )
        if update.dirty:
            raise NoTargetError(
                f"the last attested run had changes that are not committed ({update.described}), so git does not have "
                "its settings. Name a commit: --to COMMIT; and commit before `pulumi up` from now on"
            )
        return update
    raise NoTargetError(
        "the history has no attested run with another commit than the present one"
        + (f"; the latest is {latest.described}" if latest is not None else "")
        + ". Name a commit: --to COMMIT"
    )
