"""The schema of what the simulator gives: one flat table of encounters, everything declared."""

from __future__ import annotations

from domains.medical.simulator.coding import all_codes
from domains.medical.simulator.measurements import RANGES
from domains.medical.simulator.parameters import Parameters, load_parameters
from domains.medical.simulator.stays import DISPOSITIONS, LONGEST_STAY
from domains.medical.vocabulary import ICD10
from shared.corpus.schema import Column, Kind, Schema, Table

TABLE = "encounters"
SETTINGS = ("outpatient", "emergency", "inpatient")
CHECKUP_DEPARTMENT, EMERGENCY_DEPARTMENT = "General practice", "Emergency"
OBSTETRICS, PAEDIATRICS = "Obstetrics", "Paediatrics"


def hospital_schema() -> Schema:
    """The schema; it stands on the simulator's parameters alone and so is public."""
    parameters = load_parameters()
    window, oldest = parameters.window, int(parameters.population.age_bands[-1][1])
    columns = (
        _identifier("encounter_id", "E999999999", "Number of the encounter"),
        _identifier("patient_id", "P99999999", "Number of the patient"),
        _identifier(
            "name", "Aaaaaa Aaaaaaaa", "Fictitious; identifiers are made up anew, never passed on", of_unit=True
        ),
        _identifier("address", "9999 Aaaaaaaaa Aaaaaa, Aaaaaaaa", "Fictitious, like the name", of_unit=True),
        _category("sex", ("Female", "Male"), of_unit=True),
        _category("race", tuple(parameters.population.races), of_unit=True),
        _category("region", tuple(parameters.population.regions), of_unit=True, description="Region of the US census"),
        _number("birth_year", "integer", window.first.year - oldest - 2, window.first.year, 1, of_unit=True),
        Column(
            name="encounter_date",
            kind="date",
            nullable=False,
            low=window.first.isoformat(),
            high=window.last.isoformat(),
            description="Day on which the encounter begins",
        ),
        _number(
            "age", "integer", 0, oldest + 10, 1, physical_unit="a", description="Year of the encounter less birth_year"
        ),
        _category("encounter_type", SETTINGS),
        _category("department", departments(parameters)),
        _diagnosis("diag_1", "The reason of the encounter", parameters, nullable=False),
        _diagnosis("diag_2", "A second diagnosis", parameters),
        _diagnosis("diag_3", "A third diagnosis", parameters),
        _category("drug", drugs(parameters), nullable=True, description="The main drug that was prescribed"),
        _measurement("systolic_bp", "integer", "mm[Hg]", "Systolic blood pressure"),
        _measurement("bmi", "real", "kg/m2", "Body mass index"),
        _measurement("hba1c", "real", "%", "Haemoglobin A1c"),
        _measurement("egfr", "integer", "mL/min/{1.73_m2}", "Estimated glomerular filtration rate"),
        Column(
            name="length_of_stay",
            kind="integer",
            low=1,
            high=LONGEST_STAY,
            physical_unit="d",
            description="Nights; missing unless inpatient",
        ),
        _category("disposition", DISPOSITIONS, description="Where the encounter ended"),
        _category("readmitted_30d", ("No", "Yes"), nullable=True, description=_READMITTED),
    )
    table = Table(
        name=TABLE,
        columns=columns,
        primary_key="encounter_id",
        unit="patient_id",
        order_by="encounter_date",
        description="One row an encounter of a simulated patient",
    )
    return Schema(name="simulated-hospital", tables=(table,), description=_DESCRIPTION)


_READMITTED = "Inpatient again within 30 days of discharge; missing unless inpatient and discharged alive"
_DESCRIPTION = "Patients of a simulated hospital over four years; made from public facts, no person stands behind a row"


def departments(parameters: Parameters) -> tuple[str, ...]:
    """Every department, sorted."""
    named = {part.department for part in parameters.causes.values()}
    return tuple(sorted(named | {CHECKUP_DEPARTMENT, EMERGENCY_DEPARTMENT, OBSTETRICS, PAEDIATRICS}))


def drugs(parameters: Parameters) -> tuple[str, ...]:
    """Every drug, sorted."""
    return tuple(sorted({drug for part in parameters.causes.values() for drug in part.drugs}))


def _identifier(name: str, pattern: str, description: str, *, of_unit: bool = False) -> Column:
    return Column(
        name=name, kind="identifier", nullable=False, pattern=pattern, description=description, of_unit=of_unit
    )


def _category(
    name: str, categories: tuple[str, ...], *, nullable: bool = False, of_unit: bool = False, description: str = ""
) -> Column:
    return Column(
        name=name,
        kind="categorical",
        nullable=nullable,
        categories=categories,
        of_unit=of_unit,
        description=description,
    )


def _number(
    name: str,
    kind: Kind,
    low: float,
    high: float,
    step: float,
    *,
    nullable: bool = False,
    of_unit: bool = False,
    physical_unit: str | None = None,
    description: str = "",
) -> Column:
    return Column(
        name=name,
        kind=kind,
        nullable=nullable,
        low=low,
        high=high,
        step=step,
        of_unit=of_unit,
        physical_unit=physical_unit,
        description=description,
    )


def _measurement(name: str, kind: Kind, physical_unit: str, description: str) -> Column:
    low, high, step = RANGES[name]
    return _number(name, kind, low, high, step, nullable=True, physical_unit=physical_unit, description=description)


def _diagnosis(name: str, description: str, parameters: Parameters, *, nullable: bool = True) -> Column:
    return Column(
        name=name,
        kind="categorical",
        nullable=nullable,
        categories=all_codes(parameters),
        coding=ICD10,
        description=description,
    )
