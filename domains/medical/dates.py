"""The order of dates: nobody is discharged before admission, or treated before birth or after death."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from domains.base.constraints import Check, Constraint
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame

_BIRTH = re.compile(r"birth|^dob$", re.IGNORECASE)
_ADMISSION = re.compile(r"admi(t|ssion)|^start|_start", re.IGNORECASE)
_DISCHARGE = re.compile(r"discharge|^(end|stop)|_(end|stop)", re.IGNORECASE)
_DEATH = re.compile(r"death|^dod$|deceased", re.IGNORECASE)


def date_order_checks(table: Table) -> list[Constraint]:
    """Checks between the columns of dates and times that a table has, by their names."""
    dates = [column for column in table.columns if column.kind in ("date", "datetime")]
    births, admissions, discharges, deaths = (
        [column for column in dates if pattern.search(column.name)]
        for pattern in (_BIRTH, _ADMISSION, _DISCHARGE, _DEATH)
    )
    pairs = [(first, second) for first in admissions for second in discharges if _one_kind(first, second)]
    others = [column for column in dates if column not in births]
    pairs += [(birth, other) for birth in births for other in others]
    pairs += [(other, death) for death in deaths for other in admissions]
    return [_in_order(table, first, second) for first, second in dict.fromkeys(pairs)]


def _one_kind(first: Column, second: Column) -> bool:
    """Of ``er_start`` and ``icu_end`` nothing is known; of ``start`` and ``end`` it is."""
    stems = [re.sub(_ADMISSION, "", first.name), re.sub(_DISCHARGE, "", second.name)]
    return first is not second and stems[0] == stems[1]


def _in_order(table: Table, first: Column, second: Column) -> Constraint:
    def broken(data: UnitFrame) -> NDArray[np.bool_]:
        early, late = (data.frame[column.name] for column in (first, second))
        if "date" in (first.kind, second.kind):
            early, late = early.dt.normalize(), late.dt.normalize()
        return (late < early).to_numpy(dtype=bool)

    return Check(
        name=f"{second.name} is not before {first.name}",
        table=table.name,
        broken=broken,
        description="dates in the order of a life",
    )
