"""Flat encounter tables of diabetes care, in the layout of "Diabetes 130-US hospitals, 1999-2008".

Strack et al., "Impact of HbA1c measurement on hospital readmission rates", BioMed Research
International 2014, article 781670; UCI Machine Learning Repository, data set 296.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.constraints import Constraint, Derived, Exclusion
from domains.base.contract import Task
from shared.corpus.schema import Table

DRUGS = (
    "metformin",
    "repaglinide",
    "nateglinide",
    "chlorpropamide",
    "glimepiride",
    "acetohexamide",
    "glipizide",
    "glyburide",
    "tolbutamide",
    "pioglitazone",
    "rosiglitazone",
    "acarbose",
    "miglitol",
    "troglitazone",
    "tolazamide",
    "examide",
    "citoglipton",
    "insulin",
    "glyburide-metformin",
    "glipizide-metformin",
    "glimepiride-pioglitazone",
    "metformin-rosiglitazone",
    "metformin-pioglitazone",
)
EXPIRED = frozenset({"11", "19", "20", "21"})  # IDs_mapping.csv of the data set: expired, and where
_DISPOSITION, _READMITTED = "discharge_disposition_id", "readmitted"


def diabetes_constraints(table: Table) -> list[Constraint]:
    """Those whose columns ``table`` has."""
    names, found = set(table.names), list[Constraint]()
    if names >= {*DRUGS, "change"}:
        found.append(
            Derived(
                name="change follows from the drugs",
                table=table.name,
                column="change",
                inputs=DRUGS,
                value=_change,
                description="Ch if a drug goes up or down, or if there are two drugs or more",
            )
        )
    if names >= {*DRUGS, "diabetesMed"}:
        found.append(
            Derived(
                name="diabetesMed follows from the drugs",
                table=table.name,
                column="diabetesMed",
                inputs=DRUGS,
                value=_medicated,
                description="Yes if there is a drug",
            )
        )
    if names >= {_DISPOSITION, _READMITTED}:
        parts = {_DISPOSITION: EXPIRED, _READMITTED: frozenset({"<30", ">30"})}
        found.append(Exclusion(name="who expired is not readmitted", table=table.name, parts=parts))
    if _DISPOSITION in names and table.unit is not None:
        found.append(
            Exclusion(
                name="who expired has no later encounter",
                table=table.name,
                parts={_DISPOSITION: EXPIRED},
                last_row=False,
                description="a few records of the original break it: encounters entered after death",
            )
        )
    return found


def diabetes_tasks(table: Table) -> list[Task]:
    """Readmission within 30 days, the question that the data set was published for."""
    if not set(table.names) >= {_DISPOSITION, _READMITTED, "number_inpatient"}:
        return []
    return [
        Task(
            name="readmission within 30 days",
            table=table.name,
            target=_READMITTED,
            positive=("<30",),
            excluded=tuple(name for name in ("change", "diabetesMed") if name in table.names),
            description="readmitted within 30 days of discharge, from what is known at discharge",
        )
    ]


def _change(frame: pd.DataFrame) -> pd.Series:
    drugs = frame[list(DRUGS)]
    changed = drugs.isin(["Up", "Down"]).any(axis=1) | (_taken(frame) >= 2)
    return pd.Series(np.where(changed, "Ch", "No"), index=frame.index, name="change", dtype="str")


def _medicated(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(np.where(_taken(frame) >= 1, "Yes", "No"), index=frame.index, name="diabetesMed", dtype="str")


def _taken(frame: pd.DataFrame) -> NDArray[np.int64]:
    drugs = frame[list(DRUGS)]
    return ((drugs != "No") & drugs.notna()).sum(axis=1).to_numpy(dtype=np.int64)
