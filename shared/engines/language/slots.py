"""Delexicalisation: values of structured fields give way to placeholders, and come back after generation.

A model that writes ``[city]`` need not spell a city: what is filled in is right by construction (Wen et al. 2015,
arXiv:1508.01745, section 3.1). A placeholder is the name of a slot in square brackets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from shared.errors import ConfigurationError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLACEHOLDER = re.compile(r"\[([a-z][a-z0-9_]*)\]")


def placeholder(slot: str) -> str:
    """What stands for a slot's value. Raises ``ConfigurationError`` for a name that cannot be one."""
    if not _NAME.fullmatch(slot):
        raise ConfigurationError(f"{slot!r} names no slot; use lower-case letters, digits and _, such as 'city'")
    return f"[{slot}]"


def slot_name(name: str) -> str:
    """A name that can be a slot's: other characters of a column's name become ``_``."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"x_{plain}".rstrip("_")


def delexicalised(text: str, values: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text with values replaced, and the slots whose values stood in it, in their order in ``values``.

    Values are found as whole words whatever their case, longer ones first, each where it stands first and is not taken
    already. Slots with equal values take places one after another; values in further places are replaced by the
    same slot, so that no value of a slot that was found is left.
    """
    marks = {slot: placeholder(slot) for slot in values}
    order = sorted((slot for slot in values if values[slot].strip()), key=lambda slot: -len(values[slot]))
    spans: list[tuple[int, int, str]] = []
    found: set[str] = set()
    shared: dict[str, list[str]] = {}
    for slot in order:
        shared.setdefault(values[slot].strip().lower(), []).append(slot)
    for slots in shared.values():
        pattern = _whole(values[slots[0]].strip())
        free = [
            match.span()
            for match in pattern.finditer(text)
            if all(match.end() <= start or match.start() >= end for start, end, _ in spans)
        ]
        for place, (start, end) in enumerate(free):
            slot = slots[min(place, len(slots) - 1)]
            spans.append((start, end, marks[slot]))
            found.add(slot)
    parts, at = [], 0
    for start, end, mark in sorted(spans):
        parts += [text[at:start], mark]
        at = end
    return "".join([*parts, text[at:]]), tuple(slot for slot in values if slot in found)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with the placeholders of ``values`` replaced; others stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def placeholders(text: str) -> tuple[str, ...]:
    """The slots whose placeholders stand in a text, each as often as it does."""
    return tuple(_PLACEHOLDER.findall(text))


def missing(text: str, required: Collection[str]) -> tuple[str, ...]:
    """Those of the required strings that do not stand in a text as whole words, whatever their case."""
    return tuple(value for value in required if not _whole(value).search(text))


def _whole(value: str) -> re.Pattern[str]:
    """A value where no letter or digit goes on before or after it."""
    return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)
