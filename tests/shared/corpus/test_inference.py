"""Drafts of schemas: what is recognised, what is marked as learned, and that the draft reads its files."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.corpus import Corpus
from shared.corpus.inference import infer_schema
from shared.corpus.kinds import pattern_of
from shared.corpus.reading import read_corpus, read_table
from shared.corpus.schema import Column, ForeignKey, Format
from shared.corpus.schema_file import parse_schema, schema_to_yaml
from shared.corpus.writing import write_corpus
from shared.errors import DataError


def draft(tmp_path, content, name="t.csv"):
    """The one table drafted from a file, which it must be able to read."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    schema = infer_schema([path])
    (table,) = schema.tables
    read_table(table, [path])
    assert parse_schema(schema_to_yaml(schema)) == schema
    return table


def drafted(tmp_path, values, name="v"):
    """The column drafted from values, beside a column that keeps empty lines from being skipped."""
    return draft(tmp_path, f"{name},other\n" + "".join(f"{value},x\n" for value in values)).column(name)


@pytest.mark.parametrize(
    ("values", "column"),
    [
        (["3", "-1", "20"], {"kind": "integer", "low": -1, "high": 20, "learned": ("kind", "nullable", "low", "high")}),
        (["0.5", "12.25", "3"], {"kind": "real", "low": 0.5, "high": 12.25, "step": 0.01}),
        (["1e-9", "3"], {"kind": "real", "step": None}),
        (["true", "false", "true"], {"kind": "boolean"}),
        (["Yes", "No", "Yes"], {"kind": "categorical", "categories": ("No", "Yes")}),
        (
            ["2024-01-31", "2023-12-01"],
            {"kind": "date", "low": "2023-12-01", "high": "2024-01-31", "datetime_format": None},
        ),
        (["31.01.2024", "01.12.2023"], {"kind": "date", "low": "2023-12-01", "datetime_format": "%d.%m.%Y"}),
        (["12/31/2023", "01/02/2024"], {"kind": "date", "datetime_format": "%m/%d/%Y"}),
        (["2024-01-31T10:00:00", "2024-01-31T11:30:00"], {"kind": "datetime", "high": "2024-01-31T11:30:00"}),
        (["2024-01-31 10:00", "2024-02-28 11:30"], {"kind": "datetime", "datetime_format": "%Y-%m-%d %H:%M"}),
        (["2024-01-31T10:00:00Z"], {"kind": "datetime", "datetime_format": "%Y-%m-%dT%H:%M:%SZ"}),
        (["2024-01-31 00:00:00"], {"kind": "date", "datetime_format": "%Y-%m-%d %H:%M:%S"}),
        (["2024-02-30", "2024-01-01"], {"kind": "categorical"}),
        (["007", "010"], {"kind": "categorical", "categories": ("007", "010")}),
        (["1", "x", "1"], {"kind": "categorical", "categories": ("1", "x")}),
        (["None", "high", "None"], {"kind": "categorical", "categories": ("None", "high"), "nullable": False}),
        (["", "", ""], {"kind": "categorical", "categories": None, "nullable": True}),
    ],
)
def test_kinds_are_recognised(tmp_path, values, column):
    found = drafted(tmp_path, values)
    assert {key: getattr(found, key) for key in column} == column


@pytest.mark.parametrize(
    ("values", "missing", "kind"),
    [
        (["1", "NA", "2"], ("NA", ""), "integer"),
        (["1.5", "NULL", ""], ("NULL", ""), "real"),
        (["2024-01-31", "null"], ("null", ""), "date"),
        (["1", "?", "?"], None, "integer"),
    ],
)
def test_spellings_of_missing_values_are_found_where_they_would_break_a_number(tmp_path, values, missing, kind):
    found = drafted(tmp_path, values)
    assert found.kind == kind
    assert found.nullable
    assert "nullable" not in found.learned
    assert found.missing is None or set(found.missing) == set(missing)


def test_question_marks_and_empty_values_are_missing_in_the_order_of_their_frequency(tmp_path):
    assert draft(tmp_path, "a,b\n?,x\n?,y\n,y\nz,x\n").missing == ("?", "")
    assert draft(tmp_path, "a,b\n1,x\n2,y\n").missing == ("",)
    assert draft(tmp_path, "a,b\n1,x\n?,y\n").missing == ("?",)


def test_identifiers_are_recognised_by_name_or_by_being_all_different(tmp_path):
    rows = "".join(f"{index + 1000},P-{index:04},{index % 7}.5,{index % 3}\n" for index in range(60))
    table = draft(tmp_path, "visit_id,code,x,type_id\n" + rows)
    assert table.primary_key == "visit_id"
    assert [column.kind for column in table.columns] == ["identifier", "identifier", "real", "categorical"]
    assert table.column("code").pattern == "P-9999"
    assert table.column("visit_id").pattern == "9999"
    assert set(table.column("visit_id").learned) == {"kind", "pattern", "nullable"}
    assert table.column("type_id").categories == ("0", "1", "2")


def test_numbers_that_all_differ_are_no_identifiers_without_the_name(tmp_path):
    assert drafted(tmp_path, range(100), name="income").kind == "integer"


