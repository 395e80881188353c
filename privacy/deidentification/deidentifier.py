"""Texts without their identifiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from privacy.deidentification.contacts import ContactFinder
from privacy.deidentification.dates import AgeFinder, DateFinder
from privacy.deidentification.gazetteers import Gazetteers
from privacy.deidentification.geography import GeographyFinder
from privacy.deidentification.names import NameFinder
from privacy.deidentification.numbers import NumberFinder
from privacy.deidentification.spans import Finder, Kind, Span, resolved
from privacy.deidentification.surrogates import Surrogates


@dataclass(frozen=True)
class Replaced:
    """A text with surrogates, and how many identifiers of each kind were found."""

    text: str
    found: Counter[Kind]


class Deidentifier:
    """Finds identifiers with ``finders`` and puts ``surrogates`` in their place."""

    def __init__(self, surrogates: Surrogates, finders: Sequence[Finder] | None = None) -> None:
        self._surrogates = surrogates
        self._finders = standard_finders(surrogates.lists) if finders is None else tuple(finders)

    def find(self, text: str) -> list[Span]:
        """The identifiers of a text: spans that do not overlap, in order."""
        return resolved(span for finder in self._finders for span in finder.find(text))

    def replace(self, text: str, unit: str) -> Replaced:
        """The text of a unit with surrogates. It depends on the key, the unit and the text, and on nothing else."""
        parts, end, found = [], 0, Counter[Kind]()
        for span in self.find(text):
            parts += [text[end : span.start], self._surrogates.of(span.kind, text[span.start : span.end], unit)]
            found[span.kind] += 1
            end = span.end
        return Replaced("".join([*parts, text[end:]]), found)


def standard_finders(lists: Gazetteers) -> tuple[Finder, ...]:
    """One finder of each family."""
    return (ContactFinder(), NumberFinder(), DateFinder(), AgeFinder(), GeographyFinder(lists), NameFinder(lists))
