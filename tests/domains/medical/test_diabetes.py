from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domains.base.constraints import Constraint, Derived
from domains.medical import MedicalDomain
from domains.medical.diabetes import DRUGS
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.reading import read_corpus
from shared.corpus.schema import Schema
from shared.corpus.schema_file import read_schema
from shared.corpus.units import UnitFrame, by_unit

SCHEMA_FILE = Path(__file__).parents[3] / "examples" / "medical" / "diabetes130.schema.yaml"
# Of them the public records break these, at these rates.
INEXACT = {
    "who expired has no later encounter": 13 / 101_766,
    "no diagnosis stands twice in an encounter": 5_492 / 101_766,
    "diagnoses are listed from the first place on": 99 / 101_766,
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return read_schema(SCHEMA_FILE)


def encounter(number: int, **values: Any) -> dict[str, Any]:
    plain = dict.fromkeys(DRUGS, "No") | {
        "encounter_id": str(number),
        "patient_nbr": "1",
        "race": "Caucasian",
        "gender": "Female",
        "age": "[30-40)",
        "admission_type_id": "1",
        "discharge_disposition_id": "1",
        "admission_source_id": "7",
        "time_in_hospital": 3,
        "num_lab_procedures": 40,
        "num_procedures": 0,
        "num_medications": 10,
        "number_outpatient": 0,
        "number_emergency": 0,
        "number_inpatient": 0,
        "diag_1": "428",
        "diag_2": "250.01",
        "diag_3": "401",
        "number_diagnoses": 3,
        "max_glu_serum": "None",
        "A1Cresult": "None",
        "change": "No",
        "diabetesMed": "No",
        "readmitted": "NO",
    }
    return plain | values


def units(schema: Schema, *rows: dict[str, Any]) -> UnitFrame:
    table = schema.tables[0]
    frame = pd.DataFrame(list(rows)).reindex(columns=list(table.names))
    return by_unit(table, frame.astype({column.name: DTYPES[column.kind] for column in table.columns}))


def broken(schema: Schema, *rows: dict[str, Any]) -> set[str]:
    data = units(schema, *rows)
    return {rule.name for rule in MedicalDomain().constraints(schema) if rule.violations(data).any()}


def test_clean_rows_break_nothing(schema: Schema) -> None:
    taken = {"metformin": "Steady", "diabetesMed": "Yes"}
    assert broken(schema, encounter(1), encounter(2, **taken), encounter(3, readmitted="<30")) == set()


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([{"insulin": "Up", "diabetesMed": "Yes"}], "change follows from the drugs"),
        ([{"insulin": "Steady", "diabetesMed": "Yes", "change": "Ch"}], "change follows from the drugs"),
        ([{"insulin": "Steady"}], "diabetesMed follows from the drugs"),
        ([{"diabetesMed": "Yes"}], "diabetesMed follows from the drugs"),
        ([{"discharge_disposition_id": "11", "readmitted": ">30"}], "who expired is not readmitted"),
        ([{"discharge_disposition_id": "20"}, {}], "who expired has no later encounter"),
        ([{"gender": "Male", "diag_1": "650"}], "diag_1: diagnoses of women only"),
        ([{"gender": "Male", "diag_3": "V27"}], "diag_3: diagnoses of women only"),
        ([{"diag_2": "185"}], "diag_2: diagnoses of men only"),
        ([{"age": "[70-80)", "diag_1": "648"}], "diag_1: pregnancy at an age of childbearing"),
        ([{"diag_2": "428"}], "no diagnosis stands twice in an encounter"),
        ([{"diag_2": None}], "diagnoses are listed from the first place on"),
        ([{"number_diagnoses": 2}], "number_diagnoses is at least what is listed"),
    ],
)
def test_planted_errors_are_found_by_their_rule_alone(schema: Schema, rows: list[dict[str, Any]], name: str) -> None:
    assert broken(schema, *(encounter(k + 1, **values) for k, values in enumerate(rows))) == {name}


def test_derived_columns_take_the_values_of_their_rule(schema: Schema) -> None:
    data = units(
        schema,
        encounter(1),
        encounter(2, insulin="Steady"),
        encounter(3, insulin="Down"),
        encounter(4, insulin="Steady", metformin="Steady"),
    )
    derived = {rule.column: rule for rule in MedicalDomain().constraints(schema) if isinstance(rule, Derived)}
    assert derived["change"].value(data.frame).tolist() == ["No", "No", "Ch", "Ch"]
    assert derived["diabetesMed"].value(data.frame).tolist() == ["No", "Yes", "Yes", "Yes"]


def test_readmission_task_leaves_out_what_the_drugs_say_already(schema: Schema) -> None:
    (task,) = MedicalDomain().tasks(schema)
    assert (task.target, task.positive) == ("readmitted", ("<30",))
    assert set(task.excluded) == {"change", "diabetesMed"}


def test_schema_of_other_columns_has_no_such_rules(schema: Schema) -> None:
    table = schema.tables[0]
    small = Schema(tables=(type(table)(name="t", columns=table.columns[5:8]),))
    assert list(MedicalDomain().constraints(small)) == []
    assert list(MedicalDomain().tasks(small)) == []


@pytest.mark.realdata
def test_public_records_keep_the_schema_and_the_exact_rules(schema: Schema, real_data: Path) -> None:
    corpus = read_corpus(schema, real_data / "medical" / "diabetes130" / "diabetic_data.csv.gz")
    frame = corpus.tables["encounters"]
    assert len(frame) == 101_766
    assert frame["A1Cresult"].isna().sum() == 0
    assert (frame["A1Cresult"] == "None").sum() > 0
    assert frame["race"].isna().sum() > 0
    prepared = MedicalDomain().prepare(corpus)
    rates = _rates(MedicalDomain().constraints(schema), prepared)
    assert {name for name, rate in rates.items() if rate > 0} == set(INEXACT)
    for name, rate in INEXACT.items():
        assert np.isclose(rates[name], rate)
    assert prepared.tables["encounters"].groupby("patient_nbr")["race"].nunique().max() == 1


@pytest.mark.realdata
def test_first_public_records_keep_the_exact_rules(schema: Schema, real_data: Path, tmp_path: Path) -> None:
    part = tmp_path / "diabetic_data.csv.gz"
    with gzip.open(real_data / "medical" / "diabetes130" / part.name, "rt", encoding="utf-8") as records:
        part.write_bytes(gzip.compress("".join(islice(records, 5_001)).encode()))
    corpus = MedicalDomain().prepare(read_corpus(schema, part))
    assert len(corpus.tables["encounters"]) == 5_000
    rates = _rates(MedicalDomain().constraints(schema), corpus)
    assert len(rates) > len(INEXACT)
    assert {name: rate for name, rate in rates.items() if name not in INEXACT and rate > 0} == {}


def _rates(rules: Any, corpus: Corpus) -> dict[str, float]:
    data = by_unit(corpus.schema.tables[0], corpus.tables["encounters"])
    return {rule.name: float(_violations(rule, data).mean()) for rule in rules}


def _violations(rule: Constraint, data: UnitFrame) -> Any:
    return rule.violations(data)
