"""What is too long for a message, cut: the first of many names, and the beginning of a text."""

from collections.abc import Sequence


def some(names: Sequence[str], most: int, between: str = ", ") -> str:
    """Return the first ``most`` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def beginning(text: str, most: int, ending: str = "...") -> str:
    """Return the text, or its first ``most`` characters and the ending where it is longer."""
    return text if len(text) <= most else f"{text[:most]}{ending}"
