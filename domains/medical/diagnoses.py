"""The list of diagnoses that an encounter carries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domains.base.constraints import Check, Constraint
from shared.codecs.categorical import UNLISTED
from shared.corpus.schema import Table
from shared.corpus.units import UnitFrame

_DIAGNOSES = ("diag_1", "diag_2", "diag_3")


def diagnosis_checks(table: Table) -> list[Constraint]:
    """Properties of the list of diagnoses in ``diag_1`` to ``diag_3``, counted and not enforced."""
    if not set(table.names) >= set(_DIAGNOSES):
        return []
    checks: list[Constraint] = [
        Check(name="no diagnosis stands twice in an encounter", table=table.name, broken=_repeated),
        Check(name="diagnoses are listed from the first place on", table=table.name, broken=_gap),
    ]
    if "number_diagnoses" in table.names:
        checks.append(
            Check(name="number_diagnoses is at least what is listed", table=table.name, broken=_more_than_counted)
        )
    return checks


def _repeated(data: UnitFrame) -> NDArray[np.bool_]:
    # Two diagnoses that a private run found too rare to name may differ from each other.
    known = data.frame[list(_DIAGNOSES)].replace(UNLISTED, None)
    first, second, third = (known[name].fillna(f"\x00{name}") for name in _DIAGNOSES)
    return ((first == second) | (first == third) | (second == third)).to_numpy(dtype=bool)


def _gap(data: UnitFrame) -> NDArray[np.bool_]:
    first, second, third = (data.frame[name].isna() for name in _DIAGNOSES)
    return ((first & ~second) | (second & ~third)).to_numpy(dtype=bool)


def _more_than_counted(data: UnitFrame) -> NDArray[np.bool_]:
    listed = data.frame[list(_DIAGNOSES)].notna().sum(axis=1).to_numpy(dtype=float)
    counted = data.frame["number_diagnoses"].to_numpy(dtype=float, na_value=np.inf)
    return listed > counted
