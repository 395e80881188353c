"""Surrogates: reserved, consistent in a unit, independent of other units."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.deidentification import Deidentifier, Surrogates
from privacy.deidentification.reserved import is_reserved
from privacy.deidentification.spans import Kind
from shared.errors import ConfigurationError

MADE = Surrogates(b"0123456789abcdef")
JUDGE = Deidentifier(MADE)
LETTER = "Ask Rajesh Kumar, MRN 4482910, 415-230-8834, r@firm.co, @raj, born 03/04/1961, 12 Oak Street, zip code 93901."
RESERVED: dict[Kind, tuple[str, ...]] = {
    "phone": ("(415) 230-8834", "415.230.8834", "+1 415 230 8834", "4152308834", "230-8834"),
    "email": ("a@firm.co",), "url": ("https://firm.co/a", "firm.co", "www.firm.co"), "handle": ("@raj", "raj_7"),
    "ip": ("10.2.3.4", "fe80::1"), "card": ("4539 1488 0343 6467", "3714-496353-98432"), "ssn": ("123-45-6788",),
    "street": ("12 Oak Street",), "place": ("Salinas",),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in RESERVED.items() for value in values])
def test_surrogates_come_from_ranges_reserved_for_examples_and_stay_there(kind: Kind, value: str) -> None:
    made = MADE.of(kind, value, "u")
    assert is_reserved(kind, made)
    assert made != value
    assert MADE.of(kind, made, "u") == made


@given(st.from_regex(r"[A-Z]{0,3}[0-9]{3,12}(-[0-9]{2,4})?", fullmatch=True), st.text(max_size=5))
def test_codes_keep_their_shape_and_never_stay_the_same(value: str, unit: str) -> None:
    made = MADE.of("record", value, unit)
    assert made != value
    shape = re.sub(r"[0-9]", "9", re.sub(r"[A-Z]", "A", value))
    assert re.sub(r"[0-9]", "9", re.sub(r"[A-Z]", "A", made)) == shape


@given(st.sampled_from(["Maria Lopez", "JOHN SMITH", "Okonkwo-Bly", "J. Doe"]), st.text(max_size=5))
def test_names_change_word_by_word_and_keep_their_case(name: str, unit: str) -> None:
    made = MADE.of("name", name, unit)
    assert made.isupper() == name.isupper()
    assert not set(made.split()) & set(name.split())


def test_one_person_stays_one_person_within_a_unit_and_is_another_in_the_next() -> None:
    family = MADE.of("name", "Smith", "u")
    assert MADE.of("name", "John Smith", "u").endswith(family)
    assert len({MADE.of("name", "Smith", f"unit {number}") for number in range(50)}) > 30


@given(st.dates(date(1900, 12, 31), date(2090, 1, 1)), st.text(max_size=5))
def test_shifted_dates_keep_their_distance_and_their_format(first: date, unit: str) -> None:
    made = Surrogates(MADE.key, dates="shifted")
    moved = date.fromisoformat(made.of("date", first.isoformat(), unit))
    assert (moved - first).days == made.days(unit)
    assert 1 <= abs(made.days(unit)) <= 364
    assert re.fullmatch(r"[A-Z][a-z]+ \d+, \d{4}", made.of("date", f"{first:%B %d, %Y}", unit))


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        ("date", "March 3rd, 1931", "1931"), ("date", "01/10/09", "2009"), ("date", "March 3rd", "[DATE]"),
        ("zip", "93901", "939XX"), ("zip", "03601-1234", "000XX"), ("age", "93", "90+"),
    ],
)  # fmt: skip
def test_safe_harbor_leaves_years_three_digits_of_populous_zips_and_ninety_and_over(
    kind: Kind, value: str, made: str
) -> None:
    assert MADE.of(kind, value, "u") == made


def test_a_year_of_birth_that_tells_an_age_above_89_is_pooled() -> None:
    judge = Deidentifier(Surrogates(MADE.key, oldest_year=1937))
    assert (
        judge.replace("Born in 1920, or on March 3rd, 1931.", "u").text
        == "Born in 1936 or before, or on 1936 or before."
    )
    assert judge.replace("Born in 1937. Founded in 1920.", "u").text == "Born in 1937. Founded in 1920."


def test_a_text_depends_on_its_unit_and_the_key_alone() -> None:
    alone = JUDGE.replace(LETTER, "a").text
    JUDGE.replace(LETTER.replace("Rajesh", "Maria"), "b")
    assert JUDGE.replace(LETTER, "a").text == alone
    assert JUDGE.replace(LETTER, "b").text != alone
    assert Deidentifier(Surrogates(b"another key of 16")).replace(LETTER, "a").text != alone


def test_nothing_of_the_original_is_left_and_a_second_run_changes_only_names_and_codes() -> None:
    once = JUDGE.replace(LETTER, "a")
    for secret in ("Rajesh", "Kumar", "4482910", "230-8834", "r@firm.co", "@raj", "03/04", "Oak", "93901"):
        assert secret not in once.text
    assert once.found == dict.fromkeys(("name", "record", "phone", "email", "handle", "date", "street", "zip"), 1)
    again = JUDGE.replace(once.text, "a").text
    assert again.partition("555-")[2] == once.text.partition("555-")[2]


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="has 3 bytes; it needs 16 or more"):
        Surrogates(b"abc")
