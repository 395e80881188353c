from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import simple_icd_10_cm as icd10

from domains.medical import MedicalDomain
from domains.medical.simulator import hospital_schema, simulate_hospital
from domains.medical.simulator.coding import all_codes
from domains.medical.simulator.parameters import load_parameters
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.reading import read_corpus
from shared.corpus.units import UnitFrame, by_unit
from shared.corpus.writing import write_corpus
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter

UNITS = 4000


def simulate(units: int, seed: int) -> Corpus:
    return simulate_hospital(units, seed=seed, reporter=SilentReporter())


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return simulate(UNITS, seed=7)


@pytest.fixture(scope="module")
def frame(corpus: Corpus) -> pd.DataFrame:
    return corpus.tables["encounters"]


def units(frame: pd.DataFrame) -> UnitFrame:
    return by_unit(hospital_schema().tables[0], frame)


def test_every_unit_asked_for_has_encounters(frame: pd.DataFrame) -> None:
    assert frame["patient_id"].nunique() == UNITS
    assert 4 < len(frame) / UNITS < 7


def test_same_seed_same_corpus_other_seed_another() -> None:
    first, again, other = (simulate(60, seed).tables["encounters"] for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert not set(first["patient_id"]) & set(other["patient_id"])


@pytest.mark.parametrize("units", [1, 2, 5])
def test_few_patients_are_no_special_case(units: int) -> None:
    assert simulate(units, seed=units).tables["encounters"]["patient_id"].nunique() == units


@pytest.mark.parametrize("units", [0, -3, 10**9])
def test_impossible_numbers_of_patients_are_refused(units: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{units} patients are asked for; the simulator makes between 1 and"):
        simulate(units, seed=1)


def test_every_code_is_a_billable_code_of_icd_10_cm() -> None:
    assert [
        code for code in all_codes(load_parameters()) if not (icd10.is_valid_item(code) and icd10.is_leaf(code))
    ] == []


def test_parameters_name_their_sources_and_shares_are_shares() -> None:
    parameters = load_parameters()
    for part in parameters.causes.values():
        assert part.source
        assert sum(part.drugs.values()) <= 1
    for acute in parameters.acute.values():
        assert np.isclose(sum(acute.codes.values()), 1)
        assert np.isclose(sum(acute.settings), 1)
    for condition in parameters.chronic.values():
        for curve in (condition.men, condition.women):
            assert list(curve) == sorted(curve)


def test_corpus_keeps_its_schema_and_comes_back_from_disk(corpus: Corpus, tmp_path: Path) -> None:
    write_corpus(corpus, tmp_path)
    again = read_corpus(corpus.schema, tmp_path).tables["encounters"]
    pd.testing.assert_frame_equal(again, corpus.tables["encounters"])
    for column in corpus.schema.tables[0].columns:
        assert str(again[column.name].dtype) == DTYPES[column.kind]


def test_numbers_follow_their_declared_patterns(frame: pd.DataFrame) -> None:
    for name in ("patient_id", "encounter_id"):
        pattern = hospital_schema().tables[0].column(name).pattern or ""
        assert frame[name].str.fullmatch(re.sub("9", r"\\d", pattern)).all()
    assert frame["encounter_id"].is_unique


def test_everything_is_declared_so_that_nothing_must_be_found(corpus: Corpus) -> None:
    for column in corpus.schema.tables[0].columns:
        assert not column.learned
        if column.kind == "categorical":
            assert column.categories is not None
        elif column.kind == "identifier":
            assert column.pattern is not None
        else:
            assert column.low is not None
            assert column.high is not None


def test_every_constraint_of_the_domain_holds(corpus: Corpus) -> None:
    data = units(corpus.tables["encounters"])
    rules = MedicalDomain().constraints(corpus.schema)
    assert len(rules) >= 20
    assert len({rule.name for rule in rules}) == len(rules)
    assert [rule.name for rule in rules if rule.violations(data).any()] == []


@pytest.mark.parametrize(
    ("name", "column", "value", "where"),
    [
        ("nothing after death", "disposition", "Expired", "first of several"),
        ("who expired is not readmitted", "readmitted_30d", "No", "expired"),
        ("only inpatients are readmitted", "readmitted_30d", "Yes", "outpatient"),
        ("only inpatients are discharged to care, or expire", "disposition", "Rehabilitation", "outpatient"),
        ("a stay has a length, and nothing else has", "length_of_stay", 3, "outpatient"),
        ("age follows from the year of birth", "age", 3, "outpatient"),
        ("diag_1: diagnoses of women only", "diag_1", "O80", "men"),
        ("diag_2: diagnoses of men only", "diag_2", "C61", "women"),
        ("diag_1: pregnancy at an age of childbearing", "diag_1", "Z34.81", "old women"),
        ("readmission agrees with the later encounters", "readmitted_30d", "flip", "inpatient"),
        ("encounters do not overlap", "length_of_stay", 60, "inpatient"),
        ("men are not in obstetrics", "department", "Obstetrics", "men"),
    ],
)
def test_planted_errors_are_found(frame: pd.DataFrame, name: str, column: str, value: object, where: str) -> None:
    kind = frame["encounter_type"]
    several = frame["patient_id"].duplicated(keep="last") & ~frame["patient_id"].duplicated()
    chosen = {
        "first of several": several,
        "expired": frame["disposition"] == "Expired",
        "outpatient": kind == "outpatient",
        "inpatient": (kind == "inpatient") & frame["readmitted_30d"].notna(),
        "men": frame["sex"] == "Male",
        "women": frame["sex"] == "Female",
        "old women": (frame["sex"] == "Female") & (frame["age"] > 62).fillna(False),
    }[where].to_numpy(dtype=bool)
    planted = frame.copy()
    if value == "flip":
        planted.loc[chosen, column] = planted.loc[chosen, column].map({"Yes": "No", "No": "Yes"})
    else:
        planted.loc[chosen, column] = value
    rule = next(rule for rule in MedicalDomain().constraints(hospital_schema()) if rule.name == name)
    assert rule.violations(units(planted)).sum() > 0


def test_encounters_of_a_patient_ascend_in_time(frame: pd.DataFrame) -> None:
    gaps = frame.groupby("patient_id")["encounter_date"].diff().dropna()
    assert (gaps > pd.Timedelta(0)).all()


def ever(frame: pd.DataFrame, pattern: str) -> pd.Series:
    """Which patients carry a code, by patient."""
    codes = frame["diag_1"] + " " + frame["diag_2"].fillna("") + " " + frame["diag_3"].fillna("")
    return codes.str.contains(pattern).groupby(frame["patient_id"]).any()


def test_chronic_disease_grows_with_age(frame: pd.DataFrame) -> None:
    age = frame.groupby("patient_id")["age"].max()
    for pattern in (r"I1[0123]", "E11", "I25", "N18", r"M1[67]", "J44"):
        rate = ever(frame, pattern).groupby(pd.cut(age, [0, 17, 39, 59, 110]), observed=True).mean().to_numpy()
        assert rate[0] < 0.06
        assert rate[1] < rate[2] < rate[3]


def test_hypertension_of_the_old_is_near_its_public_prevalence(frame: pd.DataFrame) -> None:
    age = frame.groupby("patient_id")["age"].max()
    rate = ever(frame, r"I1[0123]")[(age >= 70).fillna(False).to_numpy(dtype=bool)].mean()
    # NCHS Data Brief 364: 0.74 of those above 60; not every visit of every patient lists it.
    assert 0.6 < rate < 0.8


def test_comorbidity_runs_above_chance(frame: pd.DataFrame) -> None:
    age = frame.groupby("patient_id")["age"].max().to_numpy(dtype=float)
    grown = (age > 45) & (age < 80)
    diabetes, hypertension = (ever(frame, pattern).to_numpy()[grown] for pattern in ("E11", r"I1[0123]"))
    assert hypertension[diabetes].mean() > hypertension[~diabetes].mean() + 0.1


def test_winter_infections_peak_in_winter_and_checkups_do_not(frame: pd.DataFrame) -> None:
    month = frame["encounter_date"].dt.month
    winter = month.isin([12, 1, 2])
    influenza = frame["diag_1"].str.startswith(("J10", "J11"))
    checkup = frame["diag_1"] == "Z00.00"
    assert winter[influenza].mean() > 0.4
    assert 0.2 < winter[checkup].mean() < 0.3


def test_measurements_fit_the_conditions(frame: pd.DataFrame) -> None:
    diabetic = frame["diag_1"].str.startswith("E11")
    checkup = frame["diag_1"] == "Z00.00"
    assert frame["hba1c"][diabetic].mean() > frame["hba1c"][checkup].mean() + 1
    stage = frame["diag_1"].map({"N18.31": 45, "N18.32": 30, "N18.4": 15})
    known = stage.notna() & frame["egfr"].notna()
    assert (frame["egfr"][known].to_numpy(dtype=float) >= stage[known].to_numpy(dtype=float)).all()
    assert frame["hba1c"][diabetic].notna().mean() > 4 * frame["hba1c"][~diabetic].notna().mean()
    inpatient = frame["encounter_type"] == "inpatient"
    assert frame["egfr"][inpatient].notna().mean() > frame["egfr"][~inpatient].notna().mean() + 0.3


def test_readmission_and_mortality_of_inpatients_are_of_the_public_order(frame: pd.DataFrame) -> None:
    inpatient = frame[frame["encounter_type"] == "inpatient"]
    assert 0.10 < (inpatient["readmitted_30d"] == "Yes").mean() < 0.22
    assert 0.01 < (inpatient["disposition"] == "Expired").mean() < 0.06


def test_births_are_to_women_of_childbearing_age(frame: pd.DataFrame) -> None:
    births = frame[frame["diag_1"].isin(["O80", "O82"])]
    assert len(births) > 20
    assert set(births["sex"]) == {"Female"}
    assert births["age"].between(15, 49).all()


def test_names_are_those_of_one_patient_throughout(frame: pd.DataFrame) -> None:
    for column in ("name", "address", "sex", "race", "birth_year", "region"):
        assert frame.groupby("patient_id")[column].nunique().max() == 1
    assert frame["name"].str.contains(" ").all()


def test_tasks_name_columns_of_the_schema() -> None:
    schema = hospital_schema()
    tasks = MedicalDomain().tasks(schema)
    assert {task.name for task in tasks} == {"readmission within 30 days", "admission"}
    for task in tasks:
        table = schema.table(task.table)
        assert {task.target, *task.excluded} <= set(table.names)
