"""Tables of real databases, read as files are: the same types, the same checks, one state."""

from __future__ import annotations

import pandas as pd
import pytest
from hospital_tables import SCHEMA, STATEMENTS, VISITS, run

from shared.corpus.databases.urls import DatabaseUrl, is_database_url, shown_location
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.sources import open_source_corpus, read_source
from shared.errors import ConfigurationError, DataError


@pytest.fixture
def hospital(database) -> str:
    run(database, *STATEMENTS)
    return database


def test_all_tables_come_with_the_types_of_the_schema(hospital):
    corpus = read_source(SCHEMA, hospital)
    patients = pd.DataFrame(
        {
            "id": pd.Series(["p1", "p2", "p3"], dtype="str"),
            "sex": pd.Series(["f", None, "m"], dtype="str"),
            "born": pd.Series(["1950-02-28", None, "2001-12-31"], dtype="datetime64[us]"),
        }
    )
    visits = pd.DataFrame(
        {
            "patient": pd.Series(["p1", "p3", "p3"], dtype="str"),
            "seen": pd.Series(["2024-01-31 09:30", None, "1999-12-31 23:59:59.123456"], dtype="datetime64[us]"),
            "urgent": pd.Series([True, None, False], dtype="boolean"),
            "weight": pd.Series([70.25, None, 0.0], dtype="float64"),
            "beds": pd.Series([3, None, -1], dtype="Int64"),
        }
    )
    pd.testing.assert_frame_equal(corpus.tables["patients"], patients)
    pd.testing.assert_frame_equal(corpus.tables["visits"], visits)


def test_chunks_are_the_whole_and_tables_can_be_read_side_by_side(hospital):
    run(
        hospital,
        "INSERT INTO visits SELECT a.beds, a.patient, a.seen, a.urgent, a.weight FROM visits a, visits, visits c",
    )
    with open_source_corpus(SCHEMA, hospital) as source:
        chunks = source.chunks("visits", rows=7)
        first = next(chunks)
        assert len(list(source.chunks("patients", rows=2))) == 2
        rest = list(chunks)
    assert [len(chunk) for chunk in (first, *rest)] == [7, 7, 7, 7, 2]
    whole = read_source(SCHEMA, hospital).tables["visits"]
    pd.testing.assert_frame_equal(pd.concat([first, *rest], ignore_index=True), whole)


def test_one_state_of_all_tables_is_read(database):
    """Whoever writes between two tables is not seen (a DuckDB file lets nobody write meanwhile)."""
    if database.startswith("duckdb"):
        pytest.skip("a DuckDB file that is open to read cannot be written by another program")
    run(database, *STATEMENTS)
    if database.startswith("sqlite"):
        run(database, "PRAGMA journal_mode = WAL")
    with open_source_corpus(SCHEMA, database) as source:
        before = pd.concat(source.chunks("patients", rows=10))
        run(database, "INSERT INTO patients VALUES ('p9', 'f', NULL)", "DELETE FROM visits WHERE beds = 3")
        assert len(pd.concat(source.chunks("visits", rows=10))) == 3
        assert len(pd.concat(source.chunks("patients", rows=10))) == len(before) == 3
    assert len(read_source(SCHEMA, database).tables["visits"]) == 2


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TABLE visits", r"no table 'visits'; there are patients"),
        ("ALTER TABLE visits DROP COLUMN beds", r"table 'visits': the table lacks column 'beds' of the schema"),
        ("ALTER TABLE visits ADD COLUMN icd TEXT", r"the table has column 'icd' that the schema lacks"),
        ("DELETE FROM visits", r"table 'visits' has no rows; give a table with at least one record"),
        ("UPDATE visits SET weight = 900 WHERE beds = -1", r"table 'visits': row \d, column 'weight': 900.* is above"),
        ("UPDATE patients SET sex = 'x' WHERE id = 'p3'", r"row \d, column 'sex': 'x' is not among the declared"),
        ("UPDATE visits SET patient = NULL WHERE beds = 3", r"column 'patient': the value is missing.* the unit"),
    ],
)
def test_what_the_schema_does_not_allow_is_told_with_its_place(hospital, statement, message):
    run(hospital, statement)
    with pytest.raises(DataError, match=message) as caught:
        read_source(SCHEMA, hospital)
    assert str(caught.value).startswith(str(DatabaseUrl.parse(hospital)))
    assert "\n" not in str(caught.value)


