"""Patients with several encounters of diabetes130, in order."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from domains.medical.diabetes import DRUGS
from domains.medical.diabetes_histories import diabetes_histories
from shared.corpus.corpus import DTYPES
from shared.errors import DataError


def test_patients_with_several_encounters_are_read_in_order_with_one_race(tmp_path: Path) -> None:
    rows = [
        {"patient_nbr": "7", "encounter_id": "100", "race": "?", "diag_1": "250.8"},
        {"patient_nbr": "7", "encounter_id": "9", "race": "Asian", "diag_1": "?"},
        {"patient_nbr": "8", "encounter_id": "1", "race": "Other", "diag_1": "1"},
    ]
    rest = {"gender": "Female", "age": "[60-70)", "diag_2": "401", "diag_3": "V10", **dict.fromkeys(DRUGS, "No")}
    path = tmp_path / "diabetic_data.csv"
    pd.DataFrame([{**rest, **row} for row in rows]).to_csv(path, index=False)
    corpus = diabetes_histories(path)
    frame = corpus.tables["encounters"]
    assert frame["encounter"].tolist() == ["9", "100"]
    assert frame["race"].tolist() == ["Asian", "Asian"]
    assert frame["diag_1"].isna().tolist() == [True, False]
    assert all(frame[column.name].dtype == DTYPES[column.kind] for column in corpus.schema.tables[0].columns)
    assert len(diabetes_histories(path, least=1).tables["encounters"]) == 3


def test_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no table of diabetes130"):
        diabetes_histories(tmp_path / "a.csv")
