"""What the API server answers when it does not do what it is asked."""

import json

from kubernetes.client import ApiException


class RefusedError(ApiException):
    """An answer that is no success, in one line: that of the library has all headers and the whole body."""

    def __str__(self) -> str:
        """Return the API server's own sentence, and the status of HTTP."""
        try:
            message = json.loads(self.body or "")["message"]
        except (TypeError, ValueError, LookupError):
            message = ""
        return f"{message or 'refused by the API server'} ({self.status} {self.reason})"