def test_a_primary_key_that_stands_twice_is_refused(database):
    loose = STATEMENTS[0].replace("PRIMARY KEY", "")
    run(database, loose, *STATEMENTS[1:], "INSERT INTO patients VALUES ('p1', 'm', NULL)")
    with pytest.raises(DataError, match=r"table 'patients': row 4, column 'id': 'p1' is already in row 1"):
        read_source(SCHEMA, database)


def test_a_type_of_another_kind_is_refused(hospital):
    seen = Schema(tables=(Table(name="visits", columns=(VISITS.columns[0], Column(name="seen", kind="integer"))),))
    run(hospital, *(f"ALTER TABLE visits DROP COLUMN {name}" for name in ("beds", "urgent", "weight")))
    stored = "stored as timestamp.us., but the schema declares it|'2024-01-31 09:30:00' is not an"
    with pytest.raises(DataError, match=f"table 'visits'.* column 'seen'.* ?({stored}) integer"):
        read_source(seen, hospital)


def one(name: str, *columns: Column) -> Schema:
    return Schema(tables=(Table(name=name, columns=columns),))


def test_an_untyped_column_of_sqlite_is_read_as_text(tmp_path):
    url = f"sqlite:///{tmp_path}/loose.sqlite"
    run(url, "CREATE TABLE t (v)", "INSERT INTO t VALUES (1), ('a'), (2.5), (NULL)")
    assert read_source(one("t", Column(name="v", kind="categorical")), url).tables["t"]["v"].tolist()[:3] == [
        "1", "a", "2.5",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"row 2, column 'v': 'a' is not a number"):
        read_source(one("t", Column(name="v", kind="real")), url)


def test_types_of_postgresql_beyond_the_plain_ones(postgres_url):
    run(
        postgres_url,
        "CREATE TYPE level AS ENUM ('low', 'high')",
        "CREATE TABLE t (u UUID, e level, z TIMESTAMPTZ, j JSONB, a INTEGER[], n NUMERIC(20,0))",
        "INSERT INTO t VALUES ('6ecd8c99-4036-403d-bf84-cf8400f67836', 'high', '2024-01-01T12:00+02', '{\"a\": 1}', "
        "'{1,2}', 9007199254740993)",
    )
    kinds = {"u": "identifier", "e": "categorical", "z": "datetime", "j": "identifier", "a": "identifier"}
    columns = [Column(name=name, kind=kind) for name, kind in (kinds | {"n": "identifier"}).items()]
    frame = read_source(one("t", *columns), postgres_url).tables["t"]
    assert frame.iloc[0].tolist() == [
        "6ecd8c99-4036-403d-bf84-cf8400f67836", "high", pd.Timestamp("2024-01-01 10:00"), '{"a": 1}', "[1, 2]",
        "9007199254740993",
    ]  # fmt: skip


def test_a_schema_of_the_database_is_named_in_the_url_or_with_the_table(postgres_url):
    run(postgres_url, "CREATE SCHEMA mimic", "CREATE TABLE mimic.t (v INTEGER)", "INSERT INTO mimic.t VALUES (7)")
    column = Column(name="v", kind="integer")
    assert read_source(one("t", column), f"{postgres_url}?schema=mimic").tables["t"]["v"].tolist() == [7]
    assert read_source(one("mimic.t", column), postgres_url).tables["mimic.t"]["v"].tolist() == [7]
    with pytest.raises(DataError, match=r"no table 't'; there is none that this user can see; another database schema"):
        read_source(one("t", column), postgres_url)


