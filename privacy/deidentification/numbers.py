"""Numbers: by their checksums, by their shape, and by the word that stands before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from privacy.deidentification.checksums import iban, luhn, vin
from privacy.deidentification.spans import Kind, Span

_EDGE, _STOP = r"(?<![\w$€£.#/-])", r"(?![\w%]|[.,:/-]\d)"
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w]|[.-]\d)")
_SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)(\d{3})([- .])(?!00)\d{2}\2(?!0000)\d{4}(?![\d-])")
_TEST_SSN = re.compile(r"(?<![\d-])987-65-43\d\d(?![\d-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
_VIN = re.compile(r"\b[A-HJ-NPR-Z0-9]{17}\b")
_MAC = re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b")
# A code after its word: letters, digits and hyphens with at least three digits, maybe in blocks.
_CODE = r"(?=[A-Za-z0-9./-]{0,12}\d)(?P<code>[A-Za-z]{0,5}[-./ ]?\d[A-Za-z0-9]*(?:[-./ ]?[A-Z0-9]*\d[A-Z0-9]*){0,5})"
_LINK = (
    r"[\s.:#-]*(?:(?:number|numbers|nos?\.?|num\.?|id|identifier|code|ref(?:erence)?|is|was|are|ending in|of|it'?s|"
    r"with|under|the|my|your|as|reads?|says|shows)\b[\s.:#-]*){0,4}[#(]?\s*"
)
# Kinds by their words: the first of them that stands before a code decides.
_WORDS: tuple[tuple[Kind, str], ...] = (
    ("ssn", r"ssn|social(?: security)?|soc\.? sec\.?"),
    ("record", r"mrn|m\.r\.n\.|medical records?|med rec|"
        r"(?:patient|hospital|chart|case|encounter)(?= *(?:#|:|n|i|r))|record"),
    ("plan", r"(?:health|insurance|medicare|medicaid) ?(?:plan|card)?|"
        r"(?:plan|group|member|membership|subscriber|beneficiary|policy|hicn|mbi)"),
    ("account", r"(?:bank |checking |savings |brokerage |customer )?(?:accounts?|acct\.?|a/c)|routing|sort code|iban"),
    ("licence", r"driver'?s? licen[cs]e|licen[cs]e(?! plate)|certificate|passport|dea|npi|permit"),
    ("vehicle", r"licen[cs]e plate|plates?|vin|registration|tag number|vehicle"),
    ("device", r"serial|s/n|sn|device|imei|udi|lot number|pacemaker|pump|implant|model"),
    ("order", r"orders?|invoice|confirmation|booking|reservation|tracking|ticket|transaction|shipment|parcel|receipt"),
)  # fmt: skip
_CUED = tuple((kind, re.compile(rf"(?<!\w)(?i:{words})(?i:{_LINK}){_CODE}(?![\w])")) for kind, words in _WORDS)
# What bears no word: long runs of digits, and codes in which letters and digits mix.
_LONG = re.compile(rf"(?<![\w$€£./-])\d{{6,}}{_STOP}")
_BLOCKS = re.compile(rf"{_EDGE}\d{{3,}}-\d{{3,}}(?:-\d{{2,}})*{_STOP}")
_MIXED = re.compile(
    rf"{_EDGE}(?=[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*{_STOP}"
)
_FEWEST_OF_CODE, _FEWEST_OF_MIXED = 3, 7
_YEAR = re.compile(r"(?:19|20)\d\d")


class NumberFinder:
    """Cards, SSNs, IBANs, VINs, and numbers of records, plans, accounts, licences, vehicles, devices and orders."""

    def find(self, text: str) -> Iterator[Span]:
        yield from _by_checksum(text)
        for place, (kind, pattern) in enumerate(_CUED):
            for match in pattern.finditer(text):
                code = match["code"]
                if sum(c.isdigit() for c in code) >= _FEWEST_OF_CODE and not _YEAR.fullmatch(code):
                    yield Span(*match.span("code"), kind, weight=40 - place)
        for pattern in (_LONG, _BLOCKS):
            for match in pattern.finditer(text):
                yield Span(*match.span(), "number", weight=5)
        for match in _MIXED.finditer(text):
            if len(match[0]) >= _FEWEST_OF_MIXED:
                yield Span(*match.span(), "number", weight=5)


def _by_checksum(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if luhn(digits) and digits[0] in "23456":
            yield Span(*match.span(), "card", weight=90)
    for pattern in (_SSN, _TEST_SSN):
        for match in pattern.finditer(text):
            yield Span(*match.span(), "ssn", weight=80)
    for match in _IBAN.finditer(text):
        if iban(match[0].replace(" ", "")):
            yield Span(*match.span(), "account", weight=85)
    for match in _VIN.finditer(text):
        if vin(match[0]):
            yield Span(*match.span(), "vehicle", weight=85)
    for match in _MAC.finditer(text):
        yield Span(*match.span(), "device", weight=70)
