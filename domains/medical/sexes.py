"""Diagnoses that belong to one sex, and to the ages of childbearing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.constraints import Check, Constraint, Exclusion
from domains.medical.vocabulary import FEMALE, MALE, codes_of_group
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame

SEX_NAMES = ("sex", "gender", "patient_sex")
OLDEST_MOTHER = 59
_BAND = re.compile(r"\[(\d+)-(\d+)\)")


def sex_constraints(table: Table) -> list[Constraint]:
    """Exclusions for every diagnosis column with a known coding system, beside the table's sex column."""
    sexes = [column for column in table.columns if column.name.lower() in SEX_NAMES and column.kind == "categorical"]
    if not sexes:
        return []
    sex, ages = sexes[0], [column for column in table.columns if column.name.lower() == "age"]
    found: list[Constraint] = []
    for column in table.columns:
        for who, group, others in (("women", "female", MALE), ("men", "male", FEMALE)):
            codes = codes_of_group(group, column)
            if codes:
                found.append(
                    Exclusion(
                        name=f"{column.name}: diagnoses of {who} only",
                        table=table.name,
                        parts={sex.name: _spelled(others, sex), column.name: codes},
                        description=f"{column.coding} codes that only {who} carry",
                    )
                )
        pregnancy = codes_of_group("pregnancy", column)
        if pregnancy and ages:
            found.append(_childbearing(table, column, ages[0], pregnancy))
    return found


def _spelled(values: frozenset[str], column: Column) -> frozenset[str]:
    return values if column.categories is None else values & frozenset(column.categories)


def _childbearing(table: Table, column: Column, age: Column, pregnancy: frozenset[str]) -> Constraint:
    """Pregnancy is closed for age bands outside 10 to 59, and counted where age is a number."""
    name = f"{column.name}: pregnancy at an age of childbearing"
    if age.kind == "categorical" and age.categories is not None:
        bands = frozenset(band for band in age.categories if _outside(band))
        parts = {age.name: bands, column.name: pregnancy}
        return Exclusion(name=name, table=table.name, parts=parts, description="no pregnancy below 10 or from 60 on")

    def broken(data: UnitFrame) -> NDArray[np.bool_]:
        years = pd.to_numeric(data.frame[age.name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        pregnant = data.frame[column.name].isin(list(pregnancy)).to_numpy(dtype=bool)
        return pregnant & ((years < 10) | (years > OLDEST_MOTHER))

    return Check(name=name, table=table.name, broken=broken, description="no pregnancy below 10 or from 60 on")


def _outside(band: str) -> bool:
    ends = _BAND.fullmatch(band)
    return ends is not None and (int(ends[2]) <= 10 or int(ends[1]) > OLDEST_MOTHER)
