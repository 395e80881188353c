"""Reading as text takes whatever a cell holds, and agrees with the strict reader where that reads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from shared.corpus.corpus import Corpus
from shared.corpus.lenient import fingerprint, read_texts
from shared.corpus.reading import read_corpus
from shared.corpus.schema import Column, Format, Schema, Table
from shared.corpus.writing import write_corpus
from shared.errors import DataError

COLUMNS = (
    Column(name="id", kind="identifier"),
    Column(name="sex", kind="categorical", categories=("F", "M")),
    Column(name="age", kind="integer", low=0, high=110),
    Column(name="weight", kind="real"),
    Column(name="smoker", kind="boolean"),
    Column(name="day", kind="date", datetime_format="%d.%m.%Y"),
    Column(name="seen", kind="datetime"),
)


def schema(**format: object) -> Schema:
    return Schema(tables=(Table(name="t", columns=COLUMNS, format=Format(**format), missing=("", "?")),))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_good_corpus_is_read_as_the_strict_reader_reads_it(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame(
        {
            "id": pd.Series(["a", "b", None], dtype="str"),
            "sex": pd.Series(["F", None, "M"], dtype="str"),
            "age": pd.Series([1, None, 3], dtype="Int64"),
            "weight": [1.5, 2e-7, float("nan")],
            "smoker": pd.Series([True, None, False], dtype="boolean"),
            "day": pd.to_datetime(pd.Series(["2024-01-31", None, "1999-12-01"]), format="ISO8601").astype(
                "datetime64[us]"
            ),
            "seen": pd.to_datetime(
                pd.Series(["2024-01-31 01:02:03.000004", None, "1999-12-01"]), format="ISO8601"
            ).astype("datetime64[us]"),
        }
    )
    declared = schema(kind=kind)
    write_corpus(Corpus(declared, {"t": frame}), tmp_path)
    strict = read_corpus(declared, tmp_path).tables["t"]
    texts = read_texts(declared, tmp_path)
    pd.testing.assert_frame_equal(texts.corpus().tables["t"], strict)
    assert not any(texts.parsed("t", column.name)[1].any() for column in COLUMNS)


def test_cells_that_break_the_schema_are_marked_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,sex,age,weight,smoker,day,seen\na,X,old,1,perhaps,2024-01-31,soon\nb,F,200,?,yes,31.01.2024,\n")
    texts = read_texts(schema(), path)
    bad = {column.name: texts.parsed("t", column.name)[1].tolist() for column in COLUMNS}
    assert bad == {
        "id": [False, False],
        "sex": [True, False],
        "age": [True, False],
        "weight": [False, False],
        "smoker": [True, False],
        "day": [True, False],
        "seen": [True, False],
    }
    assert texts.tables["t"].index.tolist() == [1, 2]
    assert texts.typed("t")["age"].tolist()[1] == 200
    with pytest.raises(DataError, match="row 1, column 'age': 'old' is no integer"):
        texts.corpus()


def test_a_time_of_day_in_a_column_of_dates_is_seen(tmp_path: Path) -> None:
    declared = Schema(tables=(Table(name="t", columns=(Column(name="day", kind="date"),)),))
    pd.DataFrame({"day": pd.to_datetime(["2024-01-31 10:00", "2024-01-31 00:00"])}).to_parquet(tmp_path / "t.parquet")
    assert read_texts(declared, tmp_path).parsed("t", "day")[1].tolist() == [True, True]


def test_the_fingerprint_tells_sources_apart(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    prints = set()
    for age in ("1", "2", "01"):
        path.write_text(f"id,sex,age,weight,smoker,day,seen\na,F,{age},,,,\n")
        prints.add(fingerprint(read_texts(schema(), path)))
    assert len(prints) == 3
