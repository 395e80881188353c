from __future__ import annotations

import pytest
import simple_icd_10_cm as icd10

from domains.medical.vocabulary import ICD9, ICD10, codes_of_group
from shared.corpus.schema import Column

OPEN9 = Column(name="diag_1", kind="categorical", coding=ICD9)
OPEN10 = Column(name="diag_1", kind="categorical", coding=ICD10)


@pytest.mark.parametrize("code", ["630", "650", "679", "V22", "V22.1", "V270", "664.01", "66401", "614", "V23"])
def test_icd9_codes_of_pregnancy_and_women(code: str) -> None:
    assert code in codes_of_group("female", OPEN9)


@pytest.mark.parametrize("code", ["185", "600", "608.9", "60001", "222", "233.4", "175"])
def test_icd9_codes_of_men(code: str) -> None:
    assert code in codes_of_group("male", OPEN9)


@pytest.mark.parametrize(
    "code", ["250.01", "V25", "V26", "V10", "233", "610", "680", "599", "E885", "428", "63", "188"]
)
def test_icd9_codes_of_both_sexes_are_in_no_group(code: str) -> None:
    assert not any(code in codes_of_group(group, OPEN9) for group in ("female", "male", "pregnancy"))


def test_pregnancy_is_a_part_of_female_and_male_is_apart() -> None:
    for column in (OPEN9, OPEN10):
        female, male = codes_of_group("female", column), codes_of_group("male", column)
        assert codes_of_group("pregnancy", column) < female
        assert not female & male


def test_icd10_groups_agree_with_the_descriptions() -> None:
    female = {code for code in codes_of_group("female", OPEN10) if icd10.is_valid_item(code)}
    male = {code for code in codes_of_group("male", OPEN10) if icd10.is_valid_item(code)}
    descriptions = {code: icd10.get_description(code).lower() for code in female | male}
    # Descriptions that name a sex or an organ must stand on the right side.
    women, men = ("female", "ovar", "uter", "vagin", "vulv", "pregnan"), ("prostat", "testi", "scrot", "penis")
    named = {code: f" {text}".replace("tunica vaginalis", "") for code, text in descriptions.items()}
    assert not [c for c in male if any(f" {word}" in named[c] for word in women)]
    assert not [c for c in female if any(f" {word}" in named[c] for word in men)]
    assert {"O80", "O800"} & female == {"O80"}
    assert {"C50.911", "C50911", "N95.1", "Z34.83"} <= codes_of_group("female", OPEN10)
    assert {"C50.921", "C61", "N40.1", "N401"} <= codes_of_group("male", OPEN10)


def test_newborns_are_of_either_sex() -> None:
    assert "Z38.00" not in codes_of_group("female", OPEN10)


def test_declared_categories_limit_the_codes() -> None:
    declared = Column(name="d", kind="categorical", coding=ICD10, categories=("I10", "O80", "C61"))
    assert codes_of_group("female", declared) == {"O80"}
    assert codes_of_group("male", declared) == {"C61"}
    declared = Column(name="d", kind="categorical", coding=ICD9, categories=("250.01", "650", "185"))
    assert codes_of_group("pregnancy", declared) == {"650"}


def test_column_without_a_coding_system_has_no_codes() -> None:
    assert codes_of_group("female", Column(name="d", kind="categorical")) == frozenset()
