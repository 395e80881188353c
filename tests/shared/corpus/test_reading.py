"""Reading tables: sources, formats, types, missing values, chunks."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from shared.corpus.checks import dangling_keys
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.reading import iterate_table, read_corpus, read_table
from shared.corpus.schema import Column, ForeignKey, Format, Schema, Table
from shared.errors import DataError

VISITS = Table(
    name="visits",
    columns=(
        Column(name="id", kind="identifier"),
        Column(name="day", kind="date"),
        Column(name="at", kind="datetime"),
        Column(name="age", kind="integer"),
        Column(name="weight", kind="real"),
        Column(name="result", kind="categorical"),
        Column(name="smoker", kind="boolean"),
    ),
    missing=("?", ""),
)
CSV = (
    "id,day,at,age,weight,result,smoker\n"
    "007,2024-02-29,2024-02-29T10:30:00,41,70.5,None,yes\n"
    '"a,""b""",?,2024-02-29 10:30:00.250,-3,1e2,"two\nlines",FALSE\n'
    "?,,?,?,,?,\n"
)


def expected():
    return pd.DataFrame(
        {
            "id": pd.Series(["007", 'a,"b"', None], dtype="str"),
            "day": pd.Series(["2024-02-29", None, None], dtype="datetime64[us]"),
            "at": pd.Series(["2024-02-29T10:30:00", "2024-02-29T10:30:00.250", None], dtype="datetime64[us]"),
            "age": pd.Series([41, -3, None], dtype="Int64"),
            "weight": pd.Series([70.5, 100.0, None], dtype="float64"),
            "result": pd.Series(["None", "two\nlines", None], dtype="str"),
            "smoker": pd.Series([True, False, None], dtype="boolean"),
        }
    )


def table(*columns, **extra):
    return Table(name="t", columns=columns, **extra)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst"])
def test_csv_gives_the_types_of_the_kinds(tmp_path, ending):
    path = tmp_path / f"visits.{ending}"
    content = CSV.encode()
    packed = {"csv": content, "csv.gz": gzip.compress(content), "csv.zst": zstandard.compress(content)}[ending]
    path.write_bytes(packed)
    frame = read_table(VISITS, [path])
    pd.testing.assert_frame_equal(frame, expected())
    assert [str(dtype) for dtype in frame.dtypes] == [DTYPES[column.kind] for column in VISITS.columns]


def test_compressed_files_of_several_frames_are_read_whole(tmp_path):
    head, rest = CSV[:60].encode(), CSV[60:].encode()
    (tmp_path / "a.csv.zst").write_bytes(zstandard.compress(head) + zstandard.compress(rest))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(head) + gzip.compress(rest))
    for name in ("a.csv.zst", "a.csv.gz"):
        pd.testing.assert_frame_equal(read_table(VISITS, [tmp_path / name]), expected())


def test_json_lines_give_the_same_frame(tmp_path):
    path = tmp_path / "visits.jsonl"
    path.write_text(
        '{"id": 7, "day": "2024-02-29", "at": "2024-02-29T10:30:00", "age": 41, "weight": 70.5, "result": "None",'
        ' "smoker": true}\n\n'
        '{"smoker": "no", "id": "a,\\"b\\"", "day": "?", "at": "2024-02-29 10:30:00.250", "age": "-3", "weight": 100,'
        ' "result": "two\\nlines"}\n'
        '{"id": null, "age": null}\n'
    )
    frame = expected()
    frame.loc[0, "id"] = "7"
    pd.testing.assert_frame_equal(read_table(VISITS, [path]), frame)


def test_parquet_gives_the_same_frame_from_its_own_types(tmp_path):
    path = tmp_path / "visits.parquet"
    frame = expected()
    stored = pa.table(
        {
            "extra": [1, 2, 3],
            "id": pa.array(frame["id"]).dictionary_encode(),
            "day": pa.array(frame["day"]).cast(pa.date32()),
            "at": pa.array(frame["at"]).cast(pa.timestamp("ns")),
            "age": pa.array([41.0, -3.0, np.nan]),
            "weight": pa.array([70.5, 100.0, np.nan]),
            "result": pa.array(frame["result"]),
            "smoker": pa.array([True, False, None]),
        }
    )
    pq.write_table(stored.drop_columns("extra"), path)
    pd.testing.assert_frame_equal(read_table(VISITS, [path]), frame)


def test_the_ending_of_a_file_overrules_the_declared_kind(tmp_path):
    declared = Table(name="t", columns=(Column(name="a", kind="integer"),), format=Format(kind="csv"))
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "t.parquet")
    assert read_table(declared, [tmp_path / "t.parquet"])["a"].tolist() == [1, 2]


