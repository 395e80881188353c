"""The simulated hospital as several tables: patients, their encounters, and the diagnoses of each encounter."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from domains.medical.simulator.layout import TABLE, hospital_schema
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Column, ForeignKey, Schema, Table
from shared.errors import ConfigurationError

LAYOUTS = ("flat", "tables")
_DIAGNOSES = ("diag_1", "diag_2", "diag_3")


def tables_meant(layout: str | None) -> bool:
    """Whether several tables are asked for; ``ConfigurationError`` for a layout that there is not."""
    if layout is not None and layout not in LAYOUTS:
        raise ConfigurationError(f"layout is {layout!r}; the simulated hospital has {', '.join(LAYOUTS)}")
    return layout == "tables"


def hospital_tables_schema() -> Schema:
    """The schema; everything is declared, as in the flat one."""
    schema = hospital_schema()
    flat = schema.table(TABLE)
    patient = tuple(replace(column, of_unit=False) for column in flat.columns if column.of_unit)
    encounter = tuple(
        column
        for column in flat.columns
        if not column.of_unit and column.name not in ("patient_id", "encounter_id", *_DIAGNOSES)
    )
    to_patient = ForeignKey(column="patient_id", table="patients")
    patients = Table(
        name="patients",
        columns=(flat.column("patient_id"), *patient),
        primary_key="patient_id",
        description="One row a simulated patient",
    )
    encounters = Table(
        name=TABLE,
        columns=(flat.column("encounter_id"), flat.column("patient_id"), *encounter),
        primary_key="encounter_id",
        foreign_keys=(to_patient,),
        order_by="encounter_date",
        description=flat.description,
    )
    rank = Column(name="rank", kind="integer", nullable=False, low=1, high=len(_DIAGNOSES), description="1: the reason")
    diagnosis = replace(flat.column("diag_1"), name="diagnosis", description="Diagnosis of the encounter")
    diagnoses = Table(
        name="diagnoses",
        columns=(flat.column("encounter_id"), rank, diagnosis),
        foreign_keys=(ForeignKey(column="encounter_id", table=TABLE),),
        order_by="rank",
        description="One row a diagnosis of an encounter",
    )
    return replace(schema, name="simulated-hospital-tables", tables=(patients, encounters, diagnoses))


def hospital_tables(corpus: Corpus) -> Corpus:
    """The flat corpus as tables."""
    schema, flat = hospital_tables_schema(), corpus.tables[TABLE]
    patients = flat.drop_duplicates("patient_id")
    listed = flat.melt(id_vars="encounter_id", value_vars=list(_DIAGNOSES), var_name="rank", value_name="diagnosis")
    listed["rank"] = listed["rank"].str.removeprefix("diag_").astype("int64")
    listed = listed[listed["diagnosis"].notna()]
    order = pd.Series(range(len(flat)), index=flat["encounter_id"])
    listed = listed.assign(place=listed["encounter_id"].map(order)).sort_values(["place", "rank"])
    frames = {"patients": patients, TABLE: flat, "diagnoses": listed}
    return Corpus(schema, {table.name: _typed(frames[table.name], table) for table in schema.tables})


def _typed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    columns = {column.name: frame[column.name].astype(DTYPES[column.kind]).array for column in table.columns}
    return pd.DataFrame(columns)