def test_views_are_read_too(hospital):
    run(hospital, "CREATE VIEW women AS SELECT id FROM patients WHERE sex = 'f'")
    assert read_source(one("women", Column(name="id", kind="identifier")), hospital).tables["women"]["id"][0] == "p1"


def test_a_backend_that_dies_in_the_middle_is_told_in_one_line(postgres_server, postgres_url):
    run(postgres_url, "CREATE TABLE t AS SELECT generate_series(1, 200000) AS v")
    schema, name = one("t", Column(name="v", kind="integer")), postgres_url.rpartition("/")[2]
    kill = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
    with open_source_corpus(schema, postgres_url) as source:
        chunks = source.chunks("t", rows=1000)
        next(chunks)
        postgres_server.run(kill)
        with pytest.raises(DataError, match=r"table 't' cannot be read: the connection broke; check that") as caught:
            list(chunks)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_reached_is_told_without_the_password(postgres_server, postgres_url):
    name = postgres_url.rpartition("/")[2]
    wrong = [
        (
            postgres_server.url(name, password="opensesame"),
            r"password authentication failed.*; check user and password",
        ),
        (postgres_server.url("nowhere"), r'database "nowhere" does not exist; check'),
        (f"postgresql://u:opensesame@no-such-host.invalid/{name}", r"check host, port and database"),
        (f"postgresql://u:opensesame@127.0.0.1:1/{name}", r"refused.*; check host, port and database"),
    ]
    for url, message in wrong:
        with pytest.raises(DataError, match=message) as caught:
            read_source(SCHEMA, url)
        assert "opensesame" not in str(caught.value)
        assert postgres_server.password not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_right_that_is_missing_is_told(postgres_server, hospital):
    if not hospital.startswith("postgresql"):
        pytest.skip("files have no users")
    name = hospital.rpartition("/")[2]
    postgres_server.run("DROP ROLE IF EXISTS guest")
    postgres_server.run("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    url = postgres_server.url(name, user="guest", password="guest")
    with pytest.raises(DataError, match="permission denied for table patients; ask for the right"):
        read_source(SCHEMA, url)
    postgres_server.run("DROP ROLE guest")


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(tmp_path, dialect):
    with pytest.raises(DataError, match="no such database file"):
        read_source(SCHEMA, f"{dialect}:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_a_file_of_something_else_is_refused(tmp_path, dialect):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n" * 1000)
    with pytest.raises(DataError, match="a.csv") as caught:
        read_source(SCHEMA, f"{dialect}:///{tmp_path}/a.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "message"),
    [
        ("postgresql://u:opensesame@h/d", "psycopg", r"pip install 'simulacra\[postgresql\]'"),
        ("duckdb:///x.duckdb", "duckdb", r"pip install 'simulacra\[duckdb\]'"),
        ("mysql+pymysql://u:opensesame@h/d", "pymysql", r"install the package that brings 'pymysql'"),
        ("nonsense+driver://u:opensesame@h/d", "nonsense", r"the database 'nonsense' is not known"),
        ("postgresql://u:opensesame@h:port/d", "psycopg", r"cannot be read; write postgresql://user:password@host"),
    ],
)
def test_a_driver_that_is_missing_names_its_extra(monkeypatch, url, module, message):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_source(SCHEMA, url)
    assert "opensesame" not in str(caught.value)


def test_locations_are_told_apart_and_shown_without_secrets():
    assert [is_database_url(text) for text in ("sqlite:///a", "postgresql+psycopg://h/d", "s3://b", "a.csv")] == [
        True, True, False, False,
    ]  # fmt: skip
    shown = shown_location("postgresql://u:opensesame@h/d?schema=mimic&password=opensesame")
    assert shown == "postgresql://u:***@h/d?schema=mimic"
