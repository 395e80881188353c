from __future__ import annotations

import pytest

from shared.cleaning.formats import date_formats, number_formats
from shared.corpus.schema import Column
from tests.shared.cleaning.tables import corpus_of, found, mended

REAL = Column(name="x", kind="real", low=0, high=5000)
DAY = Column(name="day", kind="date")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("72,5", "72.5"),
        (" 72.5 ", "72.5"),
        ("1.234,5", "1234.5"),
        ("1'234.5", "1234.5"),
        ("1,234", "1,234"),  # 1.234 or 1234: both are possible
        ("9,999", "9.999"),  # 9999 is not
        ("about 70", "about 70"),
    ],
)
def test_a_number_is_read_if_there_is_one_way_to(given: str, expected: str) -> None:
    assert mended(number_formats, corpus_of([REAL], {"x": [given]}), "x") == [expected]


def test_marks_of_thousands_in_whole_numbers() -> None:
    whole = Column(name="x", kind="integer")
    assert mended(number_formats, corpus_of([whole], {"x": ["1,234", "12,345,678"]}), "x") == ["1234", "12345678"]


def test_dates_of_another_format_are_read_where_one_format_alone_fits_all() -> None:
    corpus = corpus_of([DAY], {"day": ["2024-01-31", "25/12/2023", "03/04/2023"]})
    assert mended(date_formats, corpus, "day") == ["2024-01-31", "2023-12-25", "2023-04-03"]
    assert found(date_formats, corpus)[0].basis == "learned"


def test_dates_that_two_formats_read_differently_are_left_alone() -> None:
    assert found(date_formats, corpus_of([DAY], {"day": ["03/04/2023", "05/06/2023"]})) == []
