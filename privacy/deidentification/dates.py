"""Dates and ages. A year alone is no identifier, nor is an age below ninety."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from privacy.deidentification.spans import Span

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:1[89]|20)\d\d)"
ISO = re.compile(
    rf"(?<![\d.-]){_YEAR}(?P<sep>[-/.])(?P<month>1[0-2]|0?[1-9])(?P=sep)(?P<day>3[01]|[12]\d|0?[1-9])(?![\d-])"
)
NUMERIC = re.compile(
    r"(?<![\d$/.-])(?P<first>\d{1,2})(?P<sep>[-/.])(?P<second>\d{1,2})(?P=sep)(?P<year>(?:1[89]|20)\d\d|\d\d)(?![\d/%]|[.-]\d)"
)
MONTH_FIRST = re.compile(
    rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}\b(?!\s?(?:%|mg|times\b|percent|[.:]\d))(?:,?\s+(?:of\s+)?{_YEAR}\b)?",
    re.IGNORECASE,
)
DAY_FIRST = re.compile(rf"\b{_DAY}[\s-]+(?:of\s+)?{_MONTH}(?:,?[\s-]+(?:of\s+)?{_YEAR}\b)?", re.IGNORECASE)
MONTH_AND_YEAR = re.compile(rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}\b", re.IGNORECASE)
_SHORT = re.compile(
    r"(?i:\b(?:on|dated?|dob|d\.o\.b\.?|born|since|until|by|from)\b:?\s+)(?P<date>(?:1[0-2]|0?[1-9])/(?:3[01]|[12]\d|0?[1-9]))(?![\d/%])"
)
# A year alone is no identifier but one of birth, which tells who is above 89.
_BIRTH_YEAR = re.compile(
    r"\b(?i:born(?: in)?|birth(?: year)?|year of birth|dob)(?i:\s*(?:is|was|:|,|in)?)\s+"
    r"(?P<date>(?:1[89]|20)\d\d)\b(?![-/])(?! or before)"
)
_AGE = re.compile(
    r"\b(?P<after>9\d|1[0-2]\d)(?=[\s-]*(?:years?|yrs?|y\.?/?o\.?)(?:[\s-]*(?:old|of age))?\b"
    r"(?!\s+(?:ago|experience)))"
    r"|\b(?:aged?|is|age of|turn(?:ed|s|ing)?)[\s:]+(?P<before>9\d|1[0-2]\d)\b"
    r"(?=\s*(?:[.,;!?)]|$|and\b|year))(?!\.\d|\s*%)",
    re.IGNORECASE,
)
_WORD_AGE = re.compile(
    r"\bninety(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?(?=[\s-]+years?[\s-]+(?:old|of age))|"
    r"\b(?:one |a )?hundred(?: and)?(?: (?:one|two|three|four|five|six|seven|eight|nine|ten))?"
    r"(?=[\s-]+years?[\s-]+(?:old|of age))",
    re.IGNORECASE,
)
_OLDEST = 125


class DateFinder:
    """Dates finer than a year, and years of birth."""

    def find(self, text: str) -> Iterator[Span]:
        for pattern in (ISO, NUMERIC, MONTH_FIRST, DAY_FIRST):
            for match in pattern.finditer(text):
                if read_date(match) is not None:
                    yield Span(*match.span(), "date", weight=65)
        for match in MONTH_AND_YEAR.finditer(text):
            yield Span(*match.span(), "date", weight=64)
        for pattern in (_SHORT, _BIRTH_YEAR):
            for match in pattern.finditer(text):
                yield Span(*match.span("date"), "date", weight=63)


class AgeFinder:
    """Ages of ninety and above, in digits and words; only the number is the span."""

    def find(self, text: str) -> Iterator[Span]:
        for match in _AGE.finditer(text):
            group = "after" if match["after"] else "before"
            if int(match[group]) <= _OLDEST:
                yield Span(*match.span(group), "age", weight=66)
        for match in _WORD_AGE.finditer(text):
            yield Span(*match.span(), "age", weight=66)


def read_date(match: re.Match[str]) -> date | None:
    """The day that a match of one of the patterns means, in 2004 if it has no year; ``None`` if there is none.

    Of ``3/4/2020`` the month comes first, as in the United States; of ``13/4/2020`` the day must.
    """
    groups = match.groupdict()
    if "first" in groups:
        month, day = int(groups["first"]), int(groups["second"])
        if month > len(MONTHS):
            month, day = day, month
    else:
        written = groups["month"]
        month = int(written) if written.isdigit() else month_of(written)
        day = int(groups.get("day") or 1)
    year = groups.get("year")
    number = 2004 if year is None else int(year) if len(year) == 4 else 2000 + int(year) - 100 * (int(year) > 40)
    try:
        return date(number, month, day)
    except ValueError:
        return None


def month_of(word: str) -> int:
    """The number of a month from its name or the first letters of it."""
    return next(place for place, name in enumerate(MONTHS, 1) if name.startswith(word.lower().rstrip(".")[:3]))
