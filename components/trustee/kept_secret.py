"""Secrets that the program makes itself: made once, kept in the state, encrypted there."""

from collections.abc import Callable

import pulumi
from pulumi import Input, Output, ResourceOptions


def kept_secret(name: str, fresh: Input[str], opts: ResourceOptions) -> Output[str]:
    """Return the first value that this resource was ever given, as a secret.

    Args:
        name: name of the resource that keeps the value; to make a new one, replace it:
            ``pulumi up --target-replace <urn>``, or give ``opts`` a ``replacement_trigger``.
        fresh: a newly made value; used only by the run that creates or replaces the resource. A preview of that run
            shows another one than the run will make.
        opts: options of the resource.
    """
    # Without ignore_changes the fresh value of every run would show as an update.
    stash = pulumi.Stash(
        name, input=Output.secret(fresh), opts=ResourceOptions.merge(opts, ResourceOptions(ignore_changes=["input"]))
    )
    return Output.secret(stash.output.apply(str))


def generations(
    name: str, generation: int, make: Callable[[], Input[str]], opts: ResourceOptions, *, overlap: bool
) -> tuple[Output[str], Output[str] | None]:
    """Return the value of a generation, and that of the one before it, as secrets.

    Raise the generation by one to get a new value: the old one is kept as the previous one. Raised by two, the previous
    one is as new as the current one, and the old one is gone. Lowered by one, the old value is back.

    Args:
        name: name of the resource of generation 1; that of generation 3 is ``<name>-3``.
        generation: number of the generation that is wanted, from 1.
        make: makes a value. It is called for each generation at every run, so it must be quick.
        opts: options of the resources.
        overlap: False ends the previous generation: its value is deleted, and None is returned for it.
    """
    current = kept_secret(resource_name(name, generation), make(), opts)
    if generation == 1 or not overlap:
        return current, None
    return current, kept_secret(resource_name(name, generation - 1), make(), opts)


def resource_name(name: str, generation: int) -> str:
    """Return the name of the resource that keeps a generation; the first has no number, as in older stacks."""
    return name if generation == 1 else f"{name}-{generation}"
