"""Geography below the state: streets, towns, ZIP codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from privacy.deidentification.gazetteers import Gazetteers, words
from privacy.deidentification.spans import Span

# Three-digit ZIP areas of 20,000 people or fewer in the Census of 2000: the list in the guidance of the U.S. Department
# of Health and Human Services on 45 CFR 164.514(b), "Guidance Regarding Methods for De-identification", 2012.
SPARSE_ZIP3 = words("036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893 ")
_CUED_ZIP = re.compile(
    r"\b(?i:zip(?:\s?code)?|postal code|postcode)\b[\s:]*(?i:(?:is|of|was)\s+)?(?P<zip>\d{5}(?:-\d{4})?)\b"
)
# Five digits in a sentence that says "ZIP" behind them.
_ZIP_AHEAD = re.compile(
    r"(?<![\w$.#-])(?P<zip>\d{5})(?![\w-]|[.,]\d)(?=[^.!?\n]{0,40}\b(?i:zip|postal code|postcode)\b)"
)
_ZIP4 = re.compile(r"(?<![\w-])\d{5}-\d{4}(?![\w-])")
_POBOX = re.compile(r"\bP\.?\s?O\.?\s?Box\s+\d+\b", re.IGNORECASE)
_UNIT = r"(?:,?\s+(?:(?i:apt|apartment|suite|ste|unit|floor|fl|room|rm)\b\.?\s*#?\s*|#\s?)\w{1,5})?"
_WORD = r"[A-Z0-9][\w'’.-]*"
_PLACE = r"(?:St\. )?[A-Z][\w'’-]+(?:[ -][A-Z][\w'’-]+){0,3}"
# Faker's towns lack the largest ones of the United States.
_BIG = re.compile(
    r"\b(?:(?:San|Santa|Los|Las|Palo|Fort|El|Saint|St\.) [A-Z][a-z]+|New (?:York(?: City)?|Orleans)|NYC|Boston|Chicago|"
    r"Houston|Philadelphia|Dallas|Austin|Seattle|Denver|Atlanta|Miami|Detroit|Portland|Oakland|Berkeley|Baltimore|Memphis|Milwaukee|"
    r"Nashville|Minneapolis|Cleveland|Pittsburgh|Cincinnati|Sacramento|Tucson|Tampa|Orlando|Honolulu|Brooklyn|Manhattan|"
    r"Springfield|Columbus|Charlotte|Indianapolis|Louisville|Albuquerque|Omaha|Raleigh|"
    r"Buffalo)\b(?! (?:Street|Ave|Dynamics))"
)
_CUED_PLACE = re.compile(
    rf"\b(?i:liv(?:es?|ed|ing) in|reside[sd]? in|moved (?:to|from)|born in|hometown(?: is|:)|city of|town of)\s+"
    rf"(?P<place>{_PLACE})"
)


class GeographyFinder:
    """Streets, towns and ZIP codes; states and countries are no identifiers."""

    def __init__(self, lists: Gazetteers) -> None:
        self._lists = lists
        endings = "|".join(sorted(map(re.escape, lists.street_endings), key=len, reverse=True))
        self._street = re.compile(
            rf"(?<![\w$.-])\d{{1,6}}[A-Za-z]?(?:-\d+)?\s+(?:(?i:north|south|east|west|[nsew]|ne|nw|se|sw)\.?\s+)?"
            rf"(?:{_WORD}\s+){{1,4}}?(?i:{endings})\b\.?{_UNIT}"
        )
        states = "|".join(sorted(lists.states_short))
        long = "|".join(sorted((state.title() for state in lists.states), key=len, reverse=True))
        self._town_of_state = re.compile(
            rf"\b(?P<town>{_PLACE}),?\s+(?:{states}|{long})\b(?:,?\s+(?P<zip>\d{{5}}(?:-\d{{4}})?)\b)?"
        )
        self._state_and_zip = re.compile(rf"\b(?:{states}|{long}),?\s+(?P<zip>\d{{5}}(?:-\d{{4}})?)\b")
        towns = "|".join(sorted(map(re.escape, lists.towns), key=len, reverse=True))
        self._town = re.compile(rf"(?<![\w@#$-])(?:{towns})(?!\w)", re.IGNORECASE)

    def find(self, text: str) -> Iterator[Span]:
        for match in self._street.finditer(text):
            yield Span(*match.span(), "street", weight=62)
        for match in _POBOX.finditer(text):
            yield Span(*match.span(), "street", weight=62)
        for match in self._town_of_state.finditer(text):
            if match[0][len(match["town"])] == "," or match["zip"]:
                yield Span(*match.span("town"), "place", weight=30)
        for pattern in (self._state_and_zip, _CUED_ZIP, _ZIP_AHEAD):
            for match in pattern.finditer(text):
                yield Span(*match.span("zip"), "zip", weight=63)
        for match in _ZIP4.finditer(text):
            yield Span(*match.span(), "zip", weight=63)
        yield from self._towns(text)

    def _towns(self, text: str) -> Iterator[Span]:
        for match in self._town.finditer(text):
            if match[0][0].isupper():
                yield Span(*match.span(), "place", weight=28)
        for match in _BIG.finditer(text):
            yield Span(*match.span(), "place", weight=31)
        for match in _CUED_PLACE.finditer(text):
            if match["place"].lower() not in self._lists.states | self._lists.countries:
                yield Span(*match.span("place"), "place", weight=25)