def test_many_categories_are_not_listed(tmp_path):
    words = [f"word {index % 1001}" for index in range(3000)]
    found = drafted(tmp_path, words)
    assert found.kind == "categorical"
    assert found.categories is None
    assert "categories" not in found.learned


@given(st.lists(st.from_regex(r"[A-Z]{2}-[0-9a-z]{3}", fullmatch=True), min_size=1, max_size=20, unique=True))
@settings(deadline=None)
def test_patterns_fit_the_words_they_were_taken_from(words):
    pattern = pattern_of(words)
    assert len(pattern.replace("\\", "")) == 6
    assert pattern_of(["A-1", "9-B"]) == "X-X"
    assert pattern_of(["A9", "A8"]) == "\\A9"
    assert pattern_of(["a", "bb"]) is None


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ("a,b\n1,x\n2,y\n", Format()),
        ("a;b\n1,5;x\n2,5;y\n", Format(delimiter=";")),
        ("a\tb\n1\tx\n", Format(delimiter="\t")),
        ("a|b\n1|x\n", Format(delimiter="|")),
        ("1,x\n2,y\n3,x\n", Format(header=False)),
        ("red,x\nblue,x\nred,y\nred,x\n", Format(header=False)),
        ("1, x\n2, y\n", Format(header=False, strip=True)),
        ("a, b\n1, x\n2, y\n", Format(strip=True)),
        ("a,b\n1,café\n".encode("latin-1"), Format(encoding="cp1252")),
        ("a,b\n1,café\n".encode("utf-16"), Format(encoding="utf-16")),
        ("a,b\n1,x\n".encode("utf-8-sig"), Format()),
        (gzip.compress(b"a,b\n1,x\n", mtime=0), Format(compression="gz")),
        ('a,b\n1,"x;y;z\nx;y;z"\n2,"p,q"\n', Format()),
        ('{"a": 1, "b": "x"}\n', Format(kind="jsonl")),
    ],
)
def test_the_format_is_recognised(tmp_path, content, format):
    table = draft(tmp_path, content, name="t.data")
    assert table.format == format
    assert table.names == (("a", "b") if format.header else ("column_1", "column_2"))


def test_a_file_of_one_column(tmp_path):
    assert draft(tmp_path, "name\nx\ny\n").names == ("name",)
    assert draft(tmp_path, "1\n2\n").columns[0].kind == "integer"


def test_typed_files_keep_their_types(tmp_path):
    frame = pa.table(
        {
            "patient_id": pa.array(range(100, 160), pa.int32()),
            "n": pa.array([1, 2, None] * 20),
            "x": pa.array([1.5, float("nan"), 2.0] * 20),
            "flag": [True, False, None] * 20,
            "word": pa.array(["a", "b", "12"] * 20).dictionary_encode(),
            "number": pa.array(["1", "2", "3"] * 20),
            "at": pa.array([0, 1, 2] * 20, pa.timestamp("ns")),
        }
    )
    pq.write_table(frame, tmp_path / "t.parquet")
    schema = infer_schema([tmp_path / "t.parquet"])
    table = schema.tables[0]
    kinds = ["identifier", "integer", "real", "boolean", "categorical", "categorical", "datetime"]
    assert [column.kind for column in table.columns] == kinds
    assert table.columns[0].stored == "integer"
    assert "kind" not in table.column("n").learned
    assert table.column("x").nullable
    corpus = read_corpus(schema, tmp_path)
    (tmp_path / "again").mkdir()
    write_corpus(corpus, tmp_path / "again")
    stored = pq.read_schema(tmp_path / "again" / "t.parquet")
    assert [str(field.type) for field in stored][:6] == ["int64", "int64", "double", "bool", "string", "string"]


def test_json_lines_have_the_columns_of_all_lines(tmp_path):
    lines = [{"a": 1, "d": "2024-01-31"}, {"a": None, "b": "x", "m": 1}, {"c": 1.5, "m": "x"}]
    table = draft(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), name="t.jsonl")
    assert {column.name: column.kind for column in table.columns} == {
        "a": "integer",
        "d": "date",
        "b": "categorical",
        "m": "categorical",
        "c": "real",
    }


def test_files_of_the_same_columns_are_one_table(tmp_path):
    for part in (1, 2):
        (tmp_path / f"visits-{part}.csv").write_text(f"n,c\n{part},x\n{part + 5},y\n")
    schema = infer_schema(sorted(tmp_path.iterdir()))
    (table,) = schema.tables
    assert table.name == schema.name == "visits"
    assert (table.column("n").low, table.column("n").high) == (1, 7)
    assert infer_schema(sorted(tmp_path.iterdir()), name="own").tables[0].name == "own"