def test_padded_values_without_a_header_in_another_encoding(tmp_path):
    columns = (Column(name="n", kind="integer"), Column(name="c", kind="categorical", spellings=(("F.", "F"),)))
    format = Format(header=False, strip=True, delimiter=";", encoding="latin-1")
    (tmp_path / "t.data").write_bytes(' 1; caf\xe9\n2 ; "F."\n 3;\t?\n\n'.encode("latin-1"))
    frame = read_table(table(*columns, missing=("?",), format=format), [tmp_path / "t.data"])
    assert frame["n"].tolist() == [1, 2, 3]
    assert frame["c"].tolist()[0] == "café"
    assert frame["c"].isna().tolist() == [False, False, True]
    assert frame["c"][1] == "F"


def test_padded_values_may_be_quoted(tmp_path, monkeypatch):
    monkeypatch.setattr("shared.corpus.csv_reading._ROWS", 2)
    two = table(Column(name="n", kind="integer"), Column(name="c", kind="categorical"), format=Format(strip=True))
    rows = 'c, n\n"a, b" , 1\nx, 2\n\n "say ""y""", 3\n'
    (tmp_path / "t.csv").write_text(rows)
    frame = read_table(two, [tmp_path / "t.csv"])
    assert frame["n"].tolist() == [1, 2, 3]
    assert frame["c"].tolist() == ["a, b", "x", 'say "y"']
    (tmp_path / "t.csv").write_text(rows + "z\n")
    with pytest.raises(DataError, match=r"row 4 \(line 6\) has 1 fields, but the first line has 2"):
        read_table(two, [tmp_path / "t.csv"])
    (tmp_path / "t.csv").write_bytes(rows.encode() + b"\xff, 4\n")
    with pytest.raises(DataError, match="line 6: byte 0xff is not utf-8"):
        read_table(two, [tmp_path / "t.csv"])
    (tmp_path / "t.csv").write_text('c, n\n "a", 1\n')
    assert read_table(two, [tmp_path / "t.csv"])["c"].tolist() == ["a"]


def test_utf16_and_byte_order_marks_are_read(tmp_path):
    column = Column(name="a", kind="categorical")
    (tmp_path / "t.csv").write_bytes("a\ncafé\n".encode("utf-16"))
    assert read_table(table(column, format=Format(encoding="utf-16")), [tmp_path / "t.csv"])["a"].tolist() == ["café"]
    (tmp_path / "t.csv").write_bytes("a\ncafé\n".encode("utf-8-sig"))
    assert read_table(table(column), [tmp_path / "t.csv"])["a"].tolist() == ["café"]


def test_columns_may_stand_in_another_order(tmp_path):
    (tmp_path / "t.csv").write_text("b,a\nx,1\n")
    frame = read_table(
        table(Column(name="a", kind="integer"), Column(name="b", kind="categorical")), [tmp_path / "t.csv"]
    )
    assert frame.columns.tolist() == ["a", "b"]
    assert frame.loc[0].tolist() == [1, "x"]


def test_missing_spellings_of_a_column_replace_those_of_its_table(tmp_path):
    columns = (Column(name="a", kind="categorical"), Column(name="b", kind="categorical", missing=("None",)))
    (tmp_path / "t.csv").write_text("a,b\nNone,None\n,\n")
    frame = read_table(table(*columns), [tmp_path / "t.csv"])
    assert frame["a"].isna().tolist() == [False, True]
    assert frame["b"].isna().tolist() == [True, False]
    assert frame["b"][1] == ""


def test_declared_formats_of_dates_and_times(tmp_path):
    columns = (
        Column(name="d", kind="date", datetime_format="%d.%m.%Y", low="2024-01-01", high="2024-12-31"),
        Column(name="t", kind="datetime", datetime_format="%Y-%m-%dT%H:%MZ"),
        Column(name="m", kind="date", datetime_format="%Y-%m-%d %H:%M:%S"),
    )
    (tmp_path / "t.csv").write_text("d,t,m\n31.12.2024,2024-05-06T07:08Z,9999-12-31 00:00:00\n")
    frame = read_table(table(*columns), [tmp_path / "t.csv"])
    assert [str(value) for value in frame.loc[0]] == [
        "2024-12-31 00:00:00",
        "2024-05-06 07:08:00",
        "9999-12-31 00:00:00",
    ]


def test_one_row_constant_columns_and_columns_without_any_value_are_read(tmp_path):
    kinds = ("categorical", "identifier", "integer", "real", "boolean", "date", "datetime")
    columns = tuple(Column(name=kind, kind=kind) for kind in kinds)
    (tmp_path / "t.csv").write_text(",".join(kinds) + "\n,,,,,,\n")
    (tmp_path / "t.jsonl").write_text(json.dumps(dict.fromkeys(kinds)) + "\n")
    pq.write_table(pa.table({kind: pa.nulls(1) for kind in kinds}), tmp_path / "t.parquet")
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        frame = read_table(table(*columns), [tmp_path / name])
        assert frame.isna().all(axis=None)
        assert [str(dtype) for dtype in frame.dtypes] == [DTYPES[kind] for kind in kinds]
    (tmp_path / "c.csv").write_text("n\n5\n5\n")
    assert read_table(table(Column(name="n", kind="integer")), [tmp_path / "c.csv"])["n"].tolist() == [5, 5]


