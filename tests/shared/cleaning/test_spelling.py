from __future__ import annotations

import pytest

from shared.cleaning.spelling import category_spellings, learned_spellings, normal_form, surrounding_blanks
from shared.corpus.schema import Column
from tests.shared.cleaning.tables import corpus_of, found, mended

DEPARTMENT = Column(name="department", kind="categorical", categories=("Cardiology", "Neurology", "Nephrology"))
DRUG = Column(name="drug", kind="categorical", categories=("Drug 12 mg", "Drug 15 mg"))
TOWN = Column(name="town", kind="categorical")


def test_case_accents_blanks_and_punctuation_do_not_make_another_word() -> None:
    assert normal_form("  ÉCOLE-Normale_sup. ") == normal_form("ecole normale  SUP")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("CARDIOLOGY", "Cardiology"),
        (" Cardiology ", "Cardiology"),
        ("Cärdiology", "Cardiology"),
        ("Cardiolgy", "Cardiology"),
        ("Cardioloyg", "Cardiology"),
        ("Card", "Cardiology"),
        ("Neprology", "Neprology"),  # one letter from two departments
        ("Ne", "Ne"),  # begins two departments
        ("Surgery", "Surgery"),
    ],
)
def test_a_spelling_becomes_the_one_category_that_it_resembles(given: str, expected: str) -> None:
    assert mended(category_spellings, corpus_of([DEPARTMENT], {"department": [given]}), "department") == [expected]


def test_words_that_differ_in_digits_are_no_typing_errors() -> None:
    assert mended(category_spellings, corpus_of([DRUG], {"drug": ["Drug 13 mg", "drug 12 mg"]}), "drug") == [
        "Drug 13 mg",
        "Drug 12 mg",
    ]


def test_what_is_compared_with_declared_categories_alone_is_not_learned() -> None:
    steps = found(category_spellings, corpus_of([DEPARTMENT], {"department": ["Cardiolgy", "neurology"]}))
    assert {step.basis for step in steps} == {"declared"}


def test_rare_spellings_are_drawn_to_frequent_ones_with_the_counts_as_evidence() -> None:
    towns: list[str | None] = ["Springfield"] * 200 + ["Springfeild"] * 2 + ["Shelbyville"] * 100
    (step,) = found(learned_spellings, corpus_of([TOWN], {"town": towns}))
    assert step.basis == "learned"
    assert step.action.values == {"Springfeild": "Springfield"}  # type: ignore[union-attr]
    assert "2 against 200 rows" in step.reason


def test_two_frequent_spellings_that_are_alike_stay_two() -> None:
    towns: list[str | None] = ["Marburg"] * 100 + ["Warburg"] * 80
    assert found(learned_spellings, corpus_of([TOWN], {"town": towns})) == []


def test_variants_in_case_become_the_most_frequent_one() -> None:
    towns: list[str | None] = ["Berlin"] * 5 + ["BERLIN", "berlin "]
    assert mended(learned_spellings, corpus_of([TOWN], {"town": towns}), "town") == ["Berlin"] * 7


def test_blanks_around_identifiers_go() -> None:
    patient = Column(name="patient", kind="identifier")
    assert mended(surrounding_blanks, corpus_of([patient], {"patient": ["P1 ", "P1"]}), "patient") == ["P1", "P1"]