def test_files_of_different_columns_are_tables_with_guessed_keys(tmp_path):
    patients = "".join(f"P{index:03},{index % 50}\n" for index in range(60))
    visits = "".join(f"{index},P{index % 60:03},{index % 9}\n" for index in range(200))
    (tmp_path / "patients.csv").write_text("patient_id,age\n" + patients)
    (tmp_path / "visits.csv").write_text("visit_id,patient_id,n\n" + visits)
    schema = infer_schema([tmp_path / "patients.csv", tmp_path / "visits.csv"], name="hospital")
    assert schema.name == "hospital"
    assert [table.name for table in schema.tables] == ["patients", "visits"]
    assert [table.primary_key for table in schema.tables] == ["patient_id", "visit_id"]
    assert schema.table("visits").foreign_keys == (ForeignKey(column="patient_id", table="patients"),)
    assert schema.table("visits").column("patient_id").pattern == "P999"
    read_corpus(schema, tmp_path)
    (tmp_path / "visits.csv").write_text("visit_id,patient_id,n\n" + visits + "200,X999,1\n")
    schema = infer_schema([tmp_path / "patients.csv", tmp_path / "visits.csv"])
    assert schema.table("visits").foreign_keys == ()


def test_the_unit_is_never_guessed(tmp_path):
    rows = "".join(f"{index % 70},{index}\n" for index in range(200))
    assert draft(tmp_path, "patient_id,n\n" + rows).unit is None


def test_all_that_was_taken_from_records_is_marked(tmp_path):
    table = draft(tmp_path, "n,c,d\n1,x,31.01.2024\n2.5,y,01.02.2024\n")
    assert table.column("n") == Column(
        name="n",
        kind="real",
        nullable=False,
        low=1,
        high=2.5,
        step=0.1,
        learned=("kind", "step", "nullable", "low", "high"),
    )
    assert table.column("c").learned == ("kind", "categories", "nullable")
    assert table.column("d").learned == ("kind", "datetime_format", "nullable", "low", "high")


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "t.csv", "the file is empty; give a file with at least one record"),
        ("a,b\n", "t.csv", "the file has no rows; give a file with at least one record"),
        ("a,,c\n1,2,3\n", "t.csv", "column 2 has no name in the header; name it, or remove it"),
        ("a,b\n1,2\n3\n4,5\n6,7\n8,9\n", "t.csv", r"row 2 \(line 3\) has 1 fields"),
        ("{", "t.jsonl", "line 1: this is no JSON"),
        ("PAR1", "t.parquet", "this is no readable Parquet file"),
    ],
)
def test_files_that_cannot_be_drafted_from(tmp_path, content, name, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        infer_schema([tmp_path / name])
    assert "\n" not in str(caught.value)


def test_no_file_and_two_tables_of_one_name(tmp_path):
    with pytest.raises(DataError, match="no file is given"):
        infer_schema([])
    with pytest.raises(DataError, match="no such file"):
        infer_schema([tmp_path / "nowhere.csv"])
    for folder, header in (("a", "x,y"), ("b", "p,q")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_text(f"{header}\n1,2\n")
    with pytest.raises(DataError, match="another file of other columns is named 't' too; rename one"):
        infer_schema([tmp_path / "a" / "t.csv", tmp_path / "b" / "t.csv"])


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_draft_of_what_was_written_reads_it_back(tmp_path_factory, seed):
    """Whatever a draft makes of a file: reading with it and writing again gives the same values."""
    random = np.random.default_rng(seed)
    tmp_path = tmp_path_factory.mktemp("draft")
    rows = 30
    frame = pd.DataFrame(
        {
            "n": random.integers(-50, 50, rows).astype(str),
            "x": np.char.mod("%.2f", random.normal(size=rows)),
            "w": random.choice(["a", "b c", "d,e", 'f"g', "None", ""], rows),
            "d": (np.datetime64("2020-01-01") + random.integers(0, 900, rows)).astype(str),
            "k": [f"K{number}" for number in random.permutation(10_000)[:rows] + 10_000],
        }
    )
    (tmp_path / "in").mkdir()
    frame.to_csv(tmp_path / "in" / "t.csv", index=False, sep=random.choice([",", ";", "\t"]))
    schema = infer_schema([tmp_path / "in" / "t.csv"])
    assert [column.kind for column in schema.tables[0].columns] == [
        "integer",
        "real",
        "categorical",
        "date",
        "identifier",
    ]
    corpus = read_corpus(schema, tmp_path / "in")
    (tmp_path / "out").mkdir()
    write_corpus(Corpus(schema, corpus.tables), tmp_path / "out")
    again = read_corpus(schema, tmp_path / "out").tables["t"]
    pd.testing.assert_frame_equal(again, corpus.tables["t"])
    assert again["w"].fillna("").tolist() == frame["w"].tolist()
    assert again["x"].tolist() == frame["x"].astype(float).tolist()


@pytest.mark.realdata
def test_real_tables_are_drafted(real_data):
    table = infer_schema([real_data / "tabular/adult/adult-train.csv.gz"]).tables[0]
    assert (table.format, table.missing) == (Format(header=False, strip=True, compression="gz"), ("?",))
    assert sum(column.kind == "integer" for column in table.columns) == 6
    diabetes = infer_schema([real_data / "medical/diabetes130/diabetic_data.csv.gz"]).tables[0]
    assert diabetes.primary_key == "encounter_id"
    assert diabetes.column("patient_nbr").kind == "identifier"
    assert "None" in diabetes.column("A1Cresult").categories
