"""Words of a text, and runs of them."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]")


def words(text: str) -> list[str]:
    """Words and marks of punctuation, in lower case."""
    return _TOKEN.findall(text.lower())


def runs(tokens: list[str], n: int) -> list[tuple[str, ...]]:
    """All runs of ``n`` tokens, one after another (n-grams)."""
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
