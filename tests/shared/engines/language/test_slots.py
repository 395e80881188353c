"""Values give way to placeholders and come back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engines.language.slots import delexicalised, filled, missing, placeholder, placeholders, slot_name
from shared.errors import ConfigurationError


def test_values_are_found_as_whole_words_whatever_their_case():
    text, found = delexicalised("A table in san jose, not San Josefa", {"city": "San Jose", "size": "2"})
    assert text == "A table in [city], not San Josefa"
    assert found == ("city",)


def test_a_longer_value_goes_before_one_inside_it():
    text, _ = delexicalised("From San Jose State to San Jose", {"city": "San Jose", "venue": "San Jose State"})
    assert text == "From [venue] to [city]"


def test_equal_values_take_places_one_after_another():
    assert delexicalised("2 rooms for 2", {"rooms": "2", "guests": "2"}) == (
        "[rooms] rooms for [guests]",
        ("rooms", "guests"),
    )


def test_no_value_of_a_slot_that_was_found_is_left():
    assert delexicalised("Rome, yes, Rome", {"city": "Rome"})[0] == "[city], yes, [city]"


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,4}", fullmatch=True), st.from_regex(r"[A-Z][a-z]{2,5}", fullmatch=True), max_size=4
    ),
    st.lists(st.sampled_from(["the", "Fog", "and", "Bar", ".", "42"]), max_size=8),
)
@settings(deadline=None)
def test_filling_what_was_taken_out_gives_the_text_back(values, words):
    text = " ".join([*words, *values.values()])
    bare, found = delexicalised(text, values)
    assert filled(bare, values).lower() == text.lower()
    assert set(placeholders(bare)) == set(found)
    assert all(not re.search(rf"\b{re.escape(values[slot])}\b", bare, re.IGNORECASE) for slot in found)


def test_what_is_missing_is_told():
    assert missing("Two tickets for Rome", ("rome", "2", "Two")) == ("2",)
    assert missing("$12.50 is due", ("12.5", "12.50")) == ("12.5",)


def test_placeholders_that_nothing_fills_stay():
    assert filled("[a] and [b]", {"a": "x"}) == "x and [b]"


def test_names_of_columns_become_names_of_slots():
    assert slot_name("Number of tickets") == "number_of_tickets"
    assert placeholder(slot_name("2nd choice")) == "[x_2nd_choice]"
    with pytest.raises(ConfigurationError, match="names no slot"):
        placeholder("Not One")
