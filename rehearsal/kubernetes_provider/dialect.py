"""Where the real provider's JSONPath parser stops, although RFC 9535 would let it go on.

Seen on the binary of pulumi-kubernetes 4.34.2, which uses github.com/theory/jsonpath: behind the first term of a ``&&``
or ``||`` chain it skips blanks, and behind the later ones it does not. ``a && b == 1 && c`` is an error, and
``a && b == 1&& c`` is none. A bare path such as ``@.a`` takes the blanks behind it with it, because a comparison may
follow. What works in a rehearsal has to work on a real cluster, so this parser stops at the same places.
"""

import re

_TOKEN = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?P<mark>&&|\|\||[\[\](),?])|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_BARE_PATH = re.compile(
    r"""\s*[@$](?:\s*(?:\.[^\W\d]\w*|\[\s*(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|-?\d+)\s*\]))*\s*""", re.VERBOSE
)
_CLOSING = ("]", ")", ",", "")


class DialectError(ValueError):
    """The real parser would not read this query; the message is its own."""


def check(query: str) -> None:
    """Go through a query that is valid by RFC 9535.

    Raises:
        DialectError: the real parser stops in it.
    """
    reader = _Reader(query)
    while reader.mark:
        if reader.take() == "[":
            reader.selectors()


class _Reader:
    """Reads a query from left to right, one mark after the other; what stands between them is only skipped.

    Attributes:
        mark: the next ``&&``, ``||``, bracket, comma or question mark; "" at the end.
        at: where it stands.
    """

    def __init__(self, query: str) -> None:
        self._query = query
        self._marks = [(found["mark"], found.start()) for found in _TOKEN.finditer(query) if found["mark"]]
        self._next = 0
        self.mark, self.at = "", 0
        self._look()

    def take(self) -> str:
        """Return the next mark and go behind it."""
        taken = self.mark
        self._next += 1
        self._look()
        return taken

    def selectors(self) -> None:
        """Read what stands between brackets, and the closing one."""
        while self.mark and self.mark != "]":
            if self.take() == "?":
                self._alternatives(in_parentheses=False)
        self.take()

    def _look(self) -> None:
        self.mark, self.at = self._marks[self._next] if self._next < len(self._marks) else ("", len(self._query))

    def _alternatives(self, *, in_parentheses: bool) -> None:
        first = True
        while True:
            stuck = self._chain(in_parentheses=in_parentheses)
            if self.mark != "||":
                return
            if stuck and not first:
                self._stop(in_parentheses=in_parentheses)
            self.take()
            first = False

    def _chain(self, *, in_parentheses: bool) -> bool:
        """Read terms joined by ``&&``; return whether the parser is stuck at a blank behind the last."""
        first = True
        while True:
            stuck = self._term() and not first
            if self.mark != "&&":
                return stuck
            if stuck:
                self._stop(in_parentheses=in_parentheses)
            self.take()
            first = False

    def _term(self) -> bool:
        """Read one term; return whether it leaves a blank behind."""
        start = self._marks[self._next - 1][1] + len(self._marks[self._next - 1][0])
        while self.mark not in ("&&", "||", *_CLOSING):
            before = self._query[start : self.at].strip()
            if self.take() == "[":
                self.selectors()
            elif before in ("", "!"):
                self._alternatives(in_parentheses=True)
                self.take()
            else:
                self._arguments()
        text = self._query[start : self.at]
        return text[-1:].isspace() and _BARE_PATH.fullmatch(text) is None

    def _arguments(self) -> None:
        while self.mark and self.mark != ")":
            mark = self.take()
            if mark == "[":
                self.selectors()
            elif mark == "(":
                self._arguments()
        self.take()

    def _stop(self, *, in_parentheses: bool) -> None:
        problem = "expected ')' but found" if in_parentheses else "unexpected"
        raise DialectError(f"jsonpath: {problem} '{self.mark[0]}' at position {self.at + 1}")
