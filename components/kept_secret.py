"""Secrets that the program makes itself: made once, kept in the state, encrypted there."""

import pulumi
from pulumi import Output, ResourceOptions


def kept_secret(name: str, fresh: str, opts: ResourceOptions) -> Output[str]:
    """Return the first value that this resource was ever given, as a secret.

    Args:
        name: name of the resource that keeps the value; to make a new one, replace it:
            ``pulumi up --target-replace <urn>``.
        fresh: a newly made value; used only by the run that creates the resource.
        opts: options of the resource.
    """
    # Without ignore_changes the fresh value of every run would show as an update.
    stash = pulumi.Stash(
        name, input=Output.secret(fresh), opts=ResourceOptions.merge(opts, ResourceOptions(ignore_changes=["input"]))
    )
    return Output.secret(stash.output.apply(str))
