"""Each finder on text with identifiers and on text that only looks like it."""

from __future__ import annotations

import pytest

from privacy.deidentification import Deidentifier, Span, Surrogates
from privacy.deidentification.checksums import iban, luhn, vin
from privacy.deidentification.spans import resolved


@pytest.fixture(scope="module")
def judge() -> Deidentifier:
    return Deidentifier(Surrogates(bytes(32)))


def found(judge: Deidentifier, text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in judge.find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Call (415) 230-8834 now", "phone", "(415) 230-8834"),
        ("or +44 20 7946 0123.", "phone", "+44 20 7946 0123"),
        ("our fax is 415-230-8835", "fax", "415-230-8835"),
        ("mail a.b+c@firm.co.uk!", "email", "a.b+c@firm.co.uk"),
        ("SSN 123-45-6788", "ssn", "123-45-6788"),
        ("MRN: 4482910", "record", "4482910"),
        ("my member ID is XYZ123456789", "plan", "XYZ123456789"),
        ("acct 4482 1190 22", "account", "4482 1190 22"),
        ("IBAN GB82 WEST 1234 5698 7654 32", "account", "GB82 WEST 1234 5698 7654 32"),
        ("driver's license D1234567", "licence", "D1234567"),
        ("sold 1M8GDM9AXKP042788 then", "vehicle", "1M8GDM9AXKP042788"),
        ("serial number SN-99812", "device", "SN-99812"),
        ("see https://firm.co/a?b=1.", "url", "https://firm.co/a?b=1"),
        ("from 10.20.30.40, twice", "ip", "10.20.30.40"),
        ("card 4539 1488 0343 6467", "card", "4539 1488 0343 6467"),
        ("order 112-8840021-33", "order", "112-8840021-33"),
        ("ask @sam_k about it", "handle", "@sam_k"),
        ("on March 3rd, 1931 there", "date", "March 3rd, 1931"),
        ("seen 01/10/2009", "date", "01/10/2009"),
        ("on 2009-01-10.", "date", "2009-01-10"),
        ("a 92-year-old man", "age", "92"),
        ("ninety-two years old", "age", "ninety-two"),
        ("at 12 Oak Street, Apt 4", "street", "12 Oak Street, Apt 4"),
        ("zip code is 93901", "zip", "93901"),
        ("with Rajesh Kumar today", "name", "Rajesh Kumar"),
        ("Mrs. Okonkwo-Bly came", "name", "Okonkwo-Bly"),
        ("lives in Salinas, CA", "place", "Salinas"),
    ],
)
def test_an_identifier_is_found_whole_with_its_kind(judge: Deidentifier, text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(judge, text)


@pytest.mark.parametrize(
    "text",
    [
        "She may march on; will he grant it?",
        "It rose 1,250,000 to $16.62, up 3.5% in 2014.",
        "He is 45 years old, on 20 mg twice a day, blood pressure 120/80.",
        "The 1990s were good. Version 2.10.3 is out.",
        "Take it for 90 days; 95 % of patients do.",
        "The United States and France signed it in California.",
        "",
    ],
)
def test_what_only_looks_like_an_identifier_is_left(judge: Deidentifier, text: str) -> None:
    assert found(judge, text) == []


def test_checksums_tell_right_numbers_from_those_with_one_digit_changed() -> None:
    assert luhn("4539148803436467")
    assert not luhn("4539148803436468")
    assert iban("GB82WEST12345698765432")
    assert not iban("GB82WEST12345698765433")
    assert vin("1M8GDM9AXKP042788")
    assert not vin("1M8GDM9AXKP042789")


def test_of_spans_that_overlap_the_heavier_stands_and_the_rest_of_the_lighter_is_kept() -> None:
    heavy, light = Span(3, 6, "email", 9), Span(0, 8, "number", 1)
    assert resolved([light, heavy]) == [Span(0, 3, "number", 1), heavy, Span(6, 8, "number", 1)]
