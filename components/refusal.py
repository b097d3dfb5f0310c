"""How a run ends that cannot go on for a reason that is the user's to mend: one error, and nothing after it.

What a hook raises is told by the engine, once, as ``before hook "NAME" failed: ...``, and needs nothing of this.

A ``pulumi.RunError`` that leaves the program is told, and then "an unhandled error occurred: Program exited with
non-zero exit code: 1", which reads as if there were a second one. Of a program that ends with code 32 the language host
says nothing more (sdk/python/cmd/pulumi-language-python-exec: an error was shown that the user can act on).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

SHOWN = 32
"""Exit code of a program whose error has been shown."""
AWAY = (OSError, HTTPError, ApiException)
"""What a request to the API server raises where that refuses or does not answer."""


def fail_run(*reasons: str) -> None:
    """End a preview in which everything has been shown, with all that keeps it from being carried out.

    Raises:
        pulumi.RunError: there is a reason that is not empty.
    """
    if text := "\n\n".join(filter(None, reasons)):
        raise pulumi.RunError(text)


@contextmanager
def asking(purpose: str) -> Iterator[None]:
    """End the program with one error where the cluster cannot be asked for this purpose, or does not get ready.

    For what an output waits for: an error of it would be told with a traceback.

    Raises:
        SystemExit: it is the cause.
    """
    with one_error():
        try:
            yield
        except (RuntimeError, *AWAY) as error:
            raise pulumi.RunError(f"{purpose}: {error}. Run `pulumi up` again once that is mended") from error


@contextmanager
def one_error() -> Iterator[None]:
    """Tell a ``pulumi.RunError`` of what is done within, and end the program.

    Raises:
        SystemExit: there was one; it is the cause.
    """
    try:
        yield
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        raise SystemExit(SHOWN) from error
