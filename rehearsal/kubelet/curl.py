"""What ``curl`` is in a simulated container: a GET of the last argument, with ``--fail`` and without more.

Exit codes as curl's own: 22 for an HTTP error, 7 where nobody answers. It is not retried: what the simulated CDH says
does not change by itself, and the container is started again by its Job.
"""

import sys
import urllib.error
import urllib.request

_TIMEOUT = 30


def main() -> int:
    """Print the body."""
    try:
        with urllib.request.urlopen(sys.argv[-1], timeout=_TIMEOUT) as answer:  # noqa: S310 - the CDH of a rehearsal
            sys.stdout.buffer.write(answer.read())
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"curl: (22) The requested URL returned error: {error.code} {error.read().decode()}\n")
        return 22
    except OSError as error:
        sys.stderr.write(f"curl: (7) {error}\n")
        return 7
    return 0


if __name__ == "__main__":
    sys.exit(main())
