"""Conditions as users write them."""

from __future__ import annotations

import pytest

from domains.pipeline.where import parse_where
from shared.errors import ConfigurationError

COLUMNS = ("age", "age group", "sex", "hours-per-week", "income", "is")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age>=65", ("age", ">=", ("65",))),
        ("age == 65", ("age", "=", ("65",))),
        (" age  !=  65 ", ("age", "!=", ("65",))),
        ("age < -1.5", ("age", "<", ("-1.5",))),
        ("age group=old", ("age group", "=", ("old",))),
        ("hours-per-week>40", ("hours-per-week", ">", ("40",))),
        ("income=>50K", ("income", "=", (">50K",))),
        ("income = '>50K'", ("income", "=", (">50K",))),
        ("'age group' in {a, 'b, c' ,d}", ("age group", "in", ("a", "b, c", "d"))),
        ("sex not in {Female}", ("sex", "not in", ("Female",))),
        ("sex is missing", ("sex", "is missing", ())),
        ("sex IS NOT MISSING", ("sex", "is not missing", ())),
        ("is is missing", ("is", "is missing", ())),
        ("sex = is missing", ("sex", "=", ("is missing",))),
    ],
)
def test_a_condition_is_read(text: str, expected: tuple[str, str, tuple[str, ...]]) -> None:
    clause = parse_where(text, COLUMNS)
    assert (clause.column, clause.operator, clause.values) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aeg>=65", "did you mean 'age'"),
        ("wage", "names the column 'wage'"),
        ("age", "cannot be read after the column 'age'"),
        ("age=", "cannot be read after the column 'age'"),
        ("age ~ 3", "write COLUMN=VALUE"),
        ("age in {}", "values in braces cannot be read"),
        ("age in {1,,2}", "values in braces cannot be read"),
        ("'weight' > 3", "names the column 'weight'"),
    ],
)
def test_what_cannot_be_read_says_what_can_be_written(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_where(text, COLUMNS)
