"""Writing tables: layout, reproducible bytes, memory, and what cannot be written."""

import gzip
import json
import resource
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, Format, Schema, Table
from shared.corpus.schema_file import read_schema
from shared.corpus.writing import CorpusWriter, write_corpus
from shared.errors import DataError, OutputError

COLUMNS = (
    Column(name="id", kind="identifier", stored="integer"),
    Column(name="note, long", kind="categorical"),
    Column(name="day", kind="date", datetime_format="%d.%m.%Y"),
    Column(name="at", kind="datetime"),
    Column(name="x", kind="real", missing=("null",)),
)
FRAME = pd.DataFrame(
    {
        "id": pd.Series(["1", "2"], dtype="str"),
        "note, long": pd.Series(['say "a;b"', None], dtype="str"),
        "day": pd.Series(["2024-01-31", None], dtype="datetime64[us]"),
        "at": pd.Series(["2024-01-31T10:00:00", "2024-01-31T10:00:00.5"], dtype="datetime64[us]"),
        "x": [0.1, np.nan],
    }
)


def schema(**format):
    return Schema(tables=(Table(name="t", columns=COLUMNS, missing=("?", ""), format=Format(**format)),))


def written(folder, **format):
    write_corpus(Corpus(schema(**format), {"t": FRAME}), folder)
    return next(path for path in folder.iterdir() if path.name != "schema.yaml")


def test_csv_has_the_layout_that_the_table_declares(tmp_path):
    assert written(tmp_path, delimiter=";").read_text() == (
        "id;note, long;day;at;x\n"
        '1;"say ""a;b""";31.01.2024;2024-01-31T10:00:00;0.1\n'
        "2;?;?;2024-01-31T10:00:00.500000;null\n"
    )
    assert read_schema(tmp_path / "schema.yaml") == schema(delimiter=";")


def test_csv_without_header_in_gzip(tmp_path):
    path = written(tmp_path, header=False, compression="gz")
    assert path.name == "t.csv.gz"
    assert gzip.decompress(path.read_bytes()).startswith(b'1,"say ""a;b""",31.01.2024')


def test_json_lines_have_types_and_nulls(tmp_path):
    path = written(tmp_path, kind="jsonl")
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"id": 1, "note, long": 'say "a;b"', "day": "31.01.2024", "at": "2024-01-31T10:00:00", "x": 0.1},
        {"id": 2, "note, long": None, "day": None, "at": "2024-01-31T10:00:00.500000", "x": None},
    ]


def test_parquet_has_types(tmp_path):
    stored = pq.read_schema(written(tmp_path, kind="parquet", compression="zst"))
    assert [str(field.type) for field in stored] == ["int64", "string", "date32[day]", "timestamp[us]", "double"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("compression", [None, "gz", "zst"])
def test_equal_records_give_equal_bytes(tmp_path, kind, compression):
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        contents.append(written(tmp_path / name, kind=kind, compression=compression).read_bytes())
    assert contents[0] == contents[1]


def test_a_table_of_which_nothing_was_written_becomes_a_file_without_rows(tmp_path):
    with CorpusWriter(schema(), tmp_path):
        pass
    assert (tmp_path / "t.csv").read_text() == 'id,"note, long",day,at,x\n'


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    (tmp_path / "t.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"t.csv: this exists already; choose another target, or remove it first"):
        write_corpus(Corpus(schema(), {"t": FRAME}), tmp_path)
    assert (tmp_path / "t.csv").read_text() == "mine"


def test_other_columns_than_declared_are_refused(tmp_path):
    with (
        pytest.raises(
            DataError, match="table 't' cannot be written: its columns are id, x, but the schema declares id, "
        ),
        CorpusWriter(schema(), tmp_path) as writer,
    ):
        writer.write("t", FRAME[["id", "x"]])


@pytest.mark.parametrize(
    ("column", "format", "values", "message"),
    [
        ({"missing": ("?",)}, {}, ["?"], "'\\?' cannot be written, since it would be read back as something else"),
        ({}, {"strip": True}, [" a"], "' a' cannot be written, since it would be read back as something else"),
        ({"missing": ()}, {}, [None], "a value is missing, but no spelling of a missing value is declared"),
        ({}, {"encoding": "latin-1"}, ["€"], "'€' cannot be written in latin-1; declare the encoding utf-8"),
        (
            {"stored": "integer"},
            {"kind": "parquet"},
            ["x"],
            "a value is no integer, but the schema says 'stored: integer'",
        ),
    ],
)
def test_values_that_would_not_read_back_are_refused(tmp_path, column, format, values, message):
    table = Table(name="t", columns=(Column(name="c", kind="categorical", **column),), format=Format(**format))
    frame = pd.DataFrame({"c": pd.Series(values, dtype="str")})
    with pytest.raises(DataError, match=message) as caught:
        write_corpus(Corpus(Schema(tables=(table,)), {"t": frame}), tmp_path)
    assert "\n" not in str(caught.value)


def test_infinite_numbers_are_refused(tmp_path):
    table = Table(name="t", columns=(Column(name="x", kind="real"),))
    with pytest.raises(DataError, match="column 'x': an infinite number cannot be written"):
        write_corpus(Corpus(Schema(tables=(table,)), {"t": pd.DataFrame({"x": [np.inf]})}), tmp_path)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "csv.zst"])
def test_memory_does_not_grow_with_the_rows(tmp_path, ending):
    """A hundred chunks need no more than ten; measured in a process of its own."""
    script = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        import numpy as np, pandas as pd
        from shared.corpus.schema import Column, Format, Schema, Table
        from shared.corpus.writing import CorpusWriter
        kind, _, compression = sys.argv[1].partition(".")
        columns = tuple(Column(name=f"c{i}", kind="real") for i in range(5))
        format = Format(kind=kind, compression=compression or None)
        schema = Schema(tables=(Table(name="t", columns=columns, format=format),))
        frame = pd.DataFrame({f"c{i}": np.random.default_rng(i).random(5000) for i in range(5)})
        with CorpusWriter(schema, Path(sys.argv[2])) as writer:
            for chunk in range(60):
                writer.write("t", frame)
                if chunk == 19:
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        """
    )
    run = subprocess.run(
        [sys.executable, "-c", script, ending, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(run.stdout) < 12_000  # KiB; the 200,000 rows in between are 8 MB in memory and 20 MB as text


def test_a_file_that_cannot_grow_is_one_clear_line(tmp_path):
    """The limit on the size of a file stands in for a full disk: both fail in the middle of a write."""
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        import numpy as np, pandas as pd
        from shared.corpus.folders import fresh_folder
        from shared.corpus.schema import Column, Schema, Table
        from shared.corpus.writing import CorpusWriter
        from shared.errors import OutputError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        schema = Schema(tables=(Table(name="t", columns=(Column(name="x", kind="real"),)),))
        try:
            with fresh_folder(Path(sys.argv[1])) as folder, CorpusWriter(schema, folder) as writer:
                for _ in range(100):
                    writer.write("t", pd.DataFrame({"x": np.random.default_rng(0).random(1000)}))
        except OutputError as error:
            print(error)
            sys.exit(error.exit_code)
        """
    )
    target = tmp_path / "out"
    run = subprocess.run(
        [sys.executable, "-c", script, str(target)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 2, run.stderr
    assert run.stdout.count("\n") == 1
    assert "the file grew beyond the largest size that is allowed here" in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_limits_of_this_process_are_untouched():
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
