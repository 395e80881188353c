"""Two tables with keys, and statements that make them in any database."""

from __future__ import annotations

import sqlite3

import duckdb
import psycopg

from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.schema import Column, ForeignKey, Schema, Table

PATIENTS = Table(
    name="patients",
    primary_key="id",
    columns=(
        Column(name="id", kind="identifier", nullable=False),
        Column(name="sex", kind="categorical", categories=("f", "m")),
        Column(name="born", kind="date", datetime_format="%d/%m/%Y"),
    ),
)
VISITS = Table(
    name="visits",
    unit="patient",
    columns=(
        Column(name="patient", kind="identifier"),
        Column(name="seen", kind="datetime"),
        Column(name="urgent", kind="boolean"),
        Column(name="weight", kind="real", low=0, high=500),
        Column(name="beds", kind="integer"),
    ),
    foreign_keys=(ForeignKey(column="patient", table="patients"),),
)
SCHEMA = Schema(tables=(PATIENTS, VISITS))
STATEMENTS = (
    "CREATE TABLE patients (id VARCHAR(10) PRIMARY KEY, sex CHAR(3), born DATE)",
    "CREATE TABLE visits (beds INTEGER, patient VARCHAR(10), seen TIMESTAMP, urgent BOOLEAN, weight DECIMAL(8,2))",
    "INSERT INTO patients VALUES ('p1', 'f', '1950-02-28'), ('p2', NULL, NULL), ('p3', 'm', '2001-12-31')",
    "INSERT INTO visits VALUES (3, 'p1', '2024-01-31 09:30:00', true, 70.25), (NULL, 'p3', NULL, NULL, NULL), "
    "(-1, 'p3', '1999-12-31 23:59:59.123456', false, 0)",
)


def run(url: str, *statements: str) -> None:
    place = DatabaseUrl.parse(url)
    if place.dialect == "sqlite":
        with sqlite3.connect(place.file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
    elif place.dialect == "duckdb":
        with duckdb.connect(str(place.file)) as connection:
            for statement in statements:
                connection.execute(statement)
    else:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
