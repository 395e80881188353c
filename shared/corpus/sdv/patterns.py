"""Shapes of identifiers: our patterns as regular expressions and back."""

from __future__ import annotations

import re

_CLASSES = {"9": "[0-9]", "A": "[A-Z]", "a": "[a-z]", "X": "[0-9A-Za-z]"}
_RANGES = {"0-9": "9", r"\d": "9", "A-Z": "A", "a-z": "a"}
_ATOM = re.compile(
    r"(?P<range>\[(?:0-9|\\d|A-Z|a-z)+\]|\\d)|\\(?P<escaped>[^A-Za-z0-9])|(?P<plain>[^\\\[\](){}.*+?|^$])"
)
_COUNT = re.compile(r"\{(\d{1,4})\}")
_MOST = 4096


def regex_of(pattern: str) -> str:
    """The regular expression of a :attr:`~shared.corpus.schema.Column.pattern`, without anchors."""
    parts: list[str] = []
    escaped = False
    for character in pattern:
        if character == "\\" and not escaped:
            escaped = True
            continue
        parts.append(re.escape(character) if escaped else _CLASSES.get(character) or re.escape(character))
        escaped = False
    return "".join(_counted(parts))


def _counted(parts: list[str]) -> list[str]:
    """The same parts, each class that follows itself written once with its number."""
    short: list[str] = []
    start = 0
    for place in range(1, len(parts) + 1):
        if place == len(parts) or parts[place] != parts[start]:
            count = place - start
            grouped = count > 1 and parts[start].startswith("[")
            short += [f"{parts[start]}{{{count}}}"] if grouped else [parts[start]] * count
            start = place
    return short


def pattern_of(regex: str) -> str | None:
    """The pattern of a regular expression, ``None`` if a pattern cannot say it.

    A pattern has single characters and the classes of digits, upper-case, lower-case letters and all three,
    each a fixed number of times.
    """
    text = regex.removeprefix("^")
    text = text[:-1] if text.endswith("$") and not text.endswith("\\$") else text
    pattern, at = "", 0
    while at < len(text):
        atom = _ATOM.match(text, at)
        if atom is None:
            return None
        place = _class(atom["range"]) if atom["range"] else _literal(atom["escaped"] or atom["plain"])
        count = _COUNT.match(text, atom.end())
        times = int(count[1]) if count else 1
        if place is None or len(pattern) + len(place) * times > _MOST:
            return None
        pattern += place * times
        at = count.end() if count else atom.end()
    return pattern or None


def _class(text: str) -> str | None:
    """The letter of a class such as ``[A-Z]``; ``None`` for a union of classes that has no letter."""
    kinds = {_RANGES[part] for part in re.findall(r"0-9|\\d|A-Z|a-z", text)}
    if len(kinds) == 1:
        return kinds.pop()
    return "X" if kinds == {"9", "A", "a"} else None


def _literal(character: str) -> str:
    return f"\\{character}" if character in _CLASSES or character == "\\" else character
