"""Each way in which records can be wrong gets one line that says where, what, what is allowed and what to do."""

import gzip
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from shared.corpus.reading import iterate_table, read_corpus, read_table
from shared.corpus.schema import Column, Format, Schema, Table
from shared.errors import DataError

COLUMNS = (
    Column(name="id", kind="identifier"),
    Column(name="age", kind="integer", low=0, high=120),
    Column(name="sex", kind="categorical", categories=("F", "M"), nullable=False),
)
PATIENTS = Table(name="patients", columns=COLUMNS, primary_key="id")
GOOD = "id,age,sex\n1,30,F\n2,,M\n"


def refused(table, path, content):
    """The message with which a file of that content is refused."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read_table(table, [path])
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    with pytest.raises(DataError):
        list(iterate_table(table, [path]))
    return message.removeprefix(f"{path}: ")


def one(kind, **extra):
    return Table(name="t", columns=(Column(name="v", kind=kind, **extra),))


def test_the_good_file_is_not_refused(tmp_path):
    (tmp_path / "p.csv").write_text(GOOD)
    assert len(read_table(PATIENTS, [tmp_path / "p.csv"])) == 2


def test_missing_file_folder_and_pattern(tmp_path):
    schema = Schema(tables=(PATIENTS,))
    with pytest.raises(DataError, match=r"nowhere.csv: no such file or folder; check the path"):
        read_corpus(schema, tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match=r"nowhere.csv: no such file; check the path"):
        read_table(PATIENTS, [tmp_path / "nowhere.csv"])
    with pytest.raises(DataError, match=r"\*.csv: no file matches this pattern; check the path"):
        read_corpus(schema, str(tmp_path / "*.csv"))
    with pytest.raises(DataError, match="this is a folder, but a file is needed"):
        read_table(PATIENTS, [tmp_path])


def test_folder_without_the_file_of_a_table_or_with_two(tmp_path):
    schema = Schema(tables=(PATIENTS,))
    (tmp_path / "other.csv").touch()
    with pytest.raises(
        DataError, match=r"no file for table 'patients'; expected patients.csv \(or .*\), found other.csv"
    ):
        read_corpus(schema, tmp_path)
    (tmp_path / "patients.csv").write_text(GOOD)
    (tmp_path / "patients.csv.gz").write_bytes(gzip.compress(GOOD.encode()))
    with pytest.raises(DataError, match=r"more than one file: patients.csv, patients.csv.gz; leave one of them"):
        read_corpus(schema, tmp_path)
    (tmp_path / "patients.csv.gz").unlink()
    (tmp_path / "patients").mkdir()
    with pytest.raises(DataError, match="this folder holds no part file"):
        read_corpus(schema, tmp_path)
    (tmp_path / "patients" / "1.csv").write_text(GOOD)
    with pytest.raises(DataError, match="both a file and a folder; leave one of them"):
        read_corpus(schema, tmp_path)


def test_one_file_for_a_schema_of_several_tables(tmp_path):
    (tmp_path / "p.csv").write_text(GOOD)
    schema = Schema(tables=(PATIENTS, Table(name="visits", columns=COLUMNS)))
    with pytest.raises(DataError, match=r"the schema has 2 \(patients, visits\); give the folder that holds a file"):
        read_corpus(schema, tmp_path / "p.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_file_without_permission(tmp_path):
    (tmp_path / "p.csv").write_text(GOOD)
    (tmp_path / "p.csv").chmod(0)
    with pytest.raises(DataError, match="no permission to read this file"):
        read_table(PATIENTS, [tmp_path / "p.csv"])


def test_wrong_delimiter_names_the_one_that_fits(tmp_path):
    message = refused(PATIENTS, tmp_path / "p.csv", GOOD.replace(",", ";"))
    assert "with delimiter ',' the first line is one column, but table 'patients' has 3" in message
    assert "delimiter ';' fits: set it under 'format' in the schema" in message
    message = refused(PATIENTS, tmp_path / "p.csv", GOOD.replace(",", "\t"))
    assert r"delimiter '\t' fits" in message
    headless = Table(name="t", columns=COLUMNS, format=Format(header=False))
    assert "delimiter '|' fits" in refused(headless, tmp_path / "p.csv", "1|30|F\n")
    message = refused(PATIENTS, tmp_path / "p.csv", "nothing of the kind\n1\n")
    assert "delimiter ',' does not occur in the first line, but table 'patients' has 3 columns" in message


def test_columns_that_lack_or_are_too_many(tmp_path):
    message = refused(PATIENTS, tmp_path / "p.csv", "id,sex,weight,height\n1,F,70,180\n")
    assert (
        "the file lacks column 'age' of the schema and has columns 'weight', 'height' that the schema lacks" in message
    )
    assert "bring the file and the 'columns' of the schema into line" in message
    assert "column 'id' stands twice" in refused(PATIENTS, tmp_path / "p.csv", "id,age,id\n1,2,3\n")
    headless = Table(name="t", columns=COLUMNS, format=Format(header=False))
    assert "the first row has 2 fields, but table 't' declares 3" in refused(headless, tmp_path / "p.csv", "1,2\n")
    pq.write_table(pa.table({"id": ["1"]}), tmp_path / "p.parquet")
    message = refused(PATIENTS, tmp_path / "p.parquet", (tmp_path / "p.parquet").read_bytes())
    assert "lacks columns 'age', 'sex' of the schema" in message
    message = refused(PATIENTS, tmp_path / "p.jsonl", '{"id": "1", "age": 3, "sex": "F", "x": 1}\n')
    assert "line 1: the schema lacks 'x' (table 'patients')" in message
    assert "lacks column 'age' of the schema" in refused(PATIENTS, tmp_path / "p.jsonl", '{"id": "1", "sex": "F"}\n')


def test_long_lists_of_columns_are_cut(tmp_path):
    many = ",".join(f"c{index}" for index in range(500))
    message = refused(PATIENTS, tmp_path / "p.csv", f"id,age,sex,{many}\n")
    assert len(message) < 400
    assert "(500 in all)" in message


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_text_in_an_integer_column(tmp_path, ending):
    path = tmp_path / f"p.{ending}"
    content = "id,age,sex\n1,30,F\n2,old,M\n"
    if ending == "jsonl":
        content = '{"id": 1, "age": 30, "sex": "F"}\n{"id": 2, "age": "old", "sex": "M"}\n'
    message = refused(PATIENTS, path, content)
    assert message == (
        "row 2, column 'age': 'old' is not an integer, such as 42; "
        "correct the value, list it under 'missing', or declare another kind than integer"
    )


@pytest.mark.parametrize("value", ["1_000", "1,5", "0x1F", "12.5", "1e3", " 5", "٣", "--1", "+", ""])
def test_what_only_looks_like_an_integer(tmp_path, value):
    table = Table(name="t", columns=(Column(name="v", kind="integer", missing=("?",)),))
    assert "row 1, column 'v'" in refused(table, tmp_path / "t.csv", f'v\n"{value}"\n')


def test_integers_beyond_64_bits(tmp_path):
    message = refused(one("integer"), tmp_path / "t.csv", "v\n9223372036854775807\n9223372036854775808\n")
    assert message == (
        "row 2, column 'v': '9223372036854775808' does not fit into 64 bits; "
        "declare the column an identifier or a category"
    )
    pq.write_table(pa.table({"v": pa.array([2**63], pa.uint64())}), tmp_path / "t.parquet")
    assert "does not fit into 64 bits" in refused(
        one("integer"), tmp_path / "t.parquet", (tmp_path / "t.parquet").read_bytes()
    )


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-Infinity", "INF", "+inf"])
@pytest.mark.parametrize("kind", ["integer", "real"])
def test_nan_and_infinities_in_text(tmp_path, kind, value):
    message = refused(one(kind), tmp_path / "t.csv", f"v\n1\n{value}\n")
    assert message == (
        f"row 2, column 'v': '{value}' is not a finite number; "
        "correct the value, or list it under 'missing' in the schema"
    )


def test_nan_may_be_declared_missing(tmp_path):
    (tmp_path / "t.csv").write_text("v\n1\nnan\n")
    assert read_table(one("real", missing=("nan",)), [tmp_path / "t.csv"])["v"].isna().tolist() == [False, True]


def test_infinities_in_typed_files(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": [1.0, float("inf")]}), path)
    assert "row 2, column 'v': inf is not a finite number" in refused(one("real"), path, path.read_bytes())
    assert "row 2, column 'v': inf is not an integer" in refused(one("integer"), path, path.read_bytes())
    message = refused(one("real"), tmp_path / "t.jsonl", '{"v": 1}\n{"v": NaN}\n')
    assert message == "line 2: NaN is not a finite number; write null for no value"
    assert "-Infinity is not a finite" in refused(one("real"), tmp_path / "t.jsonl", '{"v": -Infinity}\n')
    assert "is not a finite number" in refused(one("real"), tmp_path / "t.jsonl", '{"v": 1e999}\n')
    assert "beyond the range of 64-bit floats" in refused(one("real"), tmp_path / "t.csv", "v\n1e999\n")


def test_fractions_in_a_typed_integer_column(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": [1.0, 2.5]}), path)
    assert "row 2, column 'v': 2.5 is not an integer; declare the column 'real'" in refused(
        one("integer"), path, path.read_bytes()
    )
    assert "row 1, column 'v': '2.5' is not an integer" in refused(one("integer"), tmp_path / "t.jsonl", '{"v": 2.5}\n')


def test_typed_column_of_another_kind(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": [True]}), path)
    message = refused(one("integer"), path, path.read_bytes())
    assert message == (
        "column 'v' is stored as bool, but the schema declares it integer; "
        "change its kind in the schema, or store it as text"
    )


def test_duplicate_primary_key(tmp_path):
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "b.csv").write_text("id,age,sex\n3,1,F\n1,2,M\n")
    with pytest.raises(DataError) as caught:
        read_table(PATIENTS, [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert str(caught.value) == (
        f"{tmp_path / 'b.csv'}: row 2, column 'id': '1' is already in row 1 of {tmp_path / 'a.csv'}, but the "
        "primary key must be different in every row; remove one row, or name another 'primary_key'"
    )
    (tmp_path / "b.csv").write_text("id,age,sex\n3,1,F\n3,2,M\n")
    with pytest.raises(DataError, match="row 2, column 'id': '3' is already in row 1, but the primary key"):
        read_table(PATIENTS, [tmp_path / "b.csv"])


@pytest.mark.parametrize("content", ["", "id,age,sex", "id,age,sex\n", "\n\n"])
def test_empty_table(tmp_path, content):
    assert refused(PATIENTS, tmp_path / "p.csv", content) == (
        "table 'patients' has no rows; give a file with at least one record"
    )
    assert "has no rows" in refused(PATIENTS, tmp_path / "p.jsonl", "")


def test_header_is_checked_in_a_file_without_rows(tmp_path):
    assert "lacks column 'sex'" in refused(PATIENTS, tmp_path / "p.csv", "id,age\n")


def test_bytes_that_are_not_utf8(tmp_path):
    message = refused(PATIENTS, tmp_path / "p.csv", b"id,age,sex\n1,30,F\n\xe9,31,M\n")
    assert message == (
        "row 2 (line 3), column 'id': byte 0xe9 is not utf-8; save the file as UTF-8, "
        "or declare its 'encoding' under 'format' in the schema (such as latin-1)"
    )
    assert "line 1: byte 0xe9 is not utf-8" in refused(PATIENTS, tmp_path / "p.csv", b"id,age,s\xe9x\n1,30,F\n")
    assert "line 1: byte 0xe9 is not utf-8" in refused(PATIENTS, tmp_path / "p.jsonl", b'{"id": "\xe9"}\n')
    ascii_only = Table(name="t", columns=COLUMNS, format=Format(encoding="ascii"))
    assert "line 2: byte 0xc3 is not ascii" in refused(ascii_only, tmp_path / "p.csv", "id,age,sex\né,30,F\n")


def test_ragged_rows_are_named_by_line(tmp_path):
    message = refused(PATIENTS, tmp_path / "p.csv", 'id,age,sex\n"1\n1",30,F\n\n2,31\n')
    assert message == (
        "row 2 (line 5) has 2 fields, but the first line has 3; "
        "put values that hold ',', quotes or line breaks into double quotes"
    )
    assert "row 1 (line 2) has 4 fields" in refused(PATIENTS, tmp_path / "p.csv", "id,age,sex\n1,30,F,x\n")


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("date", "2023-02-29", "'2023-02-29' is not a date of the calendar, such as 2024-01-31; correct the value"),
        ("date", "yesterday", "'yesterday' is not a date of the calendar"),
        ("date", "today", "'today' is not a date of the calendar"),
        ("date", "2024-01-31 10:00", "is not a date of the calendar"),
        ("datetime", "now", "'now' is not a time of the calendar, such as 2024-01-31T09:30:00"),
        ("datetime", "2024-01-31T25:00:00", "is not a time of the calendar"),
        ("datetime", "12024-01-31", "is not a time of the calendar"),
        ("datetime", "2024-01-31T09:00:00Z", "has a time zone, which this kind does not keep"),
        ("datetime", "2024-01-31 09:00:00+01:00", "has a time zone, which this kind does not keep"),
        ("boolean", "maybe", "'maybe' is not a boolean (true or false, yes or no, 1 or 0)"),
    ],
)
def test_dates_times_and_booleans_that_are_none(tmp_path, kind, value, message):
    assert message in refused(one(kind), tmp_path / "t.csv", f"v\n{value}\n")


def test_dates_in_another_than_the_declared_format_or_out_of_range(tmp_path):
    german = one("date", datetime_format="%d.%m.%Y", low="1900-01-01", high="2024-12-31")
    assert "in the declared datetime_format %d.%m.%Y" in refused(german, tmp_path / "t.csv", "v\n2024-01-31\n")
    assert refused(german, tmp_path / "t.csv", "v\n01.01.2000\n31.12.1899\n") == (
        "row 2, column 'v': 1899-12-31T00:00:00 is below the declared low 1900-01-01; "
        "correct the value, or widen 'low' in the schema"
    )
    assert "2025-01-01T00:00:00 is above the declared high 2024-12-31" in refused(
        german, tmp_path / "t.csv", "v\n01.01.2025\n"
    )


def test_times_of_day_in_a_typed_date_column(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": pa.array([3_600_000_000], pa.timestamp("us"))}), path)
    assert "has a time of day; declare the column 'datetime'" in refused(one("date"), path, path.read_bytes())


def test_value_outside_the_declared_bounds(tmp_path):
    assert refused(PATIENTS, tmp_path / "p.csv", "id,age,sex\n1,30,F\n2,121,M\n") == (
        "row 2, column 'age': 121 is above the declared high 120; correct the value, or widen 'high' in the schema"
    )
    assert "row 1, column 'age': -1 is below the declared low 0" in refused(
        PATIENTS, tmp_path / "p.csv", "id,age,sex\n1,-1,F\n"
    )
    grid = one("real", edges=(0.0, 1.0, 2.0))
    assert "2.5 is above the declared edges 2; correct the value, or widen 'edges'" in refused(
        grid, tmp_path / "t.csv", "v\n2.5\n"
    )


def test_category_that_is_not_declared(tmp_path):
    assert refused(PATIENTS, tmp_path / "p.csv", "id,age,sex\n1,30,F\n2,31,f\n") == (
        "row 2, column 'sex': 'f' is not among the declared categories (F, M); "
        "correct the value, or add it to 'categories' in the schema"
    )
    many = one("categorical", categories=tuple(f"c{index}" for index in range(1000)))
    assert len(refused(many, tmp_path / "t.csv", "v\n" + "x" * 500 + "\n")) < 400


def test_missing_value_where_none_may_be(tmp_path):
    assert refused(PATIENTS, tmp_path / "p.csv", "id,age,sex\n1,30,F\n2,31,\n") == (
        "row 2, column 'sex': the value is missing, but the column is declared 'nullable: false'; "
        "fill it in, or change the schema"
    )
    assert "column 'id': the value is missing, but the column is the primary key" in refused(
        PATIENTS, tmp_path / "p.csv", "id,age,sex\n,30,F\n"
    )
    owned = Table(name="t", columns=COLUMNS, unit="id")
    assert "column 'id': the value is missing, but the column is the unit column" in refused(
        owned, tmp_path / "p.csv", "id,age,sex\n,30,F\n"
    )


def test_json_lines_that_are_no_objects(tmp_path):
    table = one("integer")
    assert "line 2: this is no JSON" in refused(table, tmp_path / "t.jsonl", '{"v": 1}\n{"v": \n')
    assert "line 1: [1] is no JSON object; give one object a line" in refused(table, tmp_path / "t.jsonl", "[1]\n")
    assert "row 1, column 'v': [1] is nested, but a column holds plain values" in refused(
        table, tmp_path / "t.jsonl", '{"v": [1]}\n'
    )


def test_files_that_break_off_or_are_something_else(tmp_path):
    big = ("id,age,sex\n" + "".join(f"{index},30,F\n" for index in range(50_000))).encode()
    assert "damaged or breaks off" in refused(PATIENTS, tmp_path / "p.csv.gz", gzip.compress(big)[:-200])
    assert "damaged or breaks off" in refused(PATIENTS, tmp_path / "p.csv.zst", zstandard.compress(big)[:-200])
    assert "this is no readable Parquet file" in refused(PATIENTS, tmp_path / "p.parquet", b"PAR1 and no more")
