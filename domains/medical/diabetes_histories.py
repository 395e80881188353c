"""Histories of diabetes130: patients with several encounters, each with its diagnosis codes and drugs.

The data set is that of :mod:`domains.medical.diabetes`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from domains.medical.diabetes import DRUGS
from domains.medical.vocabulary import ICD9
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Column, Schema, Table
from shared.errors import DataError

DIAGNOSES = ("diag_1", "diag_2", "diag_3")
_KEYS = {"patient_nbr": "patient", "encounter_id": "encounter"}
_OF_PATIENT = ("race", "gender")


def diabetes_histories(path: Path, *, least: int = 2) -> Corpus:
    """Patients with at least ``least`` encounters, in the order in which these were numbered.

    One table ``encounters``: race and gender of the patient (what the first encounter says), and of each encounter the
    age, three diagnosis codes and 23 drugs (``No``, or how the dose went). Raises ``DataError`` for another layout.
    """
    table = _table()
    wanted = {**_KEYS, **{name: name for name in table.names if name not in _KEYS.values()}}
    try:
        frame = pd.read_csv(path, dtype="str", na_values=["?"], keep_default_na=False, usecols=list(wanted))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no table of diabetes130 ({str(error).splitlines()[0]})") from error
    frame = frame.rename(columns=_KEYS)[list(table.names)]
    several = frame.groupby("patient")["patient"].transform("size") >= least
    frame = frame[several].astype({"encounter": "int64"}).sort_values(["patient", "encounter"], kind="stable")
    for name in _OF_PATIENT:
        frame[name] = frame.groupby("patient")[name].transform("first")
    frame = frame.reset_index(drop=True)
    typed = {column.name: frame[column.name].astype(DTYPES[column.kind]) for column in table.columns}
    return Corpus(Schema(tables=(table,), name="diabetes130"), {table.name: pd.DataFrame(typed)})


def _table() -> Table:
    doses = ("No", "Steady", "Up", "Down")
    return Table(
        name="encounters",
        unit="patient",
        order_by="encounter",
        columns=(
            Column(name="patient", kind="identifier", nullable=False),
            Column(name="encounter", kind="identifier", nullable=False),
            *(Column(name=name, kind="categorical", of_unit=True) for name in _OF_PATIENT),
            Column(name="age", kind="categorical", nullable=False),
            *(Column(name=name, kind="categorical", coding=ICD9) for name in DIAGNOSES),
            *(Column(name=name, kind="categorical", nullable=False, categories=doses) for name in DRUGS),
        ),
    )
