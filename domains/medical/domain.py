"""The medical domain: flat tables of encounters, what must hold in them, and a simulated hospital."""

from __future__ import annotations

from collections.abc import Sequence

from domains.base.constraints import Constraint
from domains.base.contract import Task
from domains.base.unit_columns import settle
from domains.medical.dates import date_order_checks
from domains.medical.diabetes import diabetes_constraints, diabetes_tasks
from domains.medical.diagnoses import diagnosis_checks
from domains.medical.encounters import encounter_constraints, encounter_tasks
from domains.medical.sexes import sex_constraints
from domains.medical.simulator import hospital_schema, simulate_hospital
from domains.medical.simulator.tables import hospital_tables, hospital_tables_schema, tables_meant
from domains.medical.substances import SUBSTANCES
from shared.cleaning.conversions import Substance
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Schema
from shared.training.reporter import Reporter

_FAMILIES = (diabetes_constraints, encounter_constraints, diagnosis_checks, sex_constraints, date_order_checks)


class MedicalDomain:
    """Encounters of patients; the unit of privacy is the patient."""

    name = "medical"

    def schema(self, layout: str | None = None) -> Schema | None:
        """That of the simulated hospital: ``flat`` (encounters), or ``tables`` (patients, encounters, diagnoses)."""
        return hospital_tables_schema() if tables_meant(layout) else hospital_schema()

    def prepare(self, corpus: Corpus) -> Corpus:
        """Columns ``of_unit`` made one value a patient, the first that is known."""
        return settle(corpus)

    def constraints(self, schema: Schema) -> Sequence[Constraint]:
        """Constraints for the tables of the schema, recognised by the names of their columns."""
        return [constraint for table in schema.tables for family in _FAMILIES for constraint in family(table)]

    def tasks(self, schema: Schema) -> Sequence[Task]:
        """Tasks for the tables of the schema."""
        return [
            task for table in schema.tables for family in (diabetes_tasks, encounter_tasks) for task in family(table)
        ]

    def substances(self) -> Sequence[Substance]:
        """Laboratory values that are written in mass or in moles."""
        return SUBSTANCES

    def simulate(self, units: int, *, seed: int, reporter: Reporter, layout: str | None = None) -> Corpus:
        """Patients of a hospital over four years, from public facts."""
        several = tables_meant(layout)
        corpus = simulate_hospital(units, seed=seed, reporter=reporter)
        return hospital_tables(corpus) if several else corpus