def test_a_glob_is_all_files_of_one_table_by_name(tmp_path):
    for part in (2, 1, 10):
        (tmp_path / f"part-{part:02}.csv").write_text(f"n\n{part}\n")
    schema = Schema(tables=(table(Column(name="n", kind="integer")),))
    assert read_corpus(schema, str(tmp_path / "part-*.csv")).tables["t"]["n"].tolist() == [1, 2, 10]
    assert read_corpus(schema, tmp_path / "part-02.csv").tables["t"]["n"].tolist() == [2]


def test_a_folder_holds_a_file_or_a_folder_of_parts_for_each_table(tmp_path):
    number = (Column(name="n", kind="integer"),)
    schema = Schema(tables=(Table(name="a", columns=number), Table(name="b", columns=number)))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"n\n1\n"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.csv").write_text("n\n3\n")
    (tmp_path / "b" / "1.jsonl").write_text('{"n": 2}\n')
    (tmp_path / "b" / "notes.txt").write_text("not a part")
    (tmp_path / "schema.yaml").write_text("not read here")
    corpus = read_corpus(schema, tmp_path)
    assert corpus.tables["a"]["n"].tolist() == [1]
    assert corpus.tables["b"]["n"].tolist() == [2, 3]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_chunks_together_are_the_table(tmp_path, ending):
    one = table(Column(name="n", kind="integer"))
    for part in range(2):
        numbers = range(part * 25, part * 25 + 25)
        path = tmp_path / f"{part}.{ending}"
        if ending == "csv":
            path.write_text("n\n" + "".join(f"{number}\n" for number in numbers))
        elif ending == "jsonl":
            path.write_text("".join(f'{{"n": {number}}}\n' for number in numbers))
        else:
            pq.write_table(pa.table({"n": list(numbers)}), path, row_group_size=7)
    files = sorted(tmp_path.iterdir())
    chunks = list(iterate_table(one, files, rows=10))
    assert [len(chunk) for chunk in chunks] == [10, 10, 5, 10, 10, 5]
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), read_table(one, files))


def test_chunks_know_their_row_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("n\n" + "1\n" * 25 + "x\n")
    with pytest.raises(DataError, match="row 26, column 'n': 'x' is not an integer"):
        list(iterate_table(table(Column(name="n", kind="integer")), [tmp_path / "t.csv"], rows=10))


def test_rows_are_numbered_across_blocks_of_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr("shared.corpus.csv_reading._BLOCK", 1 << 12)
    (tmp_path / "t.csv").write_text("n,m\n" + "1,2\n" * 5000 + "1\n")
    two = table(Column(name="n", kind="integer"), Column(name="m", kind="integer"))
    with pytest.raises(DataError, match=r"row 5001 \(line 5002\) has 1 fields"):
        read_table(two, [tmp_path / "t.csv"])
    (tmp_path / "t.csv").write_bytes(b"n,m\n" + b"1,2\n" * 5000 + b"1,\xff\n")
    with pytest.raises(DataError, match=r"row 5001 \(line 5002\), column 'm': byte 0xff"):
        read_table(two, [tmp_path / "t.csv"])


def test_foreign_keys_that_point_nowhere_are_counted():
    schema = Schema(
        tables=(
            Table(name="patients", columns=(Column(name="id", kind="identifier"),), primary_key="id"),
            Table(
                name="visits",
                columns=(Column(name="patient", kind="identifier"),),
                foreign_keys=(ForeignKey(column="patient", table="patients"),),
            ),
        )
    )
    patients = pd.DataFrame({"id": pd.Series(["1", "2"], dtype="str")})

    def counts(values):
        visits = pd.DataFrame({"patient": pd.Series(values, dtype="str")})
        return dangling_keys(Corpus(schema, {"patients": patients, "visits": visits}))

    assert counts(["1", "2", None, "1"]) == {}
    assert counts(["1", "3", "4", "3"]) == {"visits.patient": 3}


@pytest.mark.realdata
def test_real_tables_are_read(real_data):
    drugs = {"A1Cresult", "max_glu_serum"}
    with gzip.open(real_data / "medical/diabetes130/diabetic_data.csv.gz", "rt") as stream:
        names = stream.readline().strip().split(",")
    columns = tuple(Column(name=name, kind="categorical") for name in names)
    frame = read_table(
        Table(name="d", columns=columns, missing=("?",), format=Format(compression="gz")),
        [real_data / "medical/diabetes130/diabetic_data.csv.gz"],
    )
    assert frame.shape == (101_766, 50)
    assert all((frame[name] == "None").sum() > 80_000 for name in drugs)
    assert frame["patient_nbr"].nunique() == 71_518
