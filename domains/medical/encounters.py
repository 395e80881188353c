"""Flat tables of all encounters of patients over years, in the layout of the simulated hospital."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.constraints import Check, Constraint, Derived, Exclusion
from domains.base.contract import Task
from domains.medical.simulator.stays import readmitted_soon
from shared.corpus.schema import Table
from shared.corpus.units import UnitFrame

DISCHARGES = frozenset({"Home health", "Skilled nursing", "Rehabilitation", "Expired"})  # of inpatients alone
_ELSEWHERE = frozenset({"outpatient", "emergency"})


def encounter_constraints(table: Table) -> list[Constraint]:
    """Those whose columns ``table`` has; none unless it has encounter types and dispositions."""
    names = set(table.names)
    if not names >= {"encounter_type", "disposition"}:
        return []
    found: list[Constraint] = []

    def exclude(name: str, parts: dict[str, frozenset[str]], **more: Any) -> None:
        if names >= set(parts):
            found.append(Exclusion(name=name, table=table.name, parts=parts, **more))

    def check(name: str, columns: set[str], broken: Any) -> None:
        if names >= columns:
            found.append(Check(name=name, table=table.name, broken=broken))

    expired = {"disposition": frozenset({"Expired"})}
    exclude(
        "only inpatients are discharged to care, or expire", {"encounter_type": _ELSEWHERE, "disposition": DISCHARGES}
    )
    exclude(
        "only inpatients are readmitted", {"encounter_type": _ELSEWHERE, "readmitted_30d": frozenset({"Yes", "No"})}
    )
    exclude("who expired is not readmitted", {**expired, "readmitted_30d": frozenset({"Yes", "No"})})
    exclude("men are not in obstetrics", {"sex": frozenset({"Male"}), "department": _WOMEN})
    exclude("outpatients are not in the emergency department", _emergency("outpatient", "inpatient"))
    if table.unit is not None:
        exclude("nothing after death", expired, last_row=False)
    if names >= {"age", "birth_year", "encounter_date"}:
        found.append(
            Derived(
                name="age follows from the year of birth",
                table=table.name,
                column="age",
                inputs=("birth_year", "encounter_date"),
                value=_age,
                description="year of the encounter less year of birth",
            )
        )
    check("a stay has a length, and nothing else has", {"length_of_stay"}, _stay_length)
    check("readmission agrees with the later encounters", {"readmitted_30d", "encounter_date", "length_of_stay"}, _soon)
    check("encounters do not overlap", {"encounter_date", "length_of_stay"}, _overlap)
    return found


_WOMEN = frozenset({"Obstetrics", "Gynaecology"})


def _emergency(*types: str) -> dict[str, frozenset[str]]:
    return {"encounter_type": frozenset(types), "department": frozenset({"Emergency"})}


def encounter_tasks(table: Table) -> list[Task]:
    """Readmission within 30 days, and admission from what is known on arrival."""
    names = set(table.names)
    tasks = []
    if names >= {"readmitted_30d", "encounter_type", "length_of_stay"}:
        tasks.append(
            Task(
                name="readmission within 30 days",
                table=table.name,
                target="readmitted_30d",
                positive=("Yes",),
                description="inpatient again within 30 days, from what is known at discharge",
            )
        )
    if names >= {"encounter_type", "department", "disposition"}:
        late = ("department", "disposition", "length_of_stay", "readmitted_30d", "drug", "diag_2", "diag_3")
        tasks.append(
            Task(
                name="admission",
                table=table.name,
                target="encounter_type",
                positive=("inpatient",),
                excluded=tuple(name for name in late if name in names),
                description="inpatient or not, from who comes, why and with which measurements",
            )
        )
    return tasks


def _age(frame: pd.DataFrame) -> pd.Series:
    years = frame["encounter_date"].dt.year.astype("Int64") - frame["birth_year"].astype("Int64")
    return years.rename("age")


def _inpatient(data: UnitFrame) -> NDArray[np.bool_]:
    return (data.frame["encounter_type"] == "inpatient").to_numpy(dtype=bool)


def _days(data: UnitFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Day of beginning and length of each encounter; a length that is missing counts as none."""
    day = data.frame["encounter_date"].to_numpy().astype("datetime64[D]").astype(np.float64)
    return day, data.frame["length_of_stay"].to_numpy(dtype=float, na_value=0.0)


def _stay_length(data: UnitFrame) -> NDArray[np.bool_]:
    return data.frame["length_of_stay"].notna().to_numpy(dtype=bool) != _inpatient(data)


def _soon(data: UnitFrame) -> NDArray[np.bool_]:
    day, stay = _days(data)
    expected = readmitted_soon(data.unit_of_row, day, stay, _inpatient(data))
    said = data.frame["readmitted_30d"]
    return said.notna().to_numpy(dtype=bool) & ((said == "Yes").to_numpy(dtype=bool) != expected)


def _overlap(data: UnitFrame) -> NDArray[np.bool_]:
    day, stay = _days(data)
    unit = data.unit_of_row
    broken = np.zeros(len(day), dtype=bool)
    broken[1:] = (unit[1:] == unit[:-1]) & (day[1:] < day[:-1] + stay[:-1])
    return broken
