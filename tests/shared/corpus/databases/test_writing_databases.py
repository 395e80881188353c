"""A corpus into real databases: read back equal, keys that hold, whole or not at all."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from any_frames import frames, schema_of
from hospital_tables import PATIENTS, SCHEMA, VISITS, run
from hypothesis import given, settings

from shared.corpus.corpus import Corpus
from shared.corpus.databases.urls import DatabaseUrl
from shared.corpus.schema import Column, ForeignKey, Format, Schema, Table
from shared.corpus.sources import read_source
from shared.corpus.targets import open_target_corpus, write_target
from shared.errors import ConfigurationError, DataError, OutputError

HOSPITAL = {
    "patients": pd.DataFrame(
        {
            "id": pd.Series(["p1", "p2", "p3"], dtype="str"),
            "sex": pd.Series(["f", None, "m"], dtype="str"),
            "born": pd.Series(["1950-02-28", None, "0001-01-01"], dtype="datetime64[us]"),
        }
    ),
    "visits": pd.DataFrame(
        {
            "patient": pd.Series(["p1", "p3", "p3"], dtype="str"),
            "seen": pd.Series(["2024-01-31 09:30", None, "1999-12-31 23:59:59.123456"], dtype="datetime64[us]"),
            "urgent": pd.Series([True, None, False], dtype="boolean"),
            "weight": pd.Series([70.25, None, 0.1], dtype="float64"),
            "beds": pd.Series([3, None, -1], dtype="Int64"),
        }
    ),
}


def assert_equal(url: str, tables: dict[str, pd.DataFrame], schema: Schema = SCHEMA) -> None:
    found = read_source(schema, url).tables
    for name, frame in tables.items():
        pd.testing.assert_frame_equal(found[name], frame)


def assert_nothing(url: str, tmp_path: Path) -> None:
    place = DatabaseUrl.parse(url)
    if place.file is not None:
        assert list(tmp_path.iterdir()) == []
    else:
        with pytest.raises(DataError, match="there is none that this user can see"):
            read_source(SCHEMA, url)


def test_a_corpus_is_read_back_as_it_was(database):
    write_target(Corpus(SCHEMA, HOSPITAL), database)
    assert_equal(database, HOSPITAL)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_identifiers_stored_as_integers_are_numbers_in_the_database(database, kind):
    columns = (Column(name="id", kind="identifier", stored="integer"), Column(name="note", kind="categorical"))
    schema = Schema(tables=(Table(name="t", columns=columns, primary_key="id", format=Format(kind=kind)),))
    frame = pd.DataFrame({"id": pd.Series(["7", "-3"], dtype="str"), "note": pd.Series(["a", None], dtype="str")})
    write_target(Corpus(schema, {"t": frame}), database)
    assert_equal(database, {"t": frame}, schema)


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_every_kind_with_missing_values_is_read_back(dialect):
    @given(frame=frames())
    @settings(max_examples=25, deadline=None)
    def holds(frame: pd.DataFrame) -> None:
        with tempfile.TemporaryDirectory() as folder:
            schema, url = schema_of(frame, Format()), f"{dialect}:///{folder}/t.db"
            write_target(Corpus(schema, {"t": frame}), url)
            assert_equal(url, {"t": frame}, schema)

    holds()


def test_every_kind_with_missing_values_is_read_back_from_postgresql(postgres_url):
    @given(frame=frames())
    @settings(max_examples=25, deadline=None)
    def holds(frame: pd.DataFrame) -> None:
        schema = schema_of(frame, Format())
        write_target(Corpus(schema, {"t": frame}), postgres_url, replace=True)
        assert_equal(postgres_url, {"t": frame}, schema)

    holds()


def test_chunks_of_tables_may_come_in_any_order(database):
    with open_target_corpus(SCHEMA, database) as writer:
        writer.write("visits", HOSPITAL["visits"].iloc[:1])
        writer.write("patients", HOSPITAL["patients"])
        writer.write("visits", HOSPITAL["visits"].iloc[1:])
    assert_equal(database, HOSPITAL)


def test_the_database_holds_the_keys_that_the_schema_declares(database):
    write_target(Corpus(SCHEMA, HOSPITAL), database)
    wrong = [
        "INSERT INTO visits (patient) VALUES ('nobody')",
        "INSERT INTO visits (patient) VALUES (NULL)",
        "INSERT INTO patients (id) VALUES ('p1')",
    ]
    for statement in wrong:
        with pytest.raises(Exception, match=r"(?i)constraint"):
            run(database, *(["PRAGMA foreign_keys = ON"] if database.startswith("sqlite") else []), statement)


def test_tables_that_exist_are_refused_unless_they_are_to_be_replaced(database):
    write_target(Corpus(SCHEMA, HOSPITAL), database)
    less = {**HOSPITAL, "visits": HOSPITAL["visits"].iloc[:2]}
    with pytest.raises(OutputError, match=r"tables 'patients', 'visits' exist already; remove them"):
        write_target(Corpus(SCHEMA, less), database)
    assert_equal(database, HOSPITAL)
    write_target(Corpus(SCHEMA, less), database, replace=True)
    assert_equal(database, less)


def test_what_is_to_be_replaced_stays_if_the_new_corpus_fails(database):
    write_target(Corpus(SCHEMA, HOSPITAL), database)
    broken = {**HOSPITAL, "patients": HOSPITAL["patients"].iloc[:1]}
    with pytest.raises(OutputError):
        write_target(Corpus(SCHEMA, broken), database, replace=True)
    assert_equal(database, HOSPITAL)


@pytest.mark.parametrize(
    ("table", "frame", "message"),
    [
        ("patients", HOSPITAL["patients"].iloc[:1], r"(?i)(foreign key|points to a key).*nothing was written|nothing"),
        ("patients", pd.concat([HOSPITAL["patients"]] * 2), r"(?i)(unique|duplicate)"),
        ("visits", HOSPITAL["visits"].assign(patient=[None, "p1", "p1"]), r"(?i)null"),
    ],
)
def test_keys_that_do_not_hold_leave_nothing(database, tmp_path, table, frame, message):
    frame = frame.astype(HOSPITAL[table].dtypes)
    with pytest.raises(OutputError, match=message) as caught:
        write_target(Corpus(SCHEMA, {**HOSPITAL, table: frame}), database)
    assert "\n" not in str(caught.value)
    assert_nothing(database, tmp_path)
    write_target(Corpus(SCHEMA, HOSPITAL), database)
    assert_equal(database, HOSPITAL)


def test_an_error_in_the_middle_leaves_nothing(database, tmp_path):
    def interrupted() -> None:
        with open_target_corpus(SCHEMA, database) as writer:
            writer.write("patients", HOSPITAL["patients"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert_nothing(database, tmp_path)


def kill(server, name: str) -> None:
    server.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )


@pytest.mark.parametrize("after", ["patients", "visits"])
def test_a_connection_that_breaks_in_the_middle_leaves_nothing_and_loses_nothing(
    postgres_server, postgres_url, tmp_path, after
):
    """The backend is killed while the corpus goes in; the same call, repeated, puts all of it there."""
    name = postgres_url.rpartition("/")[2]
    corpus = Corpus(SCHEMA, HOSPITAL)
    writer = open_target_corpus(SCHEMA, postgres_url)

    def broken() -> None:
        with writer as target:
            for table in SCHEMA.tables:
                target.write(table.name, corpus.tables[table.name])
                if table.name == after:
                    kill(postgres_server, name)

    with pytest.raises(OutputError, match=r"nothing was written: the connection broke; .*start again") as caught:
        broken()
    assert "\n" not in str(caught.value)
    assert postgres_server.password not in str(caught.value)
    assert_nothing(postgres_url, tmp_path)
    write_target(corpus, postgres_url)
    assert_equal(postgres_url, HOSPITAL)


def test_nobody_sees_a_corpus_before_it_is_whole(postgres_url, tmp_path):
    with open_target_corpus(SCHEMA, postgres_url) as writer:
        for table in SCHEMA.tables:
            writer.write(table.name, HOSPITAL[table.name])
            assert_nothing(postgres_url, tmp_path)
    assert_equal(postgres_url, HOSPITAL)


def test_a_schema_of_the_database_is_named_in_the_url_or_with_the_table(postgres_url):
    run(postgres_url, "CREATE SCHEMA ward")
    write_target(Corpus(SCHEMA, HOSPITAL), f"{postgres_url}?schema=ward")
    assert_equal(f"{postgres_url}?schema=ward", HOSPITAL)
    named = Schema(
        tables=(
            replace(PATIENTS, name="ward.people"),
            replace(VISITS, foreign_keys=(ForeignKey(column="patient", table="ward.people"),)),
        )
    )
    tables = {"ward.people": HOSPITAL["patients"], "visits": HOSPITAL["visits"]}
    write_target(Corpus(named, tables), postgres_url)
    assert_equal(postgres_url, tables, named)
    with pytest.raises(OutputError, match=r'schema "none" does not exist'):
        write_target(Corpus(SCHEMA, HOSPITAL), f"{postgres_url}?schema=none")


def test_a_table_that_points_to_itself(database):
    columns = (Column(name="id", kind="identifier"), Column(name="mother", kind="identifier"))
    keys = (ForeignKey(column="mother", table="t"),)
    schema = Schema(tables=(Table(name="t", columns=columns, primary_key="id", foreign_keys=keys),))
    frame = pd.DataFrame({"id": ["b", "a"], "mother": ["a", None]}).astype("str")
    if database.startswith("duckdb"):
        with pytest.raises(OutputError, match="the foreign keys of t run in a circle"):
            write_target(Corpus(schema, {"t": frame}), database)
    else:
        write_target(Corpus(schema, {"t": frame}), database)
        assert_equal(database, {"t": frame}, schema)


def test_names_that_need_quotes(database):
    column = Column(name='the "select", 1', kind="integer")
    schema = Schema(tables=(Table(name="Order by", columns=(column,)),))
    frame = pd.DataFrame({column.name: pd.Series([1, None], dtype="Int64")})
    write_target(Corpus(schema, {"Order by": frame}), database)
    assert_equal(database, {"Order by": frame}, schema)


def test_keys_that_run_in_a_circle(database):
    def table(name: str, other: str) -> Table:
        columns = (Column(name="id", kind="identifier"), Column(name="o", kind="identifier"))
        keys = (ForeignKey(column="o", table=other),)
        return Table(name=name, columns=columns, primary_key="id", foreign_keys=keys)

    schema = Schema(tables=(table("a", "b"), table("b", "a")))
    frame = pd.DataFrame({"id": ["1"], "o": ["1"]}).astype("str")
    corpus = Corpus(schema, {"a": frame, "b": frame})
    if database.startswith("duckdb"):
        with pytest.raises(OutputError, match="the foreign keys of a, b run in a circle"):
            write_target(corpus, database)
    else:
        write_target(corpus, database)
        assert_equal(database, corpus.tables, schema)


def test_text_that_postgresql_does_not_hold_is_told(postgres_url):
    schema = Schema(tables=(Table(name="t", columns=(Column(name="v", kind="categorical"),)),))
    with pytest.raises(OutputError, match="table 't' cannot be written; nothing was written.*0x00"):
        write_target(Corpus(schema, {"t": pd.DataFrame({"v": pd.Series(["a\x00b"], dtype="str")})}), postgres_url)


def test_a_date_that_sqlite_does_not_hold_is_told(tmp_path):
    schema = Schema(tables=(Table(name="t", columns=(Column(name="v", kind="date"),)),))
    frame = pd.DataFrame({"v": pd.Series(np.array(["11000-01-01"], dtype="datetime64[us]"))})
    with pytest.raises(OutputError, match="table 't' cannot be written: a date lies outside the years 1 to 9999"):
        write_target(Corpus(schema, {"t": frame}), f"sqlite:///{tmp_path}/t.db")
    assert list(tmp_path.iterdir()) == []


def test_databases_without_transactions_for_tables_are_refused():
    with pytest.raises(ConfigurationError, match="write to postgresql, sqlite or duckdb") as caught:
        write_target(Corpus(SCHEMA, HOSPITAL), "mysql://u:opensesame@h/d")
    assert "opensesame" not in str(caught.value)


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_a_folder_that_is_not_there_is_told(tmp_path, dialect):
    with pytest.raises(OutputError, match="there is no folder"):
        write_target(Corpus(SCHEMA, HOSPITAL), f"{dialect}:///{tmp_path}/none/t.db")


def test_other_tables_of_the_database_stay(database):
    run(database, "CREATE TABLE others (v INTEGER)", "INSERT INTO others VALUES (1)")
    write_target(Corpus(SCHEMA, HOSPITAL), database, replace=True)
    schema = Schema(tables=(Table(name="others", columns=(Column(name="v", kind="integer"),)),))
    assert read_source(schema, database).tables["others"]["v"].tolist() == [1]
