"""What a finder finds: a stretch of text and the kind of identifier that stands there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

# The identifiers of 45 CFR 164.514(b)(2)(i) that text can hold, and three of commerce: card, order and handle.
Kind = Literal[
    "name", "street", "place", "zip", "date", "age", "phone", "fax", "email", "ssn", "record", "plan", "account",
    "licence", "vehicle", "device", "url", "ip", "card", "order", "handle", "number",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Span:
    """``text[start:end]`` is an identifier of a kind; of spans that overlap the one of more ``weight`` stands."""

    start: int
    end: int
    kind: Kind
    weight: int = 1

    def overlaps(self, other: Span) -> bool:
        """Whether the two share a character."""
        return self.start < other.end and other.start < self.end


class Finder(Protocol):
    """Finds identifiers of one family; spans may overlap."""

    def find(self, text: str) -> Iterator[Span]:
        """The spans of a text, in any order."""
        ...


def resolved(spans: Iterable[Span]) -> list[Span]:
    """Spans that do not overlap, in order: the heavier first, then the longer, then the earlier.

    What a chosen span leaves of another is kept as a span of its own, so that nothing that was found stays in the text.
    """
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.weight, s.start - s.end, s.start, s.kind)):
        parts = [span]
        for other in chosen:
            parts = [rest for part in parts for rest in _without(part, other)]
        chosen += parts
    return sorted(chosen, key=lambda s: s.start)


def _without(span: Span, other: Span) -> list[Span]:
    if not span.overlaps(other):
        return [span]
    before = Span(span.start, other.start, span.kind, span.weight)
    behind = Span(other.end, span.end, span.kind, span.weight)
    return [part for part in (before, behind) if part.start < part.end]
