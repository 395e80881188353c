"""Schemas drafted from what the owner of a database declared."""

import pytest
from hospital_tables import run

from shared.corpus.databases.catalogue import draft_from_database
from shared.corpus.schema import ForeignKey
from shared.corpus.sources import read_source
from shared.errors import DataError

STATEMENTS = (
    "CREATE TABLE patients (id VARCHAR(10) PRIMARY KEY, sex CHAR(1) NOT NULL, born DATE)",
    "CREATE TABLE visits (no INTEGER PRIMARY KEY, patient VARCHAR(10) NOT NULL REFERENCES patients (id), "
    "seen TIMESTAMP, urgent BOOLEAN, weight DECIMAL(8,2), bmi DOUBLE PRECISION, beds BIGINT, note TEXT)",
    "INSERT INTO patients VALUES ('p1', 'f', '1950-02-28')",
    "INSERT INTO visits VALUES (1, 'p1', '2024-01-31 09:30:00', true, 70.25, 21.5, 3, 'well')",
)


def test_tables_types_and_keys_come_from_the_catalogue(database):
    run(database, *STATEMENTS)
    schema = draft_from_database(database)
    assert [table.name for table in schema.tables] == ["patients", "visits"]
    patients, visits = schema.tables
    assert {c.name: (c.kind, c.nullable) for c in patients.columns} == {
        "id": ("identifier", False), "sex": ("categorical", False), "born": ("date", True),
    }  # fmt: skip
    assert {c.name: (c.kind, c.nullable) for c in visits.columns} == {
        "no": ("identifier", False), "patient": ("identifier", False), "seen": ("datetime", True),
        "urgent": ("boolean", True), "weight": ("real", True), "bmi": ("real", True), "beds": ("integer", True),
        "note": ("categorical", True),
    }  # fmt: skip
    assert (visits.column("no").stored, visits.column("patient").stored) == ("integer", "text")
    assert (patients.primary_key, visits.primary_key) == ("id", "no")
    assert visits.foreign_keys == (ForeignKey(column="patient", table="patients"),)
    assert read_source(schema, database).tables["visits"]["weight"].tolist() == [70.25]


def test_nothing_is_learned_from_records(database):
    run(database, *STATEMENTS)
    before = draft_from_database(database)
    run(database, "DELETE FROM visits", "DELETE FROM patients")
    assert draft_from_database(database) == before
    assert not any(column.learned or column.categories for table in before.tables for column in table.columns)


def test_keys_of_several_columns_are_left_out(database):
    run(
        database,
        "CREATE TABLE a (x INTEGER, y INTEGER, PRIMARY KEY (x, y))",
        "CREATE TABLE b (x INTEGER, y INTEGER, FOREIGN KEY (x, y) REFERENCES a (x, y))",
    )
    schema = draft_from_database(database)
    assert [(table.primary_key, table.foreign_keys) for table in schema.tables] == [(None, ()), (None, ())]


def test_a_database_without_tables_is_told(postgres_url):
    with pytest.raises(DataError, match=r"there are no tables that this user can see; name a schema"):
        draft_from_database(postgres_url)
